using Meshara.Core.Policy;
using Meshara.Wire;

namespace Meshara.Core;

/// <summary>Every peer's state and every decision about connections: events and <c>now</c> in, actions out.</summary>
/// <remarks>
/// Wire protocol sections 5.5, 6 and 7.1. Pure: no task, socket, clock, lock or logger; one owner calls it.
/// <c>now</c> is the time since the owner's start and never goes back. After each event poll until there is no action left.
/// </remarks>
internal sealed partial class Mesh
{
    // Two dials that cross are settled well within it.
    private static readonly TimeSpan ParallelDials = TimeSpan.FromSeconds(5);

    private MeshConfig _config;
    private readonly SortedDictionary<NodeId, PeerEntry> _peers = [];
    private readonly SortedDictionary<long, MeshConnection> _connections = [];
    private readonly Queue<MeshAction> _actions = new();
    private readonly Deadlines _deadlines = new();
    private long _lastKey;
    private bool _stopped;

    public Mesh(MeshConfig config)
    {
        _config = config;
        _groups = config.Groups;
        _lan = new LanTable(config.Random);
        _book = new ReputationBook(config.Reputation, id => IsKnown(id) || LinkOf(id) is not null, IsStatic);
        _table = new AddressTable(config.TableKey.Span, config.Groups, config.Random, a => _selfAddresses.Contains(a.HostAndPort) || config.IsOwn?.Invoke(a) == true, ConnectionPlan.Regulars(config.TargetPeers)) { LongestBackoff = config.MaxCandidateBackoff };
    }

    private NodeTimeouts Timeouts => _config.Timeouts;

    /// <summary>When HandleDeadline has to be called at the latest; null: not at all.</summary>
    public TimeSpan? NextDeadline => _deadlines.Next;

    public bool TryPoll([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out MeshAction? action) => _actions.TryDequeue(out action);

    /// <summary>Whether the operator named this id.</summary>
    public bool IsKnown(NodeId id) =>
        _named.Contains(id) || (_peers.TryGetValue(id, out PeerEntry? peer) && peer.Known) || (CurrentOf(id) is var current && current != id && IsKnown(current))
        || _targets.Values.Any(t => t.Address.Id == id && (t.IsNamed || t.Adds.Count > 0));

    /// <summary>The live link of a peer; null: none.</summary>
    public long? LinkOf(NodeId id) => _peers.TryGetValue(id, out PeerEntry? peer) ? peer.Link?.Id : null;

    /// <summary>The live links of a peer's newest and older keys.</summary>
    public IReadOnlyList<long> LinksOf(NodeId id) => [.. Entries(CurrentOf(id)).Select(p => p.Link?.Id).OfType<long>()];

    /// <summary>Admits an id; the operator's word counts more than a succession of it. Dials it only where its address is known already.</summary>
    public void HandleTrust(NodeId id, TimeSpan now)
    {
        Unfollow(id);
        Entry(id).Known = true;
        BecameStatic(id, now);
        DialTrusted(id, now);
        Manage(now);
    }

    /// <summary>Forgets that the operator named this peer, by its newest key or an older one, and closes its link; false: nothing was known of it.</summary>
    /// <param name="id">One of its keys.</param>
    /// <param name="now">The time.</param>
    /// <param name="successor">The key that the operator puts in its place, which inherits its addresses; null: none.</param>
    /// <remarks>A peer that he had named is a mesh peer again, with its addresses, and not dialled for some minutes. Of any other these are forgotten too.</remarks>
    public bool HandleRemove(NodeId id, TimeSpan now, NodeId? successor = null)
    {
        NodeId current = CurrentOf(id);
        bool isNamed = IsKnown(current);
        RememberWhere(current);
        bool found = RemoveTargetsOf(current);
        EndMove(current);
        NodeId[] older = OlderKeysOf(current);
        foreach (NodeId old in older)
        {
            Unfollow(old);
        }

        foreach (PeerEntry peer in new[] { current }.Concat(older).Select(key => _peers.GetValueOrDefault(key)).OfType<PeerEntry>())
        {
            found |= peer.Known || peer.Link is not null;
            Remove(peer, now);
        }

        foreach (NodeId key in older.Append(current))
        {
            // The static peers file names it again when it changes.
            _placesDue.All |= _named.Remove(key);
            _lan.Hold(key, now + AddressTable.AfterEviction);
            if (successor is { } heir)
            {
                _table.Rename(key, heir, now);
                Emit(new MeshAction.Keep(heir));
            }
            else if (isNamed)
            {
                _table.Postpone(key, now + (AddressTable.AfterEviction * (1 + (_config.Random.NextDouble() / 2))), now);
                _table.Wake(key, now);
            }
            else
            {
                _table.Remove(key);
            }

            Emit(new MeshAction.Keep(key));
        }

        Touch();
        Manage(now);
        return found;
    }

    private void Remove(PeerEntry peer, TimeSpan now)
    {
        peer.Known = false;
        peer.Back = null;
        foreach (MeshConnection newcomer in peer.Newcomers.ToArray())
        {
            TurnAway(newcomer, RefuseCode.NotAdmitted, GoodbyeCode.Removed, "the peer was removed by the operator", now);
        }

        if (peer.Link is { } link)
        {
            Close(link, DisconnectReason.LocalRemoved, "removed by the operator", now);
        }

        Forget(peer.Id);
    }

    /// <summary>A transport connection was accepted.</summary>
    /// <returns>The name of the connection from now on.</returns>
    public long HandleAccepted(string address)
    {
        MeshConnection connection = new(++_lastKey, inbound: true, address, target: null);
        if (_stopped)
        {
            Emit(new MeshAction.Abort(connection.Id));
        }
        else
        {
            _connections.Add(connection.Id, connection);
        }

        return connection.Id;
    }

    /// <summary>A connection ended before it got live, other than by SendRefuse, SendGoodbye or Abort.</summary>
    public void HandleConnectionFailed(long connectionId, ConnectionFailure failure, TimeSpan now)
    {
        // A live link ends with LinkClosed; what the mesh itself refused is forgotten already.
        if (!_connections.TryGetValue(connectionId, out MeshConnection? connection) || connection.Phase is ConnectionPhase.Live or ConnectionPhase.Closing)
        {
            return;
        }

        if (failure.Penalise && (connection.Peer?.Id ?? failure.Peer) is { } id)
        {
            Score(id, failure.IsForgery ? ReputationCause.ForgedSignature : ReputationCause.ProtocolViolation, connection, now);
            if (!_connections.ContainsKey(connectionId))
            {
                // It was turned away for that.
                return;
            }
        }

        // On the word of a stranger that this node's key has leaked nobody shall be alarmed.
        if (failure.SharedWith is { } address && (!failure.ByPeer || connection.Target is not null))
        {
            Emit(new MeshAction.Shared(_config.Self, address, null));
        }

        Fail(connection, failure, now);
        Manage(now);
    }

    /// <summary>A link has ended, for whatever reason; all of its work has.</summary>
    public void HandleLinkClosed(long connectionId, LinkEnd end, TimeSpan now)
    {
        if (!_connections.Remove(connectionId, out MeshConnection? connection))
        {
            return;
        }

        PeerEntry peer = connection.Peer!;
        _deadlines.Clear(connection.Id);
        peer.Closing.Remove(connection);
        if (peer.Link == connection)
        {
            peer.Link = null;
        }

        ReportDown(connection, end.Reason, WithRedial(peer, end));
        if (end.Penalise)
        {
            Score(peer.Id, ReputationCause.ProtocolViolation, connection, now);
        }

        ScoreLoss(connection, end.Reason, now);
        CandidateLost(connection, end, now);
        NearbyLost(connection, end, now);
        ReleaseHeld(connection, now);

        if (peer.Link is null && !connection.Probe)
        {
            RedialLost(peer, end.Reason, connection.LostToChange ? Stable : now - connection.LiveSince, now);
            if (connection.LostToChange || connection.ChangeCheck is not null)
            {
                DialBack(peer, now);
            }
        }

        Wake(peer.Id, now);
        Forget(peer.Id);
        Manage(now);
    }

    /// <summary>A peer said that another live node has our key. Believed of those whom the operator named.</summary>
    public void HandleNotice(NodeId peer, string address)
    {
        if (IsKnown(peer))
        {
            Emit(new MeshAction.Shared(_config.Self, address, null));
        }
    }

    /// <summary>Says goodbye to everybody; afterwards nothing is dialled or admitted.</summary>
    public void HandleStop(TimeSpan now)
    {
        _stopped = true;
        FailAllTargets();
        foreach (MeshConnection connection in _connections.Values.Where(c => c.Phase < ConnectionPhase.Live).ToArray())
        {
            if (connection.Phase == ConnectionPhase.Connecting)
            {
                Emit(new MeshAction.Abort(connection.Id));
                Drop(connection);
            }
            else
            {
                TurnAway(connection, RefuseCode.GoingAway, GoodbyeCode.Shutdown, "this node is shutting down", now);
            }
        }

        foreach (MeshConnection link in _connections.Values.Where(c => c.Phase == ConnectionPhase.Live).ToArray())
        {
            Close(link, DisconnectReason.LocalShutdown, "", now);
        }

        _deadlines.Clear();
    }

    /// <summary>Does what is due.</summary>
    public void HandleDeadline(TimeSpan now)
    {
        while (_deadlines.TryTake(now, out long key))
        {
            if (_connections.TryGetValue(key, out MeshConnection? connection))
            {
                Emit(new MeshAction.Check(connection.Id));
            }
            else if (key == NetworkKey)
            {
                HandleNetworkChanged(now);
            }
            else if (key is ManageKey or LanKey)
            {
                Touch();
            }
            else if (key == ExchangeKey)
            {
                AskThoseDue(now);
            }
            else if (!MoveDue(key, now))
            {
                TargetDue(key, now);
            }
        }

        Manage(now);
    }

    private void Emit(MeshAction action) => _actions.Enqueue(action);

    private PeerEntry Entry(NodeId id)
    {
        if (!_peers.TryGetValue(id, out PeerEntry? peer))
        {
            peer = new PeerEntry(id, _placesDue);
            _peers.Add(id, peer);
        }

        return peer;
    }

    private void Forget(NodeId id)
    {
        if (_peers.TryGetValue(id, out PeerEntry? peer) && peer is { Known: false, HasPlace: false, IsUnsettled: false })
        {
            _peers.Remove(id);
        }
    }

    // Takes a connection that is not live out of every list.
    private void Drop(MeshConnection connection)
    {
        _connections.Remove(connection.Id);
        connection.Peer?.RemoveNewcomer(connection);
        if (connection.Phase == ConnectionPhase.Held && connection.Peer?.Link is { } link && link.Held.Remove(connection))
        {
            CheckForNext(link);
        }

        if (connection.Peer is { } peer)
        {
            Passing = peer.HasPlace || Passing != peer ? Passing : null;
            Forget(peer.Id);
        }

        DialEnded(connection);
    }

    // A connection that is not live came to nothing, here or there.
    private void Fail(MeshConnection connection, ConnectionFailure failure, TimeSpan now)
    {
        NodeId? id = connection.Peer?.Id ?? failure.Peer;
        failure = WithRealWait(connection, failure with { Peer = id }, now);
        Emit(new MeshAction.Refused(connection.Address, id, Told(connection, failure, now)) { Inbound = connection.Inbound, IsNewMismatch = IsNewMismatch(connection.Target, failure) });
        Drop(connection);
        CandidateFailed(connection, failure, now);
        if (connection.Target is { } target)
        {
            TargetFailed(target, failure, now);
        }

        if ((id ?? connection.Pin) is { } peer)
        {
            Wake(peer, now);
        }
    }

    // Of two who dial each other at once one gives its connection up: nothing failed. Before TLS has named it, only its host says who it was.
    private ConnectionFailure Told(MeshConnection connection, ConnectionFailure failure, TimeSpan now)
    {
        if (failure is { ByPeer: true } or { IsOwnDoing: true } or { IsTransient: false } || failure.Code is not (MesharaErrorCode.LinkClosed or MesharaErrorCode.TlsFailed))
        {
            return failure;
        }

        bool isBeside = (failure.Peer ?? connection.Pin) is { } id
            ? _connections.Values.Any(c => c != connection && c.Phase is > ConnectionPhase.Connecting and < ConnectionPhase.Closing && c.Peer?.Id == id)
            : connection is { Inbound: true, Host: { } host } && _connections.Values.Any(c => !c.Inbound && host.Equals(c.Host) && IsYoung(c, now));
        return isBeside
            ? failure with { Code = MesharaErrorCode.Duplicate, Message = $"{failure.Message} Another connection to it is up, or on its way." }
            : failure;
    }

    private static bool IsYoung(MeshConnection c, TimeSpan now) =>
        c.Phase == ConnectionPhase.Connecting || (c.Phase < ConnectionPhase.Closing && now - c.GreetingSince < ParallelDials);
}
