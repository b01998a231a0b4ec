using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Meshara.Cli.Control;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Control;

/// <summary>Clients of the control socket that hang, lie or are not welcome, where pipes and watches are concerned.</summary>
public sealed class ControlPipeTests
{
    private static readonly byte[] Alive = [3, 0, 0, 0, 0];

    private readonly ManualTimeProvider _time = new();

    [Theory]
    [InlineData("")]
    [InlineData("00 00 00")]
    [InlineData("00 00 00 00 05 01 02")]
    public async Task Serve_PipeClientThatHangs_IsClosedAtItsDeadlineAndTheStreamAborted(string hex)
    {
        await using CommandBed bed = new();
        (Node bob, Task<int> piping, TestTerminal alice, Socket client) = await BeginAsync(bed);
        using Socket owned = client;
        await client.SendAsync(Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal)));
        await Eventually.TrueAsync(() => _time.PendingTimers > 0);

        // Until its time is over it disturbs nobody.
        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", new TestTerminal(), "ping", bob.Id.ToString(), "--count", "1"));
        Assert.False(piping.IsCompleted);
        await Eventually.TrueAsync(() =>
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            return piping.IsCompleted;
        });

        Assert.Equal(ExitCode.Failed, await piping);
        Assert.Contains("aborted", alice.Error, StringComparison.Ordinal);
        Assert.True(_time.Now >= TimeSpan.FromSeconds(30));
        await DrainAsync(client);
    }

    [Fact]
    public async Task Serve_PipeClientThatSpeaksInTime_IsKept()
    {
        await using CommandBed bed = new();
        (_, Task<int> piping, TestTerminal alice, Socket client) = await BeginAsync(bed);
        using Socket owned = client;
        for (int i = 1; i <= 5; i++)
        {
            // The byte behind it tells that it has been read.
            await client.SendAsync((byte[])[.. Alive, 0, 0, 0, 0, 1, 7]);
            await Eventually.TrueAsync(() => alice.Bytes.Length == i);
            _time.Advance(TimeSpan.FromSeconds(20));
        }

        Assert.False(piping.IsCompleted);
        client.Dispose();
        Assert.Equal(ExitCode.Failed, await piping);
    }

    [Theory]
    [InlineData("07 00 00 00 00")]
    [InlineData("00 00 01 00 01")]
    [InlineData("01 00 00 00 01 00")]
    public async Task Serve_PipeClientThatLies_IsClosedAndTheStreamAborted(string hex)
    {
        await using CommandBed bed = new();
        (Node bob, Task<int> piping, TestTerminal alice, Socket client) = await BeginAsync(bed);
        using Socket owned = client;

        await client.SendAsync(Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal)));

        Assert.Equal(ExitCode.Failed, await piping);
        Assert.Contains("aborted", alice.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", new TestTerminal(), "ping", bob.Id.ToString(), "--count", "1"));
    }

    [Fact]
    public async Task Serve_TwoHundredPipes_LeaveTheOrdinaryCommandsTheirPlaces()
    {
        await using CommandBed bed = new();
        await bed.StartPairAsync();
        List<Socket> waiting = [];
        int busy = 0;
        for (int i = 0; i < 200; i++)
        {
            Socket client = await ConnectAsync(bed, "bob");
            await client.SendAsync(Encoding.UTF8.GetBytes($"{{\"command\":\"pipe-accept\",\"protocol\":\"p/{i}\"}}\n"));
            busy += (await ReadLineAsync(client)).Code == "busy" ? 1 : 0;
            waiting.Add(client);
        }

        int[] codes = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => bed.RunAsync("bob", new TestTerminal(), "peers")));

        Assert.Equal(200 - 64, busy);
        Assert.All(codes, code => Assert.Equal(ExitCode.Done, code));
        waiting.ForEach(static client => client.Dispose());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Start_AnotherUser_CannotConnect(bool longPath)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.UserName == "root" && File.Exists("/usr/bin/setpriv") && File.Exists("/usr/bin/python3"), "Needs root, setpriv and python3.");
        using TempFolder folder = new();
        string directory = Directory.CreateDirectory(longPath ? folder[new string('d', 120)] : folder["data"]).FullName;
        Mode.Set(directory, Mode.Directory);
        await using ControlServer server = ControlServer.Start(directory, static (_, _) => AsyncEnumerable.Empty<ControlReply>());
        string script = $"import socket\ns = socket.socket(socket.AF_UNIX)\ntry:\n    s.connect('{server.Path}'); print('in')\nexcept OSError as e:\n    print(e.errno)\n";

        Assert.Equal("in", await PythonAsync("/usr/bin/python3", "-c", script));
        Assert.Equal("13", await PythonAsync("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", script));
    }

    private static async Task<string> PythonAsync(string program, params string[] args)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, args) { UseShellExecute = false, RedirectStandardOutput = true })!;
        string output = await process.StandardOutput.ReadToEndAsync().WaitAsync(CommandBed.Guard);
        await process.WaitForExitAsync().WaitAsync(CommandBed.Guard);
        return output.Trim();
    }

    // Alice's command pipes to a raw client of Bob's control socket.
    private async Task<(Node Bob, Task<int> Piping, TestTerminal Alice, Socket Client)> BeginAsync(CommandBed bed)
    {
        Node alice = await bed.StartAsync("alice");
        Node bob = await bed.StartAsync("bob", timeouts: new ControlTimeouts { Time = _time });
        await alice.AddPeerAsync(bob.Addresses[0]).WaitAsync(CommandBed.Guard);
        Socket client = await ConnectAsync(bed, "bob");
        await client.SendAsync("{\"command\":\"pipe-accept\",\"protocol\":\"pipe/1\"}\n"u8.ToArray());
        Assert.Equal("pipe/1", (await ReadLineAsync(client)).Protocol);
        TestTerminal terminal = new(input: new MemoryStream([1, 2, 3]));
        Task<int> piping = bed.RunAsync("alice", terminal, "pipe", bob.Id.ToString());
        Assert.True((await ReadLineAsync(client)).Ok);
        return (bob, piping, terminal, client);
    }

    private static async Task<Socket> ConnectAsync(CommandBed bed, string name)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(ControlPath.Find(bed.DirectoryOf(name))!));
        return socket;
    }

    // A byte at a time: what follows the line is not for it.
    private static async Task<ControlReply> ReadLineAsync(Socket client)
    {
        List<byte> line = [];
        byte[] one = new byte[1];
        while (true)
        {
            Assert.Equal(1, await client.ReceiveAsync(one).WaitAsync(CommandBed.Guard));
            if (one[0] == '\n')
            {
                return JsonSerializer.Deserialize(line.ToArray(), ControlJson.Default.ControlReply)!;
            }

            line.Add(one[0]);
        }
    }

    private static async Task DrainAsync(Socket client)
    {
        try
        {
            byte[] waste = new byte[1024];
            while (await client.ReceiveAsync(waste).WaitAsync(CommandBed.Guard) > 0)
            {
            }
        }
        catch (SocketException)
        {
            // Reset is closed as well.
        }
    }
}
