using System.Text;

namespace Meshara.Tests.Support;

/// <summary>Nodes of one test on one transport; all are disposed at its end.</summary>
internal sealed class NodeBed : IAsyncDisposable
{
    private readonly List<Node> _nodes = [];
    private readonly MemoryTransport _memory = new();

    public static TimeSpan Guard { get; } = TimeSpan.FromSeconds(30);

    /// <summary>A node that listens on a port of its own, in memory.</summary>
    public Task<Node> StartAsync(Admission admission, Func<NodeOptions, NodeOptions>? change = null) => StartAsync(Options(admission), change);

    public async Task<Node> StartAsync(NodeOptions options, Func<NodeOptions, NodeOptions>? change = null)
    {
        Node node = await Node.StartAsync(change?.Invoke(options) ?? options).WaitAsync(Guard);
        _nodes.Add(node);
        return node;
    }

    public NodeOptions Options(Admission admission) => new()
    {
        Mesh = "test",
        Admission = admission,
        Listen = ["node:0"],
        Transport = _memory,
        Seed = 1,
    };

    public static Task<NodeId> AddAsync(Node from, Node to, bool pinned = true) =>
        (pinned ? from.AddPeerAsync(to.Addresses[0]) : from.AddPeerAsync(to.Addresses[0].HostAndPort)).WaitAsync(Guard);

    public static bool AreLinked(Node a, Node b) => a.ListPeers().Any(p => p.Id == b.Id) && b.ListPeers().Any(p => p.Id == a.Id);

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    /// <summary>Disposes nodes whose last drains need a clock that the test moves.</summary>
    public async Task DisposeAsync(ManualTimeProvider clock)
    {
        Task disposed = Task.WhenAll(_nodes.Select(n => n.DisposeAsync().AsTask()));
        TimeSpan latest = clock.Now + TimeSpan.FromMinutes(30);
        while (!disposed.IsCompleted && clock.Now < latest)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }

        await disposed.WaitAsync(Guard);
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_nodes.Select(n => n.DisposeAsync().AsTask())).WaitAsync(Guard);
    }
}

/// <summary>Waits for events, in their order.</summary>
internal sealed class EventLog : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly IAsyncEnumerator<PeerEvent> _events;
    private Task _moving = Task.CompletedTask;

    public EventLog(Node node) => _events = node.WatchAsync(_stop.Token).GetAsyncEnumerator(CancellationToken.None);

    /// <summary>The next event of this kind that fits; others are passed over.</summary>
    public async Task<T> NextAsync<T>(Func<T, bool>? fits = null)
        where T : PeerEvent
    {
        while (await MoveAsync().WaitAsync(NodeBed.Guard))
        {
            if (_events.Current is T found && fits?.Invoke(found) != false)
            {
                return found;
            }
        }

        throw new InvalidOperationException($"The node ended without {typeof(T).Name}.");
    }

    // An enumerator that still moves cannot be disposed: what it says then would hide why the test failed.
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _moving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _events.DisposeAsync();
        _stop.Dispose();
    }

    private Task<bool> MoveAsync()
    {
        Task<bool> moving = _events.MoveNextAsync().AsTask();
        _moving = moving;
        return moving;
    }
}
