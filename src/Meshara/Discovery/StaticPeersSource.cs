using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Meshara.Discovery;

/// <summary>Watches a static peers file, tells the node whom it names, and writes into it where its peers have moved.</summary>
/// <remarks>
/// One task reads and writes. It is woken by the system's watcher where there is one, by a look every 2 s (network disks have none, and editors replace
/// files), and by a peer that moved. A file that has changed is read when it has not changed for 100 ms, an empty one a second later. What cannot be read changes nothing: the peers that
/// were read before stay, as they do when the file is gone.
/// </remarks>
internal sealed class StaticPeersSource : IAsyncDisposable
{
    public static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(2);
    public static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(100);

    public static readonly TimeSpan EmptyFor = TimeSpan.FromSeconds(1);

    // A disk that was full or read-only may be so no longer.
    private static readonly TimeSpan WriteAgain = TimeSpan.FromMinutes(1);

    // Half a minute of writing without a pause; then what is there is read.
    private const int MaxSettling = 300;

    private readonly StaticPeersFile _file;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Func<IReadOnlyList<PeerAddress>, Task> _name;
    private readonly bool _watch;
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
    private readonly ConcurrentQueue<(NodeId Id, PeerAddress Old, PeerAddress Now)> _posted = new();
    private readonly CancellationTokenSource _stopping = new();

    // Of the task alone: moves that the file does not have yet.
    private readonly Dictionary<(NodeId Id, string Old), Move> _moves = [];
    private volatile bool _notified;
    private volatile bool _update;
    private FileSystemWatcher? _watcher;
    private ITimer? _timer;
    private Task _loop = Task.CompletedTask;
    private int _disposed;
    private volatile StaticPeersContent _content = new([], []);
    private volatile IReadOnlyList<PeerAddress> _addresses = [];
    private FileStamp _stamp;
    private volatile PeerSource _state;

    /// <summary>A source that <see cref="Load"/> and <see cref="Start"/> begin.</summary>
    /// <param name="path">The file.</param>
    /// <param name="update">Whether it is written to when a peer has moved.</param>
    /// <param name="time">The clock of every look.</param>
    /// <param name="logger">Hears of what is wrong, once.</param>
    /// <param name="name">Takes all addresses that the file names, each with its id, in the place of those before.</param>
    /// <param name="watch">Whether the system's watcher is asked too.</param>
    public StaticPeersSource(string path, bool update, TimeProvider time, ILogger logger, Func<IReadOnlyList<PeerAddress>, Task> name, bool watch = true)
    {
        (_file, _update, _time, _logger, _name, _watch) = (new StaticPeersFile(path), update, time, logger, name, watch);
        _state = new PeerSource { Kind = AddressSource.StaticFile, Location = _file.Path };
    }

    /// <summary>How it fares.</summary>
    public PeerSource State => _state;

    /// <summary>Whether the file is written to when a peer has moved.</summary>
    public bool Update
    {
        get => _update;
        set => _update = value;
    }

    /// <summary>The addresses that were named last.</summary>
    public IReadOnlyList<PeerAddress> Addresses => _addresses;

    /// <summary>What the file calls a peer; null: it has no name.</summary>
    public string? NameOf(NodeId id) => _content.Peers.FirstOrDefault(p => p.Address.Id == id && p.Name is not null)?.Name;

    /// <summary>Reads the file for the first time; a missing one is waited for. Names nobody yet.</summary>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.StaticPeersFile"/>.</exception>
    public void Load()
    {
        _stamp = _file.Stamp();
        if (_file.Read() is { } content)
        {
            Take(content);
        }
        else
        {
            Keep(Missing());
        }
    }

    /// <summary>Begins to watch.</summary>
    public void Start()
    {
        _watcher = _watch ? TryWatch() : null;
        _timer = _time.CreateTimer(_ => _wake.Writer.TryWrite(true), null, LookEvery, LookEvery);
        _loop = Task.Run(RunAsync);
        _wake.Writer.TryWrite(true);
    }

    /// <summary>A peer has completed a handshake at another address than the one in the file. Does not wait.</summary>
    public void Moved(NodeId id, PeerAddress old, PeerAddress now)
    {
        _posted.Enqueue((id, old, now));
        _wake.Writer.TryWrite(true);
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            await _loop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return;
        }

        _watcher?.Dispose();
        if (_timer is not null)
        {
            await _timer.DisposeAsync().ConfigureAwait(false);
        }

        await _stopping.CancelAsync().ConfigureAwait(false);
        _wake.Writer.TryComplete();
        await _loop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    private FileSystemWatcher? TryWatch()
    {
        FileSystemWatcher? watcher = null;
        try
        {
            watcher = new FileSystemWatcher(Path.GetDirectoryName(_file.Path)!, Path.GetFileName(_file.Path));
            watcher.Changed += (_, _) => Notify();
            watcher.Created += (_, _) => Notify();
            watcher.Deleted += (_, _) => Notify();
            watcher.Renamed += (_, _) => Notify();
            watcher.EnableRaisingEvents = true;
            return watcher;
        }
        catch (Exception e) when (e is IOException or ArgumentException or UnauthorizedAccessException or PlatformNotSupportedException)
        {
            // No such directory yet, or the system has no watcher to spare.
            watcher?.Dispose();
            _logger.StaticPeersNotWatched(_file.Path, LookEvery.TotalSeconds, e.Message);
            return null;
        }
    }

    private void Notify()
    {
        _notified = true;
        _wake.Writer.TryWrite(true);
    }

    private async Task RunAsync()
    {
        try
        {
            await foreach (bool _ in _wake.Reader.ReadAllAsync(_stopping.Token).ConfigureAwait(false))
            {
                await LookAsync().ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
        catch (MesharaException e) when (e.Code == MesharaErrorCode.NodeStopped)
        {
            // As above.
        }
        catch (Exception fault)
        {
            _logger.TaskFailed(fault);
        }
    }

    private async Task LookAsync()
    {
        bool changed = _notified;
        _notified = false;
        changed |= _file.Stamp() != _stamp;
        if (changed)
        {
            await ReadAsync().ConfigureAwait(false);
        }

        while (_posted.TryDequeue(out (NodeId Id, PeerAddress Old, PeerAddress Now) posted))
        {
            Note(posted.Id, posted.Old.HostAndPort, posted.Now);
        }

        if (_moves.Values.Any(m => m.WriteAt <= _time.GetTimestamp()))
        {
            await WriteAsync().ConfigureAwait(false);
        }
    }

    private async Task ReadAsync()
    {
        _stamp = await SettledAsync().ConfigureAwait(false);
        try
        {
            if (_file.Read() is not { } content)
            {
                Keep(Missing());
            }
            else if (!content.Bytes.AsSpan().SequenceEqual(_content.Bytes) || _state.Trouble is not null || _state.ReadAt is null)
            {
                Take(content);
                await _name(_addresses).ConfigureAwait(false);
            }
        }
        catch (MesharaException e) when (e.Code == MesharaErrorCode.StaticPeersFile)
        {
            Keep(e.Message);
        }
    }

    // Programs write in several steps.
    private async Task<FileStamp> SettledAsync()
    {
        FileStamp stamp = _file.Stamp();
        for (int i = 0; i < MaxSettling; i++)
        {
            await Task.Delay(Settle, _time, _stopping.Token).ConfigureAwait(false);
            FileStamp now = _file.Stamp();
            if (now == stamp)
            {
                break;
            }

            stamp = now;
        }

        if (stamp is { Exists: true, Length: 0 })
        {
            // Emptied to be written: a program may take its time between the two.
            await Task.Delay(EmptyFor, _time, _stopping.Token).ConfigureAwait(false);
            stamp = _file.Stamp();
        }

        return stamp;
    }

    private void Take(StaticPeersContent content)
    {
        _content = content;

        // Where the file is behind, what was proven counts.
        _addresses = [.. content.Peers.Select(p => MoveOf(p) is { } move ? move.Now with { Id = p.Address.Id } : p.Address).Distinct()];
        bool isMended = _state.Trouble is not null;
        _state = _state with { Addresses = _addresses, ReadAt = _time.GetUtcNow(), Trouble = null };
        _logger.StaticPeersRead(_file.Path, _addresses.Count, Log.Addresses(_addresses.Count));
        if (isMended)
        {
            _logger.StaticPeersMended(_file.Path, _addresses.Count, Log.Addresses(_addresses.Count));
        }
    }

    private void Keep(string trouble)
    {
        if (_state.Trouble != trouble)
        {
            _state = _state with { Trouble = trouble };
            _logger.StaticPeersKept(trouble, _addresses.Count);
        }
    }

    private string Missing() => $"There is no static peers file '{_file.Path}'.";

    private Move? MoveOf(StaticPeer peer) => _moves.GetValueOrDefault((peer.Address.Id!.Value, peer.Address.HostAndPort));

    // The file may be behind by more than one move.
    private void Note(NodeId id, string old, PeerAddress now)
    {
        foreach ((NodeId Id, string Old) earlier in _moves.Where(m => m.Key.Id == id && m.Value.Now.HostAndPort == old).Select(m => m.Key).ToArray())
        {
            _moves[earlier] = new Move(now);
        }

        _moves[(id, old)] = new Move(now);
        foreach ((NodeId Id, string Old) back in _moves.Where(m => m.Key.Old == m.Value.Now.HostAndPort).Select(m => m.Key).ToArray())
        {
            _moves.Remove(back);
        }
    }

    private async Task WriteAsync()
    {
        (StaticPeer Peer, PeerAddress Now)[] changes = [.. _content.Peers.Where(p => MoveOf(p) is not null).Select(p => (p, MoveOf(p)!.Now))];

        // Of the others the operator, or another node that shares the file, has written already, or the file never named them.
        foreach ((NodeId Id, string Old) done in _moves.Keys.Except(changes.Select(c => (c.Peer.Address.Id!.Value, c.Peer.Address.HostAndPort))).ToArray())
        {
            _moves.Remove(done);
        }

        if (changes.Length == 0)
        {
            return;
        }

        if (_state.Trouble is { } trouble)
        {
            PutOff(changes, trouble);
        }
        else if (!_update)
        {
            PutOff(changes, "this node is not to change it (DiscoveryOptions.UpdateStaticPeersFile)");
        }
        else if (TryWrite(changes))
        {
            await _name(_addresses).ConfigureAwait(false);
        }
    }

    private bool TryWrite((StaticPeer Peer, PeerAddress Now)[] changes)
    {
        try
        {
            if (_file.Write(_content, changes) is { } written)
            {
                Tell(changes);
                _moves.Clear();
                Take(written);
                return true;
            }

            // Somebody has changed it since it was read: first that.
            Notify();
        }
        catch (MesharaException e) when (e.Code == MesharaErrorCode.StaticPeersFile)
        {
            PutOff(changes, e.Message);
        }

        return false;
    }

    private void Tell((StaticPeer Peer, PeerAddress Now)[] changes)
    {
        foreach ((StaticPeer peer, PeerAddress now) in changes)
        {
            _logger.StaticPeerMoved(peer.Address.Id!.Value, peer.Address.HostAndPort, now.HostAndPort, _file.Path);
        }
    }

    private void PutOff((StaticPeer Peer, PeerAddress Now)[] changes, string why)
    {
        foreach ((StaticPeer peer, PeerAddress now) in changes)
        {
            Move move = MoveOf(peer)!;
            move.WriteAt = _time.GetTimestamp() + (long)(WriteAgain.TotalSeconds * _time.TimestampFrequency);
            if (!move.IsTold)
            {
                move.IsTold = true;
                _logger.StaticPeerNotMoved(peer.Address.Id!.Value, peer.Address.HostAndPort, now.HostAndPort, _file.Path, why);
            }
        }
    }

    private sealed class Move(PeerAddress now)
    {
        public PeerAddress Now { get; } = now;

        public long WriteAt { get; set; }

        public bool IsTold { get; set; }
    }
}
