using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Meshara.Cli.Control;
using Xunit;

namespace Meshara.Cli.Tests.Control;

public sealed class ControlServerTests : IDisposable
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(30);

    private readonly TempFolder _folder = new();
    private readonly ManualTimeProvider _time = new();
    private readonly TaskCompletionSource _cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task CallAsync_PartsAndEnd_AllArrive()
    {
        await using ControlServer server = Start();
        List<ControlReply> parts = [];

        ControlReply end = await CallAsync("parts", part: parts.Add);

        Assert.Equal(["0", "1", "2"], parts.Select(part => part.Peer));
        Assert.True(end.Ok);
    }

    [Fact]
    public async Task CallAsync_CommandThatThrows_GivesCodeAndMessage()
    {
        await using ControlServer server = Start();

        ControlException e = await Assert.ThrowsAsync<ControlException>(() => CallAsync("fail"));

        Assert.Equal("not-admitted", e.Code);
        Assert.Equal("[no]\nway", e.Message);
    }

    [Fact]
    public async Task CallAsync_CommandWithABug_IsReportedAndTheServerLives()
    {
        await using ControlServer server = Start();

        Assert.Equal("internal-error", (await Assert.ThrowsAsync<ControlException>(() => CallAsync("bug"))).Code);
        Assert.True((await CallAsync("parts")).Ok);
    }

    [Fact]
    public async Task CallAsync_HundredAtOnce_AllAreAnswered()
    {
        await using ControlServer server = Start();

        ControlReply[] replies = await Task.WhenAll(Enumerable.Range(0, 300).Select(_ => CallAsync("parts"))).WaitAsync(Guard);

        Assert.All(replies, reply => Assert.True(reply.Ok));
    }

    [Fact]
    public async Task CallAsync_NobodyRuns_SaysHowToStart()
    {
        ControlException e = await Assert.ThrowsAsync<ControlException>(() => CallAsync("parts"));

        Assert.Equal("not-running", e.Code);
        Assert.Contains($"meshara run --data {_folder.Path}", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CallAsync_SocketOfADeadNode_SaysNobodyRuns()
    {
        using (Socket dead = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(ControlPath.Direct(_folder.Path)));
            dead.Listen();
        }

        // .NET removes the file of a socket that it closes; a killed process does not.
        await File.WriteAllTextAsync(ControlPath.Direct(_folder.Path), "");

        Assert.Equal("not-running", (await Assert.ThrowsAsync<ControlException>(() => CallAsync("parts"))).Code);
        await using ControlServer server = Start();
        Assert.True((await CallAsync("parts")).Ok);
    }

    [Fact]
    public async Task CallAsync_NodeThatIsStillStarting_IsWaitedFor()
    {
        await using Node node = await StartSilentAsync();
        Task<ControlReply> call = CallAsync("parts", time: _time);
        await Task.Yield();
        Assert.False(call.IsCompleted);

        await using ControlServer server = Start();
        await Eventually.TrueAsync(() => Passed(call, TimeSpan.FromMilliseconds(10)));

        Assert.True((await call).Ok);
    }

    [Fact]
    public async Task CallAsync_HolderNeverAnswers_SaysAfterThreeSecondsThatItMayBeStarting()
    {
        await using Node node = await StartSilentAsync();
        TimeSpan begun = _time.Now;
        Task<ControlReply> call = CallAsync("parts", time: _time);
        await Eventually.TrueAsync(() => Passed(call, TimeSpan.FromMilliseconds(50)));

        ControlException e = await Assert.ThrowsAsync<ControlException>(() => call);

        Assert.Equal("in-use", e.Code);
        Assert.Contains($"in use by process {Environment.ProcessId} ", e.Message, StringComparison.Ordinal);
        Assert.Contains("still starting", e.Message, StringComparison.Ordinal);
        Assert.True(_time.Now - begun >= ControlClient.StartsWithin);
    }

    // It has the directory and no control socket.
    private Task<Node> StartSilentAsync() =>
        Node.StartAsync(new NodeOptions { Mesh = "test", DataDirectory = _folder.Path, Listen = ["alice:1"], Transport = new MemoryTransport() });

    private bool Passed(Task call, TimeSpan step)
    {
        _time.Advance(step);
        return call.IsCompleted;
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"command\":7}")]
    public async Task Serve_Garbage_IsAnsweredInPlainWords(string line)
    {
        await using ControlServer server = Start();
        using Socket client = await ConnectAsync(server);
        await client.SendAsync(Encoding.UTF8.GetBytes(line + "\n"));

        byte[] answer = new byte[4096];
        string text = Encoding.UTF8.GetString(answer, 0, await client.ReceiveAsync(answer).WaitAsync(Guard));

        using JsonDocument reply = JsonDocument.Parse(text);
        Assert.Equal("bad-request", reply.RootElement.GetProperty("code").GetString());
        Assert.Equal("The control socket takes one JSON object a line, as the meshara command writes it, and this is none.", reply.RootElement.GetProperty("message").GetString());
    }

    [Fact]
    public async Task CallAsync_NodeStopsMeanwhile_IsAnError()
    {
        ControlServer server = Start();
        Task<ControlReply> call = CallAsync("wait");
        await _started.Task.WaitAsync(Guard);

        await server.DisposeAsync().AsTask().WaitAsync(Guard);

        Assert.Equal("cancelled", (await Assert.ThrowsAsync<ControlException>(() => call)).Code);
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public async Task Serve_ClientThatSaysNothing_IsClosedAtTheDeadline()
    {
        await using ControlServer server = Start();
        using Socket client = await ConnectAsync(server);
        await Eventually.TrueAsync(() => _time.PendingTimers > 0);

        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(0, await client.ReceiveAsync(new byte[1]).WaitAsync(Guard));
    }

    [Fact]
    public async Task Serve_HangingClients_HinderNobody()
    {
        await using ControlServer server = Start();
        List<Socket> hanging = [];
        for (int i = 0; i < 100; i++)
        {
            hanging.Add(await ConnectAsync(server));
            await hanging[i].SendAsync("{\"command\":"u8.ToArray());
        }

        Assert.True((await CallAsync("parts")).Ok);
        hanging.ForEach(client => client.Dispose());
    }

    [Fact]
    public async Task Serve_ClientThatReadsNothing_IsClosedAtTheDeadline()
    {
        await using ControlServer server = Start();
        using Socket client = await ConnectAsync(server);
        await client.SendAsync("{\"command\":\"flood\"}\n"u8.ToArray());
        await _started.Task.WaitAsync(Guard);

        // The buffers of the socket fill at some moment; from then on the deadline of one write runs.
        await Eventually.TrueAsync(() =>
        {
            _time.Advance(TimeSpan.FromSeconds(10));
            return _cancelled.Task.IsCompleted;
        });
    }

    [Fact]
    public async Task Serve_ClientThatLeaves_CancelsItsCommand()
    {
        await using ControlServer server = Start();
        using (Socket client = await ConnectAsync(server))
        {
            await client.SendAsync("{\"command\":\"wait\"}\n"u8.ToArray());
            await _started.Task.WaitAsync(Guard);
        }

        await _cancelled.Task.WaitAsync(Guard);
    }

    [Fact]
    public async Task Serve_EndlessLine_IsClosed()
    {
        await using ControlServer server = Start();
        using Socket client = await ConnectAsync(server);
        await Assert.ThrowsAnyAsync<SocketException>(async () =>
        {
            byte[] piece = new byte[64 << 10];
            for (int sent = 0; sent < 64 << 20; sent += piece.Length)
            {
                await client.SendAsync(piece).WaitAsync(Guard);
            }
        });
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{\"command\":5}")]
    [InlineData("")]
    public async Task Serve_Garbage_IsAnsweredBadRequest(string line)
    {
        await using ControlServer server = Start();
        using Socket client = await ConnectAsync(server);
        await client.SendAsync(Encoding.UTF8.GetBytes(line + "\n"));

        await using NetworkStream stream = new(client);
        string? answer = await new StreamReader(stream).ReadLineAsync().WaitAsync(Guard);

        ControlReply reply = JsonSerializer.Deserialize(answer!, ControlJson.Default.ControlReply)!;
        Assert.False(reply.Ok);
        Assert.Equal("bad-request", reply.Code);
    }

    [Fact]
    public async Task Start_Socket_IsForItsOwnerOnly()
    {
        Mode.Require();
        await using ControlServer server = Start();

        Assert.Equal(Mode.File, Mode.Of(server.Path));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(101)]
    [InlineData(230)]
    public async Task Start_PathAroundTheLimit_WorksWithAShortOne(int length)
    {
        string directory = Path.Combine(_folder.Path, new string('d', length - _folder.Path.Length - 1 - "/control.sock".Length));
        Directory.CreateDirectory(directory);
        Assert.Equal(length, ControlPath.Direct(directory).Length);
        string path;
        await using (ControlServer server = Start(directory))
        {
            path = server.Path;
            Assert.Equal(length <= ControlPath.Longest, path == ControlPath.Direct(directory));
            Assert.True(ControlPath.Fits(path));
            Assert.True((await CallAsync("parts", directory)).Ok);
            if (!OperatingSystem.IsWindows())
            {
                Assert.Equal(Mode.File, Mode.Of(path));
                Assert.True(length <= ControlPath.Longest || Mode.Of(Path.GetDirectoryName(path)!) == Mode.Directory);
            }
        }

        Assert.False(File.Exists(path));
        Assert.Empty(Directory.GetFiles(directory));
        Assert.True(length <= ControlPath.Longest || !Directory.Exists(Path.GetDirectoryName(path)));
    }

    [Fact]
    public async Task Find_PointerToADirectoryThatOthersMayEnter_IsNotFollowed()
    {
        Mode.Require();
        string directory = Directory.CreateDirectory(Path.Combine(_folder.Path, new string('d', 120))).FullName;
        await using ControlServer server = Start(directory);
        Mode.Set(Path.GetDirectoryName(server.Path)!, Mode.Directory | UnixFileMode.OtherExecute);

        Assert.Equal("not-running", (await Assert.ThrowsAsync<ControlException>(() => CallAsync("parts", directory))).Code);
    }

    private async Task<ControlReply> CallAsync(string command, string? directory = null, Action<ControlReply>? part = null, TimeProvider? time = null) =>
        await ControlClient.CallAsync(directory ?? _folder.Path, new ControlRequest { Command = command }, part, time ?? TimeProvider.System, CancellationToken.None).WaitAsync(Guard);

    private static async Task<Socket> ConnectAsync(ControlServer server)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(server.Path));
        return socket;
    }

    private ControlServer Start(string? directory = null) =>
        ControlServer.Start(directory ?? _folder.Path, ExecuteAsync, new ControlTimeouts { Time = _time });

    private async IAsyncEnumerable<ControlReply> ExecuteAsync(ControlRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        switch (request.Command)
        {
            case "fail":
                throw new MesharaException(MesharaErrorCode.NotAdmitted, "[no]\nway");
            case "bug":
                throw new InvalidOperationException("bug");
            case "wait":
                await WaitAsync(cancellationToken);
                break;
            case "flood":
                _started.SetResult();
                try
                {
                    while (true)
                    {
                        yield return new ControlReply { Message = new string('x', 64 << 10) };
                    }
                }
                finally
                {
                    _cancelled.TrySetResult();
                }
        }

        for (int i = 0; i < 3; i++)
        {
            yield return new ControlReply { Peer = $"{i}" };
        }

        yield return ControlReply.Done;
    }

    private async Task WaitAsync(CancellationToken cancellationToken)
    {
        _started.SetResult();
        try
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
        }
        finally
        {
            _cancelled.TrySetResult();
        }
    }
}
