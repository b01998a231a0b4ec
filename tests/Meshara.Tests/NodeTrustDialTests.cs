using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Meshara.Tests.Support;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Meshara.Tests;

/// <summary>Trust and dials, with real sockets: when an address is pinned, and when a peer is dialled for the operator's word.</summary>
public sealed class NodeTrustDialTests
{
    // No backoff of a test may come to its minute by chance.
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(30);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Peers_ThePeerDialsFirst_TheAddressIsPinnedByTheOwnDial(bool isSecret)
    {
        await using NodeBed bed = new();
        using NodeIdentity lateIdentity = NodeIdentity.Create();
        Admission admission = isSecret ? Admission.Secret("0123456789abcdef0123456789abcdef") : Admission.KnownPeers;
        using Socket taken = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        int port = ((IPEndPoint)taken.LocalEndPoint!).Port;
        Node early = await bed.StartAsync(Options(admission, "127.0.0.1:0", new PeerAddress("127.0.0.1", port)));
        await early.TrustAsync(lateIdentity.PublicKey);
        await using EventLog events = new(early);
        await events.NextAsync<PeerRefused>(r => r.Code == MesharaErrorCode.ConnectFailed);
        taken.Dispose();

        Node late = await bed.StartAsync(Options(admission, $"127.0.0.1:{port}", early.Addresses[0], lateIdentity));

        Assert.True((await events.NextAsync<PeerConnected>()).Inbound);
        await Eventually.TrueAsync(() => early.ListTrusted() is [{ Addresses: [{ } at] } pin] && pin.Id == late.Id && at.Port == port);
        Assert.True(Assert.Single(early.ListPeers()).Pinned);
    }

    [Fact]
    public async Task Trust_ThePeerWasForgotten_TheLinkIsBackWithoutTheOtherSidesNextDial()
    {
        await using NodeBed bed = new();
        Node hub = await bed.StartAsync(Options(Admission.KnownPeers, "127.0.0.1:0"));
        Node peer = await bed.StartAsync(Options(Admission.KnownPeers, "127.0.0.1:0"));
        await hub.TrustAsync(peer.PublicKey);
        await NodeBed.AddAsync(peer, hub);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(hub, peer));
        await using EventLog events = new(peer);
        Assert.True(await hub.RemovePeerAsync(peer.Id).WaitAsync(NodeBed.Guard));
        PeerDisconnected told = await events.NextAsync<PeerDisconnected>();
        Assert.Equal(DisconnectReason.RemoteRemoved, told.Reason);
        Assert.Contains("dials again in 900 to 1800 s", told.Detail, StringComparison.Ordinal);

        await hub.TrustAsync(peer.PublicKey);

        Assert.True((await events.NextAsync<PeerConnected>()).Inbound);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(hub, peer));
    }

    [Fact]
    public async Task AddPeer_CopyOfALinkedPeerAnswers_SaysSo()
    {
        await using NodeBed bed = new();
        using NodeIdentity identity = NodeIdentity.Create();
        Node node = await bed.StartAsync(Options(Admission.Open, "127.0.0.1:0"));
        Node first = await bed.StartAsync(Options(Admission.Open, "127.0.0.1:0", identity: identity));
        Node copy = await bed.StartAsync(Options(Admission.Open, "127.0.0.1:0", identity: identity));
        await NodeBed.AddAsync(node, first);

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => NodeBed.AddAsync(node, copy, pinned: false));

        Assert.Equal(MesharaErrorCode.IdentityInUse, e.Code);
        Assert.Contains(first.Addresses[0].HostAndPort, e.Message, StringComparison.Ordinal);
        Assert.True(NodeBed.AreLinked(node, first));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AddPeer_CopyOfThisNodeAnswers_SaysSo(bool pinned)
    {
        await using NodeBed bed = new();
        using NodeIdentity identity = NodeIdentity.Create();
        Node node = await bed.StartAsync(Options(Admission.Open, "127.0.0.1:0", identity: identity));
        Node copy = await bed.StartAsync(Options(Admission.Open, "127.0.0.1:0", identity: identity));

        for (int i = 0; i < 2; i++)
        {
            MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => NodeBed.AddAsync(node, copy, pinned));
            Assert.Equal(pinned ? MesharaErrorCode.Self : MesharaErrorCode.IdentityInUse, e.Code);
            MesharaException self = await Assert.ThrowsAsync<MesharaException>(() => NodeBed.AddAsync(node, node, pinned));
            Assert.Equal(MesharaErrorCode.Self, self.Code);
        }
    }

    [Fact]
    public async Task PinMismatch_ConfiguredPeer_OneWarningThatSaysWhatToDo()
    {
        await using NodeBed bed = new();
        using NodeIdentity expected = NodeIdentity.Create();
        Node other = await bed.StartAsync(Options(Admission.Open, "127.0.0.1:0"));
        Warnings log = new();
        Node node = await bed.StartAsync(
            Options(Admission.Open, "127.0.0.1:0", other.Addresses[0] with { Id = expected.Id }, log: log, maxBackoff: TimeSpan.FromMilliseconds(20)));
        await using EventLog events = new(node);

        for (int i = 0; i < 3; i++)
        {
            await events.NextAsync<PeerRefused>(r => r.Code == MesharaErrorCode.PinMismatch);
        }

        string warning = Assert.Single(log.Lines, l => l.Contains(other.Addresses[0].HostAndPort, StringComparison.Ordinal));
        Assert.Contains($"{other.Id}. {expected.Id} was expected", warning, StringComparison.Ordinal);
        Assert.EndsWith("If that node was set up anew, give its new id.", warning, StringComparison.Ordinal);

        // Nobody has pinned it: what is told must not be a command that fails.
        Assert.DoesNotContain("trust replace", warning, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PinMismatch_StoredPin_TellsHowToReplaceIt()
    {
        await using NodeBed bed = new();
        using NodeIdentity expected = NodeIdentity.Create();
        Node other = await bed.StartAsync(Options(Admission.Open, "127.0.0.1:0"));
        Node node = await bed.StartAsync(Options(Admission.Open, "127.0.0.1:0"));
        await node.TrustAsync(expected.PublicKey);

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => node.AddPeerAsync(other.Addresses[0] with { Id = expected.Id }).WaitAsync(NodeBed.Guard));

        Assert.Equal(MesharaErrorCode.PinMismatch, e.Code);
        Assert.EndsWith($"meshara trust replace {expected.Id} {other.PublicKey}", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PinMismatch_LearnedPeer_BlamesTheAddressOnly()
    {
        await using NodeBed bed = new();
        using NodeIdentity expected = NodeIdentity.Create();
        Node other = await bed.StartAsync(Options(Admission.Open, "127.0.0.1:0"));
        foreach ((AddressSource source, string why) in ((AddressSource, string)[])[(AddressSource.Bootstrap, "so the address was given"), (AddressSource.Hello, "as it was learned before")])
        {
            MemoryPeerStore? store = source == AddressSource.Bootstrap ? null : await StoredAsync(other.Addresses[0] with { Id = expected.Id }, source);

            // Its only dial may be over before the start returns.
            EventLog? watch = null;
            await bed.StartAsync(Options(Admission.Open, "127.0.0.1:0"), o => new NodeOptions
            {
                OnStarting = starting => watch = new EventLog(starting),
                Mesh = o.Mesh,
                Admission = o.Admission,
                Listen = o.Listen,
                PeerStore = store,
                Discovery = new DiscoveryOptions { BootstrapNodes = source == AddressSource.Bootstrap ? [other.Addresses[0] with { Id = expected.Id }] : [] },
            });
            await using EventLog events = watch!;

            PeerRefused refused = await events.NextAsync<PeerRefused>(r => r.Code == MesharaErrorCode.PinMismatch);

            Assert.StartsWith($"Another node answers at {other.Addresses[0].HostAndPort}: {other.Id}. {expected.Id} was expected", refused.Detail, StringComparison.Ordinal);
            Assert.Contains(why, refused.Detail, StringComparison.Ordinal);
            Assert.DoesNotContain("pinned", refused.Detail, StringComparison.Ordinal);
            Assert.DoesNotContain("trust replace", refused.Detail, StringComparison.Ordinal);
            Assert.InRange(refused.Detail.Length, 1, 400);
        }
    }

    private static async Task<MemoryPeerStore> StoredAsync(PeerAddress address, AddressSource source)
    {
        MemoryPeerStore store = new();
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        PeerRecord record = new()
        {
            Id = address.Id!.Value,
            FirstSeen = now,
            LastSeen = now,
            Addresses = [new StoredAddress(address.Host, address.Port) { Source = source, SourceGroup = "", FirstSeen = now }],
        };
        await store.SaveAsync(new PeerStoreChanges { Upserted = [record] });
        return store;
    }

    private static NodeOptions Options(
        Admission admission, string listen, PeerAddress? peer = null, NodeIdentity? identity = null, ILoggerFactory? log = null, TimeSpan? maxBackoff = null)
    {
        return new NodeOptions
        {
            Mesh = "test",
            Admission = admission,
            Listen = [listen],
            Peers = peer is null ? [] : [peer],
            Identity = identity,
            Seed = 1,
            LoggerFactory = log ?? Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance,
            Timeouts = new NodeTimeouts { MaxBackoff = maxBackoff ?? Long },
        };
    }

    private sealed class Warnings : ILoggerFactory, ILogger
    {
        private readonly ConcurrentQueue<string> _lines = new();

        public IEnumerable<string> Lines => _lines;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel == LogLevel.Warning)
            {
                _lines.Enqueue(formatter(state, exception));
            }
        }

        public bool IsEnabled(LogLevel logLevel) => true;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public void Dispose()
        {
        }
    }
}
