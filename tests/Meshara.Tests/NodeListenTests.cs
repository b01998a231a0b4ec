using System.Net;
using System.Net.Sockets;
using Meshara.Net;
using Meshara.Security;
using Meshara.Tests.Net;
using Meshara.Tests.Support;
using Meshara.Wire;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Meshara.Tests;

/// <summary>Where a node listens, what it says of it, and the port it keeps.</summary>
public sealed class NodeListenTests : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly NodeBed _bed = new();
    private readonly LogLines _log = new();

    private string PortFile => _folder["node/port"];

    public async ValueTask DisposeAsync()
    {
        await _bed.DisposeAsync();
        _log.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Start_NoPortAsked_RemembersTheFirstFreeOne()
    {
        MemoryTransport network = new();
        await using TransportListener squatter = await network.ListenAsync("node", 4040, CancellationToken.None);

        await using (Node first = await StartAsync(network, "node"))
        {
            Assert.Equal(4041, first.Addresses[0].Port);
            Assert.Equal("4041\n", await File.ReadAllTextAsync(PortFile));
        }

        // 4040 is free again, but others know 4041.
        await squatter.DisposeAsync();
        await using Node second = await StartAsync(network, "node");
        Assert.Equal(4041, second.Addresses[0].Port);
        Assert.Empty(_log.Warnings);
    }

    [Fact]
    public async Task Start_RememberedPortTakenForOnce_UsesAnotherAndKeepsTheFile()
    {
        MemoryTransport network = new();
        Directory.CreateDirectory(_folder["node"]);
        Mode.Set(_folder["node"], Mode.Directory);
        await File.WriteAllTextAsync(PortFile, "4050\n");
        await using (TransportListener squatter = await network.ListenAsync("node", 4050, CancellationToken.None))
        {
            await using Node node = await StartAsync(network, "node");
            Assert.Equal(4040, node.Addresses[0].Port);
            Assert.Equal("4050\n", await File.ReadAllTextAsync(PortFile));
            Assert.Contains("4050", Assert.Single(_log.Warnings), StringComparison.Ordinal);
        }

        await using Node again = await StartAsync(network, "node");
        Assert.Equal(4050, again.Addresses[0].Port);
    }

    [Fact]
    public async Task Start_RememberedPortDamaged_WarnsAndWritesItAnew()
    {
        Directory.CreateDirectory(_folder["node"]);
        Mode.Set(_folder["node"], Mode.Directory);
        await File.WriteAllTextAsync(PortFile, "70000\n");

        await using Node node = await StartAsync(new MemoryTransport(), "node");

        Assert.Equal(4040, node.Addresses[0].Port);
        Assert.Equal("4040\n", await File.ReadAllTextAsync(PortFile));
        string warning = Assert.Single(_log.Warnings);
        Assert.Contains(PortFile, warning, StringComparison.Ordinal);
        Assert.Contains("'70000", warning, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_PortCannotBeRemembered_WarnsAndRuns()
    {
        Directory.CreateDirectory(PortFile);
        Mode.Set(_folder["node"], Mode.Directory);

        await using Node node = await StartAsync(new MemoryTransport(), "node");

        Assert.Equal(NodeState.Running, node.State);
        Assert.Equal(2, _log.Warnings.Count);
    }

    [Fact]
    public async Task Start_PortAsked_NeitherReadsNorWritesTheFile()
    {
        await using Node node = await StartAsync(new MemoryTransport(), "node:4077");

        Assert.Equal(4077, node.Addresses[0].Port);
        Assert.False(File.Exists(PortFile));
    }

    [Fact]
    public async Task Start_NoDataDirectory_RemembersNothing()
    {
        MemoryTransport network = new();
        await using (TransportListener squatter = await network.ListenAsync("node", 4040, CancellationToken.None))
        {
            await using Node first = await Node.StartAsync(new NodeOptions { Mesh = "test", Listen = ["node"], Transport = network });
            Assert.Equal(4041, first.Addresses[0].Port);
        }

        await using Node second = await Node.StartAsync(new NodeOptions { Mesh = "test", Listen = ["node"], Transport = network });
        Assert.Equal(4040, second.Addresses[0].Port);
    }

    [Fact]
    public async Task Start_NoPortOverTcp_BothFamiliesGetTheSamePort()
    {
        SkipWithoutIPv6();
        await using Node node = await StartAsync(null, "127.0.0.1", "[::1]");

        Assert.Equal(["127.0.0.1", "::1"], node.Addresses.Select(a => a.Host));
        int port = Assert.Single(node.Addresses.Select(a => a.Port).Distinct());
        Assert.InRange(port, 4040, 4103);
        Assert.Equal($"{port}\n", await File.ReadAllTextAsync(PortFile));
    }

    [Theory]
    [InlineData("127.0.0.1:0", "[::1]:0")]
    [InlineData("[::1]:0", "127.0.0.1:0")]
    [InlineData("0.0.0.0", "[::]")]
    [InlineData("[::]", "0.0.0.0")]
    [InlineData("localhost:0")]
    [InlineData("[::]:0")]
    public async Task Start_BothFamilies_PeersDialEither(params string[] listen)
    {
        SkipWithoutIPv6();
        await using Node node = await StartAsync(null, listen);
        Dictionary<bool, int> ports = node.Addresses.GroupBy(a => a.Host.Contains(':', StringComparison.Ordinal)).ToDictionary(g => g.Key, g => g.First().Port);
        bool shared = listen.Length == 1 || !listen[0].EndsWith(":0", StringComparison.Ordinal);
        int any = ports.Values.First();
        Node six = await _bed.StartAsync(new NodeOptions { Mesh = "test", Admission = Admission.Open });
        Node four = await _bed.StartAsync(new NodeOptions { Mesh = "test", Admission = Admission.Open });

        Assert.Equal(node.Id, await six.AddPeerAsync(PeerAddress.Join("::1", Port(true)), node.PublicKey).WaitAsync(NodeBed.Guard));
        Assert.Equal(node.Id, await four.AddPeerAsync(PeerAddress.Join("127.0.0.1", Port(false)), node.PublicKey).WaitAsync(NodeBed.Guard));

        // An IPv4 caller is shown as one, whichever socket it came to.
        await Eventually.TrueAsync(() => node.ListPeers().Count == 2);
        Assert.StartsWith("[::1]:", node.ListPeers().Single(p => p.Id == six.Id).Address, StringComparison.Ordinal);
        Assert.StartsWith("127.0.0.1:", node.ListPeers().Single(p => p.Id == four.Id).Address, StringComparison.Ordinal);

        // A machine whose network has one family only lists no address of the other; the port is the same then.
        int Port(bool isSix) => ports.TryGetValue(isSix, out int port) ? port : shared ? any : throw new InvalidOperationException("No address of this family.");
    }

    [Fact]
    public async Task Add_NameWithSeveralAddresses_TheOneThatAnswersIsTakenAndTheNameIsKept()
    {
        SkipWithoutIPv6();
        await using Node node = await StartAsync(null, "[::1]:0");
        PeerAddress address = new("localhost", node.Addresses[0].Port, node.Id);
        NodeOptions options = new() { Mesh = "test", Admission = Admission.Open, DataDirectory = _folder["dialer"] };
        await using (Node dialer = await Node.StartAsync(options))
        {
            Assert.Equal(node.Id, await dialer.AddPeerAsync(address).WaitAsync(NodeBed.Guard));
        }

        // From known_peers, and as an entry of Peers.
        await using Node again = await Node.StartAsync(options);
        await using Node named = await Node.StartAsync(new NodeOptions { Mesh = "test", Admission = Admission.Open, Peers = [address] });
        await Eventually.TrueAsync(() => NodeBed.AreLinked(node, again) && NodeBed.AreLinked(node, named));
        Assert.Equal([address.HostAndPort], again.ListPeers().Select(p => p.Address));
    }

    [Fact]
    public async Task Add_NameThatPartlyAnswersUntilTheDeadline_SaysWhatWasHeard()
    {
        ManualTimeProvider clock = new();
        FakeNet net = new();
        net.Fail("2001:db8::1", SocketError.ConnectionRefused);
        TcpTransport transport = new(
            clock, static (_, family) => Task.FromResult<IPAddress[]>([IPAddress.Parse(family == AddressFamily.InterNetworkV6 ? "2001:db8::1" : "192.0.2.1")]), net.ConnectAsync);
        Node node = await _bed.StartAsync(new NodeOptions { Mesh = "test", Transport = transport, TimeProvider = clock });
        Task adding = node.AddPeerAsync("name:4040");
        await Eventually.TrueAsync(() => net.Started.Length == 2);

        clock.Advance(new NodeTimeouts().Connect);

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => adding.WaitAsync(NodeBed.Guard));
        Assert.Equal(MesharaErrorCode.ConnectTimeout, e.Code);
        Assert.Contains("[2001:db8::1]:4040): nothing listens there", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_TwoNamesOfOneAddress_ListensThereOnce()
    {
        int port;
        using (Socket free = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
        {
            free.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            port = ((IPEndPoint)free.LocalEndPoint!).Port;
        }

        Node node = await StartAsync(null, $"localhost:{port}", $"127.0.0.1:{port}");

        Assert.Single(node.Addresses, a => a.Host == "127.0.0.1");
    }

    [Fact]
    public async Task Start_LinkLocalWithoutItsInterface_SaysWhatToDo()
    {
        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => StartAsync(null, "[fe80::1]:4077"));

        Assert.Equal(MesharaErrorCode.ListenFailed, e.Code);
        Assert.Contains("[fe80::1%", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_Advertised_IsWhatIsShownAndToldInHello()
    {
        PortTransport transport = new();
        Node node = await _bed.StartAsync(new NodeOptions
        {
            Mesh = "test",
            Admission = Admission.Open,
            Listen = ["127.0.0.1:0"],
            Transport = transport,
            AdvertisedAddresses = ["example.org:7", "[2001:DB8::1]:4040"],
        });

        Assert.Equal([$"{node.Id}@example.org:7", $"{node.Id}@[2001:db8::1]:4040"], node.Addresses.Select(a => a.ToString()));
        Assert.Equal(["example.org:7", "[2001:db8::1]:4040"], (await HelloOfAsync(node, transport, "127.0.0.1", transport.Port)).Addresses);
    }

    [Fact]
    public async Task Start_LinkLocalAddress_IsShownButNotToldInHello()
    {
        MemoryTransport network = new();
        await using Node node = await StartAsync(network, "[fe80::1%eth0]:7", "other:7");

        Assert.Equal(["[fe80::1%eth0]:7", "other:7"], node.Addresses.Select(a => a.HostAndPort));
        Assert.Equal(["other:7"], (await HelloOfAsync(node, network, "other", 7)).Addresses);
    }

    // What a peer hears, read off a connection.
    private static async Task<Hello> HelloOfAsync(Node node, ITransport transport, string host, int port)
    {
        using NodeIdentity identity = NodeIdentity.Create();
        using NodeCertificate certificate = new(identity);
        await using TransportConnection connection = await transport.ConnectAsync(host, port, CancellationToken.None);
        SecureChannelOptions options = new(MinimumTls.Tls12, NodeBed.Guard, TimeProvider.System);
        await using SecureChannel channel = await SecureChannel.ConnectAsync(connection.Stream, certificate, node.Id, "node", options, CancellationToken.None).WaitAsync(NodeBed.Guard);
        using FrameReader reader = new(channel.Stream);
        while (true)
        {
            if (reader.TryTake(FrameCodec.MaxHelloPayload, out FrameHeader header, out ReadOnlySpan<byte> payload))
            {
                Assert.Equal(FrameType.Hello, header.Type);
                return Hello.Parse(payload);
            }

            Assert.True(await reader.FillAsync(CancellationToken.None).AsTask().WaitAsync(NodeBed.Guard));
        }
    }

    private Task<Node> StartAsync(MemoryTransport? network, params string[] listen) => Node.StartAsync(new NodeOptions
    {
        Mesh = "test",
        Admission = Admission.Open,
        DataDirectory = _folder["node"],
        Listen = listen,
        Transport = network,
        LoggerFactory = _log,
    }).WaitAsync(NodeBed.Guard);

    private static void SkipWithoutIPv6()
    {
        try
        {
            using Socket socket = new(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
        }
        catch (SocketException)
        {
            Assert.Skip("This machine has no IPv6 loopback.");
        }
    }

    // TCP that tells the port, which nothing else does where other addresses are advertised.
    private sealed class PortTransport : ITransport
    {
        private readonly TcpTransport _tcp = new();

        public int Port { get; private set; }

        public async ValueTask<TransportListener> ListenAsync(string host, int port, CancellationToken cancellationToken)
        {
            TransportListener listener = await _tcp.ListenAsync(host, port, cancellationToken);
            Port = listener.Port;
            return listener;
        }

        public ValueTask<TransportConnection> ConnectAsync(string host, int port, CancellationToken cancellationToken) => _tcp.ConnectAsync(host, port, cancellationToken);
    }

    private sealed class LogLines : ILoggerFactory, ILogger
    {
        private readonly List<string> _warnings = [];

        public IReadOnlyList<string> Warnings
        {
            get
            {
                lock (_warnings)
                {
                    return [.. _warnings];
                }
            }
        }

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel == LogLevel.Warning)
            {
                lock (_warnings)
                {
                    _warnings.Add(formatter(state, exception));
                }
            }
        }

        public void Dispose()
        {
        }
    }
}
