using System.Globalization;
using System.Net.Sockets;
using Meshara.Security;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Net;

/// <summary>The limits before TLS, over real sockets: loopback counts as public, so that each address of 127.0.0.0/8 is a caller of its own.</summary>
public sealed class AcceptDoorTests : IAsyncDisposable
{
    private readonly NodeBed _bed = new();
    private readonly ManualTimeProvider _clock = new();
    private readonly List<Socket> _sockets = [];
    private Node _node = null!;

    private int Port => _node.Addresses[0].Port;

    public async ValueTask DisposeAsync()
    {
        foreach (Socket socket in _sockets)
        {
            socket.Dispose();
        }

        await _bed.DisposeAsync(_clock);
    }

    [Theory]
    [InlineData(8, 2)]
    [InlineData(300, 5)]
    public async Task H1_SilentSockets_KeepNobodyOut(int count, int networks)
    {
        await StartAsync(virtualTime: false);
        for (int i = 0; i < count; i++)
        {
            await DialAsync($"127.{i % networks}.{i % networks}.{i / networks}");
        }

        await JoinAsync("127.200.0.1");
    }

    [Fact]
    public async Task Waiting_MoreThanThePoolTakes_TheSurplusIsClosed()
    {
        using Readings readings = new();
        await StartAsync();
        for (int i = 0; i < 200; i++)
        {
            await DialAsync($"127.{i % 5}.{i % 7}.{i}");
        }

        await Eventually.TrueAsync(() => Refused(readings, "pool") == 200 - 64);
        Assert.Equal((64, 0), _node.AtTheDoor);
        await Eventually.TrueAsync(() => _sockets.Count(HasEnded) == 200 - 64);
    }

    [Fact]
    public async Task H1_SilenceAfterConnect_ClosesAtTheDeadlineOfTls()
    {
        using Readings readings = new();
        await StartAsync();
        Socket silent = await DialAsync("127.1.0.1");
        await AtTheDoorAsync(1, 0);
        _clock.Advance(TimeSpan.FromSeconds(5) - TimeSpan.FromMilliseconds(1));
        Assert.Equal((1, 0), _node.AtTheDoor);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        await EndsAsync(silent);
        Assert.Equal(1, Refused(readings, "late"));
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    [InlineData("SSH-2.0-x\r\n")]
    [InlineData("\u0016\u0003\u0001\u00ff\u00ff")]
    public async Task H2H3_NoClientHello_ClosesAtOnce(string first)
    {
        using Readings readings = new();
        await StartAsync();
        Socket hostile = await DialAsync("127.1.0.1");
        await hostile.SendAsync(System.Text.Encoding.Latin1.GetBytes(first));
        await EndsAsync(hostile);
        Assert.Equal((1, TimeSpan.Zero), (Refused(readings, "not_tls"), _clock.Now));
    }

    [Fact]
    public async Task H4_ClientHelloAtOneByteASecond_ClosesAtTheTotalDeadline()
    {
        await StartAsync();
        byte[] hello = await HelloBytes.CaptureAsync();
        Socket slow = await DialAsync("127.1.0.1");
        await AtTheDoorAsync(1, 0);
        for (int i = 0; i < 5; i++)
        {
            await slow.SendAsync(hello.AsMemory(i, 1));
            Assert.Equal((1, 0), _node.AtTheDoor);
            _clock.Advance(TimeSpan.FromSeconds(1));
        }

        await EndsAsync(slow);
    }

    [Fact]
    public async Task H4_WholeClientHelloThenSilence_ClosesAtTheDeadlineFromAccept()
    {
        await StartAsync();
        await using EventLog events = new(_node);
        Socket slow = await DialAsync("127.1.0.1");
        await AtTheDoorAsync(1, 0);
        _clock.Advance(TimeSpan.FromSeconds(4));
        await slow.SendAsync(await HelloBytes.CaptureAsync());
        await AtTheDoorAsync(0, 1);
        Assert.True(await slow.ReceiveAsync(new byte[1]).WaitAsync(NodeBed.Guard) > 0);
        _clock.Advance(TimeSpan.FromSeconds(1));
        PeerRefused refused = await events.NextAsync<PeerRefused>();
        Assert.Equal(MesharaErrorCode.TlsTimeout, refused.Code);
        Assert.Contains("within 5 s", refused.Detail, StringComparison.Ordinal);
        await AtTheDoorAsync(0, 0);
    }

    [Fact]
    public async Task Stalled_EightHandshakesAndAnotherNetworkWaits_OneYieldsAfterASecond()
    {
        using Readings readings = new();
        await StartAsync();
        byte[] hello = await HelloBytes.CaptureAsync();
        for (int i = 0; i < 8; i++)
        {
            await (await DialAsync($"127.1.{i / 4}.{i}")).SendAsync(hello);
            await AtTheDoorAsync(0, i + 1);
        }

        TimeSpan yields = _clock.Now + TimeSpan.FromSeconds(1);
        int others = _clock.TimersAt(yields);
        Task joined = JoinAsync("127.200.0.1");
        await AtTheDoorAsync(1, 8);

        // Set when its ClientHello is here, which is a moment later.
        await Eventually.TrueAsync(() => _clock.TimersAt(yields) > others);
        _clock.Advance(TimeSpan.FromMilliseconds(999));
        Assert.Equal((1, 8), _node.AtTheDoor);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        await joined;
        Assert.Equal(1, Refused(readings, "stalled"));
        await EndsAsync(_sockets[0]);
        await AtTheDoorAsync(0, 7);
    }

    [Fact]
    public async Task F5_ClientHelloInSegmentsOfOneByte_Joins()
    {
        await StartAsync();
        await JoinAsync("127.1.0.1", static stream => new DribbleStream(stream));
    }

    [Fact]
    public async Task ClientHello_OfTheGreatestSize_IsAnswered()
    {
        await StartAsync();
        byte[] hello = HelloBytes.Pad(await HelloBytes.CaptureAsync(), 16 << 10);
        Socket socket = await DialAsync("127.1.0.1");
        foreach (byte[] part in hello.Chunk(1000))
        {
            await socket.SendAsync(part);
        }

        // ServerHello: a handshake record, no alert.
        byte[] answer = new byte[1];
        Assert.Equal(1, await socket.ReceiveAsync(answer).WaitAsync(NodeBed.Guard));
        Assert.Equal(22, answer[0]);
    }

    [Theory]
    [InlineData(true, 200)]
    [InlineData(false, 64)]
    public async Task TwoHundredCallersOfOneNetwork_AllIfItIsNamed(bool named, int expected)
    {
        await StartAsync(a => new AcceptLimits { TrustLoopback = a.TrustLoopback, TrustedRanges = named ? ["127.7.7.0/24"] : [], TotalBurst = 256, MaxWaiting = 256 });
        using NodeIdentity identity = NodeIdentity.Create();
        using NodeCertificate certificate = new(identity);
        SecureChannelOptions options = new(MinimumTls.Tls12, NodeBed.Guard, TimeProvider.System);
        int done = 0;
        foreach (int[] some in Enumerable.Range(1, 200).Chunk(20))
        {
            await Task.WhenAll(some.Select(i => CallAsync($"127.7.7.{i}")));
        }

        Assert.Equal(expected, done);

        async Task CallAsync(string source)
        {
            try
            {
                NetworkStream stream = new(await DialAsync(source), ownsSocket: false);
                await using SecureChannel channel = await SecureChannel.ConnectAsync(stream, certificate, null, "node", options, CancellationToken.None);

                // Its HELLO: TLS is done on both sides.
                await channel.Stream.ReadExactlyAsync(new byte[1]).AsTask().WaitAsync(NodeBed.Guard);
                Interlocked.Increment(ref done);
            }
            catch (Exception e) when (e is MesharaException or SocketException)
            {
                // Reset, perhaps before the connection was known here.
            }
        }
    }

    [Fact]
    public async Task OneAddress_BeyondItsBurst_IsResetAndAllowedAgainLater()
    {
        using Readings readings = new();
        await StartAsync();
        for (int i = 0; i < 16; i++)
        {
            (await DialAsync("127.1.0.1")).Dispose();
        }

        try
        {
            await EndsAsync(await DialAsync("127.1.0.1"));
        }
        catch (SocketException e)
        {
            // It came so soon that the connection was never known here.
            Assert.Equal(SocketError.ConnectionReset, e.SocketErrorCode);
        }

        Assert.Equal(1, Refused(readings, "address"));
        await JoinAsync("127.1.0.2");
        _clock.Advance(TimeSpan.FromSeconds(5));
        await JoinAsync("127.1.0.1");
        Assert.Equal(0, TimeWaits());
    }

    [Fact]
    public async Task Loopback_TrustedByDefault_IsExempt()
    {
        await StartAsync(_ => new AcceptLimits());
        for (int i = 0; i < 100; i++)
        {
            await DialAsync("127.1.0.1");
        }

        await JoinAsync("127.1.0.1");
        Assert.Equal((0, 0), _node.AtTheDoor);
    }

    [Fact]
    public async Task Dispose_WhileSomeWait_ClosesThemAll()
    {
        await StartAsync();
        await DialAsync("127.1.0.1");
        Socket complete = await DialAsync("127.1.0.2");
        await complete.SendAsync(await HelloBytes.CaptureAsync());
        await AtTheDoorAsync(1, 1);
        await _bed.DisposeAsync(_clock);
        Assert.Equal(0, _node.RunningTasks);
        await Task.WhenAll(_sockets.Select(EndsAsync));
    }

    private static int Refused(Readings readings, Node node, string level) =>
        (int)readings.Of(node, "meshara.accept.refused", ("meshara.accept.level", level)).Sum();

    private int Refused(Readings readings, string level) => Refused(readings, _node, level);

    // In the kernel's table: connections in TIME_WAIT of the node's own port.
    private int TimeWaits() => File.ReadLines("/proc/net/tcp").Skip(1).Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Count(f => f[3] == "06" && f[1].EndsWith(Port.ToString(":X4", CultureInfo.InvariantCulture), StringComparison.Ordinal));

    private async Task StartAsync(Func<AcceptLimits, AcceptLimits>? change = null, bool virtualTime = true)
    {
        SourceTransport.SkipIfOneLoopback();
        AcceptLimits limits = new() { TrustLoopback = false };
        _node = await _bed.StartAsync(new NodeOptions
        {
            Mesh = "test",
            Admission = Admission.Open,
            Listen = ["127.0.0.1:0"],
            TimeProvider = virtualTime ? _clock : TimeProvider.System,
            Accept = change?.Invoke(limits) ?? limits,
            Discovery = new DiscoveryOptions { TargetPeers = 0, MaxPeers = 1000 },
        });
    }

    private async Task JoinAsync(string source, Func<Stream, Stream>? wrap = null)
    {
        Node guest = await _bed.StartAsync(new NodeOptions { Mesh = "test", Admission = Admission.Open, Transport = new SourceTransport(source, wrap) });
        await guest.AddPeerAsync(_node.Addresses[0]).WaitAsync(NodeBed.Guard);
    }

    private async Task<Socket> DialAsync(string source)
    {
        Socket socket = await SourceTransport.DialAsync(source, Port);
        lock (_sockets)
        {
            _sockets.Add(socket);
        }

        return socket;
    }

    private Task AtTheDoorAsync(int waiting, int shaking) => Eventually.TrueAsync(() => _node.AtTheDoor == (waiting, shaking));

    private static bool HasEnded(Socket socket)
    {
        try
        {
            return socket.Poll(0, SelectMode.SelectRead) && (socket.Available == 0 || socket.Receive(new byte[1 << 16]) == 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return true;
        }
    }

    private static async Task EndsAsync(Socket socket)
    {
        try
        {
            while (await socket.ReceiveAsync(new byte[4096]).WaitAsync(NodeBed.Guard) > 0)
            {
                // What was said before.
            }
        }
        catch (SocketException)
        {
            // A reset.
        }
    }
}
