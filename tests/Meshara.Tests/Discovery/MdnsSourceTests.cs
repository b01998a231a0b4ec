using System.Collections.Concurrent;
using System.Net;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Meshara.Core.Policy;
using Meshara.Discovery;
using Meshara.Mdns;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Discovery;

/// <summary>What the source hands on, and when, on a clock that the test moves.</summary>
public sealed class MdnsSourceTests : IAsyncDisposable
{
    private readonly ManualTimeProvider _clock = new();
    private readonly LoggedLines _log = new();
    private readonly Network _network = new();
    private readonly ConcurrentQueue<string[]> _found = new();
    private readonly List<MdnsSource> _sources = [];
    private int _opened;

    public async ValueTask DisposeAsync()
    {
        foreach (MdnsSource source in _sources)
        {
            await source.DisposeAsync().AsTask().WaitAsync(NodeBed.Guard);
        }
    }

    // Whatever the mesh has lost of it meanwhile: somebody may have pushed it out.
    [Theory]
    [InlineData(30, 30)]
    [InlineData(10, 10)]
    [InlineData(3600, 30)]
    public async Task Watch_NothingChanges_AllIsHandedOnAgain_WithinTheInterval(int interval, int within)
    {
        using NodeIdentity peer = NodeIdentity.Create();
        Start(TimeSpan.FromSeconds(interval));
        _network.Say(FakeLan.Instance(peer.PublicKey, "10.0.0.6"));
        await Eventually.TrueAsync(() => _found.Count == 1);

        await AdvanceAsync(TimeSpan.FromSeconds(within));
        await Eventually.TrueAsync(() => _found.Count == 2);
        await AdvanceAsync(TimeSpan.FromSeconds(within));
        await Eventually.TrueAsync(() => _found.Count == 3);
        Assert.All(_found, names => Assert.Equal([$"meshara-{peer.Id.ToShortString()}"], names));
    }

    [Fact]
    public async Task Run_AFaultNowAndThen_BeginsAnewAfterFiveSecondsEachTime()
    {
        Start(TimeSpan.FromSeconds(30));
        for (int times = 1; times <= 4; times++)
        {
            await Eventually.TrueAsync(() => _opened == times && _network.Browsers == 1);
            await AdvanceAsync(TimeSpan.FromMinutes(2));
            _network.Break();
            await Eventually.TrueAsync(() => _network.Browsers == 0 && _network.Closed == times);
            await AdvanceAsync(TimeSpan.FromSeconds(5));
        }

        await Eventually.TrueAsync(() => _opened == 5);
    }

    // A network of a container, or a radio at the edge of its reach.
    [Fact]
    public async Task Watch_ATroubleThatComesAndGoes_IsToldOnceAnHour()
    {
        Start(TimeSpan.FromSeconds(30));
        await Eventually.TrueAsync(() => _network.Browsers == 1);
        for (int i = 0; i < 20; i++)
        {
            _network.SendError = i % 2 == 0 ? "no route to host" : null;
            await AdvanceAsync(TimeSpan.FromSeconds(30));
        }

        Assert.Single(_log.Of(6202));
        _network.SendError = null;
        await AdvanceAsync(TimeSpan.FromMinutes(61), step: 5);
        _network.SendError = "no route to host";
        await AdvanceAsync(TimeSpan.FromSeconds(30));
        await Eventually.TrueAsync(() => _log.Of(6202).Length == 2);
    }

    private MdnsSource Start(TimeSpan interval)
    {
        using NodeIdentity self = NodeIdentity.Create();
        MdnsSettings settings = new(MdnsMode.ListenOnly, interval, null, [], new HashSet<int>(), []);
        NearbySink sink = new(Found, static (_, _) => Task.CompletedTask, static (_, _) => Task.CompletedTask, static () => Task.CompletedTask);
        MdnsSource source = new(settings, self.PublicKey, "test", Open, sink, _clock, _log.CreateLogger("test"));
        _sources.Add(source);
        source.Start();
        return source;
    }

    private Task<ILocalNetwork> Open()
    {
        Interlocked.Increment(ref _opened);
        return Task.FromResult<ILocalNetwork>(_network);
    }

    private Task Found(IReadOnlyList<LanFound> found)
    {
        _found.Enqueue([.. found.Select(static f => f.Service)]);
        return Task.CompletedTask;
    }

    // Each step once its loop waits again: what it does between two waits takes no time on this clock.
    private async Task AdvanceAsync(TimeSpan time, int step = 1)
    {
        for (TimeSpan end = _clock.Now + time; _clock.Now < end;)
        {
            await Eventually.TrueAsync(() => _clock.PendingTimers > 0);
            _clock.Advance(TimeSpan.FromSeconds(step));
        }

        await Eventually.TrueAsync(() => _clock.PendingTimers > 0);
    }

    /// <summary>A network whose faults the test makes.</summary>
    private sealed class Network : ILocalNetwork
    {
        private readonly Lock _sync = new();
        private Channel<ServiceChange> _changes = Channel.CreateUnbounded<ServiceChange>();
        private volatile int _browsers;
        private volatile int _closed;

        public int Browsers => _browsers;

        public int Closed => _closed;

        public string? SendError { get; set; }

        public IReadOnlyList<InterfaceState> Interfaces =>
            [new InterfaceState { Name = "eth0", Index = 2, Addresses = [], IPv4 = new FamilyState { Joined = true, LastSendError = SendError } }];

        public IReadOnlyList<(string Family, string Why)> Faults => [];

        public void Say(ServiceInstance instance)
        {
            lock (_sync)
            {
                _changes.Writer.TryWrite(new ServiceChange(ServiceChangeKind.Added, instance));
            }
        }

        public void Break()
        {
            lock (_sync)
            {
                _changes.Writer.TryComplete(new InvalidOperationException("The network broke."));
                _changes = Channel.CreateUnbounded<ServiceChange>();
            }
        }

        public IReadOnlyList<LanInterface> Scan() => [new LanInterface(2, "eth0", [IPAddress.Parse("10.0.0.5")], [IPNetwork.Parse("10.0.0.0/16")])];

        public Task<ILocalPublication> PublishAsync(ServiceProfile profile, CancellationToken cancellationToken) => throw new NotSupportedException();

        public async IAsyncEnumerable<ServiceChange> BrowseAsync(string serviceType, BrowseOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            ChannelReader<ServiceChange> changes;
            lock (_sync)
            {
                changes = _changes.Reader;
            }

            Interlocked.Increment(ref _browsers);
            try
            {
                await foreach (ServiceChange change in changes.ReadAllAsync(cancellationToken))
                {
                    yield return change;
                }
            }
            finally
            {
                Interlocked.Decrement(ref _browsers);
            }
        }

        public ValueTask DisposeAsync()
        {
            Interlocked.Increment(ref _closed);
            return ValueTask.CompletedTask;
        }
    }
}
