using System.Collections.Concurrent;
using System.Net;
using System.Threading.Channels;
using Meshara.Core;
using Meshara.Core.Policy;
using Meshara.Security;

namespace Meshara.Net;

/// <summary>The only loop that touches the mesh: takes events in, does what the mesh says, sets the one timer. It never waits for a link or a handshake.</summary>
internal sealed partial class MeshDriver
{
    // Connections wait with their events when the loop is behind; nothing is dropped.
    private const int MaxCommands = 1024;

    private readonly NodeContext _node;
    private readonly Mesh _mesh;
    private readonly TaskTracker _tasks;
    private readonly AcceptDoor _door;
    private readonly LiveLinks _live;
    private readonly PeerLedger _ledger;
    private readonly StoreKeeper? _keeper;
    private readonly AsyncSignal _signal = new();
    private readonly Channel<Action> _commands = Channel.CreateBounded<Action>(new BoundedChannelOptions(MaxCommands) { SingleReader = true });

    // Ends of connections and PONGs: a few for each connection, so they need no bound and never wait.
    private readonly ConcurrentQueue<Action> _connectionEvents = new();
    private readonly Dictionary<long, PeerConnection> _connections = [];
    private readonly Dictionary<long, TaskCompletionSource<(PublicKey Key, PeerAddress Address)>> _adds = [];
    private readonly TaskCompletionSource _allEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<Link> _leaving = [];
    private readonly List<(Link Link, MeshAction.CloseLink Order)> _closing = [];
    private readonly ITimer _timer;
    private TimeSpan? _armedFor;

    // Inbound, from TLS on, not yet live; for each lane.
    private readonly int[] _greetings = new int[Enum.GetValues<AcceptLane>().Length];
    private long _lastAdd;
    private int _changePending;
    private bool _stopping;
    private volatile bool _quit;
    private volatile bool _timerFired;
    private volatile bool _abandoned;
    private Task _loop = Task.CompletedTask;

    public MeshDriver(NodeContext node, MeshConfig config, LiveLinks live)
    {
        _node = node;
        _mesh = new Mesh(config);
        _live = live;
        PeerStoreContent stored = node.Stored ?? new PeerStoreContent();
        _ledger = new PeerLedger(node.Clock, node.AliasOf, stored);
        if (node is { Stored: not null, Options.PeerStore: { } store })
        {
            ReadOnlyMemory<byte>? newKey = stored.TableKey is null ? config.TableKey : null;
            _keeper = new StoreKeeper(store, newKey, node.Clock.Provider, node.Logger, RecordsOfAsync);
        }

        _tasks = new TaskTracker(node.Logger.TaskFailed);
        _door = new AcceptDoor(node, (ulong)(node.Options.Seed ?? Nonces.NewSeed()), _tasks, accepted => AskAsync(() => Accept(accepted)));
        _mesh.HandleGroups(_door.Groups);
        _mesh.HandleStart(_ledger.ForMesh(stored), Now);
        _timer = node.Clock.Provider.CreateTimer(_ => OnTimer(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Connections and accept loops that have not ended.</summary>
    public int RunningTasks => _tasks.Count;

    private TimeSpan Now => _node.Clock.Now;

    public void Start() => _loop = Task.Run(RunAsync);

    // ---- for the node ----

    /// <summary>Who is let in before TLS.</summary>
    public AcceptDoor Door => _door;

    /// <summary>Accepts from a listener until it is disposed.</summary>
    public void Listen(TransportListener listener) => _tasks.Start(() => AcceptAllAsync(listener));

    /// <summary>Dials for ever.</summary>
    public Task WantAsync(PeerAddress address) => AskAsync(() => Change(() => _mesh.HandleAdd(null, address, keepForever: true, Now)));

    /// <summary>Dials once; wanted for ever if that succeeds.</summary>
    /// <param name="address">Where, and who must answer.</param>
    /// <param name="isKey">The operator gave the key itself, not an id that may be older.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="MesharaException">Why there is no link.</exception>
    public async Task<(PublicKey Key, PeerAddress Address)> AddAsync(PeerAddress address, bool isKey, CancellationToken cancellationToken)
    {
        TaskCompletionSource<(PublicKey, PeerAddress)> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        long id = await AskAsync(() =>
        {
            long add = ++_lastAdd;
            _adds.Add(add, done);
            Change(() => _mesh.HandleAdd(add, address, keepForever: false, Now, isKey));
            return add;
        }).ConfigureAwait(false);
        try
        {
            return await done.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await AskAsync(() =>
            {
                _adds.Remove(id);
                Change(() => _mesh.HandleCancelAdd(id, Now));
            }).ConfigureAwait(false);
            throw;
        }
    }

    public Task TrustAsync(NodeId id) => AskAsync(() => Change(() => _mesh.HandleTrust(id, Now)));

    /// <summary>The network has changed, or the machine has slept. Does not wait; many calls in a row are few events.</summary>
    public void NetworkChanged()
    {
        _door.NetworkChanged();
        if (Interlocked.Exchange(ref _changePending, 1) == 0)
        {
            PostEvent(() =>
            {
                Volatile.Write(ref _changePending, 0);
                _mesh.HandleGroups(_door.Groups);
                _mesh.HandleNetworkChanged(Now);
                SpreadRecord();
            });
        }
    }

    /// <summary>This machine has these addresses no longer. Does not wait.</summary>
    public void AddressesGone(IReadOnlySet<IPAddress> gone) => PostEvent(() =>
    {
        foreach (PeerConnection connection in _connections.Values.ToArray())
        {
            if (connection.LocalAddress is { } address && gone.Contains(address))
            {
                _mesh.HandleAddressGone(connection.Id, address.ToString(), Now);
            }
        }
    });

    /// <summary>Forgets a peer; its link ends with the task that is given back.</summary>
    public Task<(bool Found, Task Ended)> RemoveAsync(NodeId id, NodeId? successor = null) => AskAsync(() =>
    {
        Task[] ended = [.. _mesh.LinksOf(id).Select(link => _connections[link].Ended)];
        bool known = false;
        Change(() => known = _mesh.HandleRemove(id, Now, successor));
        return (known, Task.WhenAll(ended));
    });

    /// <summary>Says goodbye to all, waits for them within the deadlines of section 7.2, and aborts who is left. The listeners are disposed already.</summary>
    public async Task StopAsync()
    {
        await _door.DisposeAsync().ConfigureAwait(false);
        await AskAsync(() =>
        {
            _stopping = true;
            _mesh.HandleStop(Now);
        }).ConfigureAwait(false);

        // The drain, and 1 s each for last words and for a listener of REFUSE.
        TimeSpan grace = _node.Timeouts.Drain + TimeSpan.FromSeconds(2);
        using (CancellationTokenSource late = new(grace, _node.Clock.Provider))
        {
            await _allEnded.Task.WaitAsync(late.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await AskAsync(AbortAll).ConfigureAwait(false);
        await _allEnded.Task.ConfigureAwait(false);
        await _tasks.WhenAllAsync().ConfigureAwait(false);
        if (_keeper is not null)
        {
            await _keeper.StopAsync(_node.Timeouts.Drain).ConfigureAwait(false);
        }

        _commands.Writer.TryComplete();
        _quit = true;
        _signal.Set();
        await _loop.ConfigureAwait(false);
        await _timer.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Ends as if this process were killed. Does not wait: the loop cuts the connections and ends, and whoever asks it is told that the node has been stopped.</summary>
    public void Abandon()
    {
        _abandoned = true;
        _commands.Writer.TryComplete();
        _timer.Dispose();
        _door.Abandon();
        _keeper?.Abandon();
        _allEnded.TrySetResult();
        _signal.Set();
    }

    // ---- for connections, from their own tasks ----

    public Task HelloAsync(PeerConnection connection, PeerFacts facts) => AskAsync(() => _mesh.HandleHello(connection.Id, facts, Now));

    public Task ReadyAsync(PeerConnection connection) => AskAsync(() => _mesh.HandleReadyReceived(connection.Id, Now));

    /// <summary>A connection failed before it got live for the other side.</summary>
    /// <returns>The link, if the mesh said that it lives before it heard of the failure: it has to be run to its end.</returns>
    public Task<Link?> FailAsync(PeerConnection connection, ConnectionFailure failure) => AskAsync(() =>
    {
        connection.FailedWith ??= failure.Code;
        _mesh.HandleConnectionFailed(connection.Id, failure, Now);
        return connection.Link;
    });

    public void OnLinkClosed(PeerConnection connection, LinkEnd end) => PostEvent(() =>
    {
        _mesh.HandleLinkClosed(connection.Id, end, Now);
        _node.Metrics.LinkEnded(connection.Link!, end.Reason);
        LinkEnded(connection);
        ProbeEnded(connection, end.Reason);
    });

    public void OnPong(PeerConnection connection, ulong nonce) => PostEvent(() =>
    {
        if (connection.Settle(nonce) is { } number)
        {
            _mesh.HandlePong(connection.Id, number, Now);
            _node.Metrics.RoundTrip(connection.Link!.RoundTripTime ?? TimeSpan.Zero);
        }
    });

    /// <summary>A peer stays over a limit of frames; at most once in 10 s for each limit of a link.</summary>
    public void OnOverLimit(PeerConnection connection, string what) => PostEvent(() =>
    {
        _node.Logger.OverLimit(connection.RemoteKey.Id, connection.Address, what);
        _mesh.HandleOverLimit(connection.Id, what, Now);
    });

    public void OnTlsDone(AcceptedConnection accepted) => _door.Leave(accepted);

    public void OnNotice(NodeId peer, string address) => PostEvent(() => _mesh.HandleNotice(peer, address));

    /// <summary>The last event of a connection.</summary>
    public void OnEnded(PeerConnection connection) => PostEvent(() =>
    {
        // Only after a fault of ours does the mesh know the connection still.
        _mesh.HandleConnectionFailed(connection.Id, new ConnectionFailure(MesharaErrorCode.LinkClosed, "The connection ended by a fault of this node; its log says more.", IsTransient: true), Now);
        _mesh.HandleLinkClosed(connection.Id, new LinkEnd(DisconnectReason.InternalError, "", Penalise: false), Now);
        _connections.Remove(connection.Id);
        if (connection is { Inbound: true, Link: null })
        {
            _greetings[(int)connection.Lane]--;
        }

        if (connection.Link is { } link)
        {
            _node.Metrics.LinkEnded(link, DisconnectReason.InternalError);
            ProbeEnded(connection, DisconnectReason.InternalError);
        }
        else
        {
            _node.Metrics.Handshake(connection.Inbound, connection.Address, connection.Began, connection.FailedWith ?? (_stopping ? MesharaErrorCode.NodeStopped : MesharaErrorCode.Removed));
        }

        connection.OnEnded();
    });

    // ---- the loop ----

    private async Task RunAsync()
    {
        while (!_quit)
        {
            await _signal.WaitAsync().ConfigureAwait(false);
            while (!_abandoned && TakeEvent(out Action? work))
            {
                Run(work);
            }

            if (_abandoned)
            {
                CutAll();
                break;
            }

            if (_stopping && _connections.Count == 0)
            {
                _allEnded.TrySetResult();
            }

            Arm();
        }

        // Who asked in the last moment gets an answer.
        while (_commands.Reader.TryRead(out Action? work))
        {
            Run(work);
        }
    }

    private void CutAll()
    {
        foreach (PeerConnection connection in _connections.Values)
        {
            connection.Cut();
        }

        foreach (TaskCompletionSource<(PublicKey Key, PeerAddress Address)> add in _adds.Values)
        {
            add.TrySetException(Stopped());
        }
    }

    private bool TakeEvent(out Action? work)
    {
        work = null;
        return _connectionEvents.TryDequeue(out work) || _commands.Reader.TryRead(out work) || _mesh.NextDeadline <= Now;
    }

    private void Run(Action? work)
    {
        try
        {
            if (work is null)
            {
                _mesh.HandleDeadline(Now);
            }
            else
            {
                work();
            }

            while (_mesh.TryPoll(out MeshAction? action))
            {
                Do(action);
            }

            TakeLeave();
            RefreshLanes();
        }
        catch (Exception fault)
        {
            // One event's fault must not end the loop, and with it the node, without a word.
            _node.Logger.TaskFailed(fault);
        }
    }

    private void Arm()
    {
        TimeSpan? next = _mesh.NextDeadline;
        if (next == _armedFor && !_timerFired)
        {
            return;
        }

        _timerFired = false;
        _armedFor = next;
        TimeSpan wait = next - Now ?? Timeout.InfiniteTimeSpan;
        if (next is not null && wait <= TimeSpan.Zero)
        {
            _signal.Set();
            return;
        }

        // Timers count whole milliseconds and drop the rest: one too early would only be set again.
        _timer.Change(next is null ? wait : TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds)), Timeout.InfiniteTimeSpan);
    }

    private void OnTimer()
    {
        _timerFired = true;
        _signal.Set();
    }

    private void Run(PeerConnection connection)
    {
        _connections.Add(connection.Id, connection);
        _tasks.Start(connection.RunAsync);
    }

    private void Accept(AcceptedConnection accepted)
    {
        bool full = _greetings[(int)accepted.Lane] >= _node.Options.Accept.MaxGreetings;
        if (full)
        {
            _door.Refused(AcceptLevel.Greetings, accepted.Transport.RemoteHost);
        }

        if (full || _stopping)
        {
            _door.Leave(accepted);
            _tasks.Start(() => accepted.Transport.DisposeAsync().AsTask());
            return;
        }

        _greetings[(int)accepted.Lane]++;
        Run(new PeerConnection(this, _node, _mesh.HandleAccepted(accepted.Transport.RemoteAddress), accepted));
    }

    // An operator's word may change who is pinned.
    private void Change(Action work)
    {
        work();
        _lanesChanged = true;
        Refresh();
    }

    private void AbortAll()
    {
        foreach (PeerConnection connection in _connections.Values)
        {
            connection.Abort();
        }
    }

    // ---- into the loop ----

    private void PostEvent(Action work)
    {
        _connectionEvents.Enqueue(work);
        _signal.Set();
    }

    private Task<bool> AskAsync(Action work) => AskAsync(() =>
    {
        work();
        return true;
    });

    private async Task<T> AskAsync<T>(Func<T> work)
    {
        TaskCompletionSource<T> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            await _commands.Writer.WriteAsync(() => Answer(work, answer)).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            throw Stopped();
        }

        _signal.Set();
        return await answer.Task.ConfigureAwait(false);
    }

    private static MesharaException Stopped() => new(MesharaErrorCode.NodeStopped, "The node has been stopped.");

    private void Answer<T>(Func<T> work, TaskCompletionSource<T> answer)
    {
        if (_abandoned)
        {
            answer.TrySetException(Stopped());
            return;
        }

        try
        {
            answer.TrySetResult(work());
        }
        catch (Exception fault)
        {
            answer.TrySetException(fault);
        }
    }

    private async Task AcceptAllAsync(TransportListener listener)
    {
        try
        {
            bool judged = _door.Guard(listener);
            while (await listener.AcceptAsync(CancellationToken.None).ConfigureAwait(false) is { } transport)
            {
                if (_door.Enter(transport, judged) is { } exempt)
                {
                    await AskAsync(() => Accept(exempt)).ConfigureAwait(false);
                }
            }
        }
        catch (Exception fault)
        {
            // The contract says that it throws nothing; the other listeners go on.
            _node.Logger.AcceptFailed(PeerAddress.Join(listener.Host, listener.Port), fault);
        }
    }
}
