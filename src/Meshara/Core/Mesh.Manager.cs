using Meshara.Core.Policy;

namespace Meshara.Core;

// Keeps the target number of peers: dials on the node's own account.
//
//                      too few ──▶ pick ──▶ Connecting ──HELLO──▶ a place (Mesh.Places) ──READY──▶ live: proven
//   address table ─────┤                        │  │                    │
//     ▲                 anchors, at start ──────▶│  │ surplus: dropped   └──no place: put off
//     │                 a worse peer ─replacement▶  ▼
//     └──── proven, alive, failed, dropped ◀──── the dial has ended
//
//   every two minutes: one address that is unproven, or contested ──probe──▶ proven, or failed; takes no place
internal sealed partial class Mesh
{
    // Keys of connections and targets begin at 1.
    private const long ManageKey = -1;

    private static readonly TimeSpan PutOff = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan MisbehavedFor = TimeSpan.FromHours(1);

    // Who shuts down may be back in seconds: 8 s at most.
    private const int ShutdownAttempt = 3;

    // How fast a node dials on its own account: as many in a row as are under way at once, then two a second of those that lead to nobody. Thousands of addresses that
    // refuse at once must not become a flood.
    private static readonly Pace DialPace = new(rate: 2, MaxDials);

    private readonly SortedDictionary<long, MeshConnection> _candidates = [];
    private readonly AddressTable _table;
    private AddressGroups _groups;
    private IReadOnlyList<PeerAddress> _anchors = [];
    private Queue<PeerAddress> _anchorsToDial = new();
    private TimeSpan _paceFullAt;
    private TimeSpan? _lastDialStep;
    private TimeSpan? _lastReplacement;
    private TimeSpan? _nextFeeler;
    private bool _changed;
    private bool _ready;

    // Under KnownPeers there is nobody to look for.
    private bool IsManaged => !_stopped && _config.Admission != AdmissionMode.KnownPeers;

    // Those to the local network have a bound of their own.
    private int DialsUnderWay => _dials.Count + _candidates.Values.Count(static c => !IsNearby(c));

    public AddressCounts AddressCounts => _table.Counts;

    // Something happened that may call for a dial, or make one needless.
    private void Touch() => _changed = true;

    private void Manage(TimeSpan now)
    {
        if (_stopped || (!_changed && !(_deadlines.Of(ManageKey) <= now)))
        {
            return;
        }

        _changed = false;
        _deadlines.Clear(ManageKey);
        _table.SetAlone(_placesDue.Linked == 0, now);
        HoldMaximum(now);
        ManageNearby(now);
        if (!IsManaged || !_ready || _config.TargetPeers == 0)
        {
            return;
        }

        PickView view = View(now);
        DialAnchors(view, now);
        TimeSpan? again = DialCandidates(view, now);
        again = Earliest(again, Feel(view, now));
        if (again is { } due)
        {
            _deadlines.Set(ManageKey, due);
        }

        KeepAnchors();
    }

    // When to look again.
    private TimeSpan? DialCandidates(PickView view, TimeSpan now)
    {
        PlanStep step = ConnectionPlan.Decide(Plan(now), _config.TargetPeers, _config.MaxPeers, now);
        if (step.Surplus)
        {
            DropSurplus(now);
        }

        TimeSpan? again = step.LookAgain is { } look ? Max(look, now + TimeSpan.FromMilliseconds(1)) : null;
        for (int i = 0; i < step.Dial && DialsUnderWay < MaxDials; i++)
        {
            if (!TryDial(DialPurpose.Fill, view, null, now))
            {
                if (DialPace.NextAt(_paceFullAt, now) <= now)
                {
                    AskTheRest(now);
                }

                // Nobody to dial: when there is somebody counts, and whoever is learned of until then is looked at at once.
                return WhenToPick(now);
            }
        }

        // Its victim may be an outbound peer that is discouraged; else one is chosen when the newcomer goes live.
        if (step.Replace && DialsUnderWay < MaxDials)
        {
            NodeId? worst = WorstOutbound(now);
            if (!TryDial(DialPurpose.Replacement, view, worst, now))
            {
                return Earliest(again, WhenToPick(now));
            }

            _lastReplacement = now;
        }

        return again;
    }

    private bool TryDial(DialPurpose purpose, PickView view, NodeId? replaces, TimeSpan now)
    {
        if (DialPace.NextAt(_paceFullAt, now) > now || _table.Pick(view, now) is not { } entry)
        {
            return false;
        }

        _paceFullAt = DialPace.Spend(_paceFullAt, now);
        _lastDialStep = now;
        DialCandidate(entry, purpose, replaces);
        return true;
    }

    private TimeSpan? WhenToPick(TimeSpan now)
    {
        TimeSpan pace = DialPace.NextAt(_paceFullAt, now);
        return pace > now ? pace
            : _table.Counts.Ready > 0 ? now + ConnectionPlan.NextTry
            : _table.NextDue is { } due ? Max(due, now + TimeSpan.FromMilliseconds(1)) : null;
    }

    private void DialCandidate(AddressEntry entry, DialPurpose purpose, NodeId? replaces = null)
    {
        MeshConnection connection = new(++_lastKey, inbound: false, entry.Address.HostAndPort, target: null)
        {
            Candidate = new Candidate(entry.Address, entry.Group, purpose) { Replaces = replaces },
        };
        _connections.Add(connection.Id, connection);
        _candidates.Add(connection.Id, connection);
        Emit(new MeshAction.Dial(connection.Id, entry.Address) { Probe = purpose == DialPurpose.Feeler, Source = entry.Source });
    }

    // Whom the last run held longest: an attacker who fills the table before a restart does not get them out.
    private void DialAnchors(PickView view, TimeSpan now)
    {
        while (DialsUnderWay < MaxDials && _anchorsToDial.TryDequeue(out PeerAddress? anchor))
        {
            if (Counts.Mesh + _candidates.Values.Count(static c => !IsNearby(c)) < _config.MaxPeers && _table.Find(anchor) is { } entry && view.IsUsable(entry) && _table.TryTake(anchor, now) is { } taken)
            {
                _lastDialStep = now;
                DialCandidate(taken, DialPurpose.Anchor);
            }
        }
    }

    // When the next one is due; null: there is nothing to test.
    private TimeSpan? Feel(PickView view, TimeSpan now)
    {
        AddressCounts counts = _table.Counts;
        if (counts.Proven + counts.Unproven == 0)
        {
            return null;
        }

        _nextFeeler ??= now + _config.FeelerInterval;
        if (_nextFeeler <= now)
        {
            _nextFeeler = now + _config.FeelerInterval;
            bool isUnderWay = _candidates.Values.Any(c => c.Candidate!.Purpose == DialPurpose.Feeler);
            if (!isUnderWay && _table.PickForFeeler(view, now) is { } entry)
            {
                DialCandidate(entry, DialPurpose.Feeler);
            }
        }

        return _nextFeeler;
    }

    private PlanCounts Plan(TimeSpan now)
    {
        MeshCounts counts = Counts;
        InboundPeer[] inbound = InboundPeers(now);
        bool outboundVictim = WorstOutbound(now) is not null;
        bool inboundVictim = _config.MaxPeers > 1 && Eviction.Choose(inbound, default, _config.TableKey.Span, _evictionPace.Last, now) is not null;
        return new PlanCounts
        {
            Inbound = counts.Inbound,
            Outbound = counts.Outbound,
            Anchors = counts.Anchors,
            Dialling = _candidates.Values.Count(c => c.Candidate!.Purpose is DialPurpose.Fill or DialPurpose.Anchor),
            Replacing = IsReplacing(),
            HasDiscouragedOutbound = outboundVictim,
            HasVictim = inboundVictim || outboundVictim,
            VictimAt = Eviction.NextCandidateAt(inbound, now),
            LastDialStep = _lastDialStep,
            LastReplacement = _lastReplacement,
        };
    }

    private bool IsReplacing() => _connections.Values.Any(c => c is { Candidate.Purpose: DialPurpose.Replacement, Phase: < ConnectionPhase.Live });

    private PickView View(TimeSpan now)
    {
        Dictionary<AddressKey, int> use = [];
        HashSet<NodeId> dialled = [];
        HashSet<string> addresses = new(StringComparer.Ordinal);
        foreach (MeshConnection c in _connections.Values.Where(c => !c.Inbound && c.Phase < ConnectionPhase.Closing))
        {
            addresses.Add(c.Address);
            if ((c.Peer?.Id ?? c.Pin) is { } id)
            {
                dialled.Add(CurrentOf(id));
            }

            if (c.Candidate is { Purpose: not DialPurpose.Feeler } candidate)
            {
                use[candidate.Group] = use.GetValueOrDefault(candidate.Group) + 1;
            }
        }

        // What the operator named is dialled for him, at his pace.
        HashSet<string> busy = [.. addresses, .. _targets.Values.Where(t => t.Wanted || t.State == TargetState.Dialling).Select(t => t.Address.HostAndPort)];
        return new PickView(
            entry => IsUsable(entry, dialled, busy, now),
            group => use.GetValueOrDefault(group) + _candidates.Values.Count(c => c.Candidate!.Group == group && c.Candidate.Purpose != DialPurpose.Feeler && !addresses.Contains(c.Address)),
            entry => _book.Standing(entry.Id, entry.AddressKey, now));
    }

    private bool IsUsable(AddressEntry entry, HashSet<NodeId> dialled, HashSet<string> addresses, TimeSpan now)
    {
        // Of those that began after the view was made.
        string at = entry.Spot.Name;
        if (addresses.Contains(at) || _candidates.Values.Any(c => c.Address == at || (entry.Id is { } i && c.Pin == i)))
        {
            return false;
        }

        if (_selfAddresses.Contains(at) || _config.IsOwn?.Invoke(entry.Address) == true)
        {
            return false;
        }

        if (entry.Id is not { } id)
        {
            return true;
        }

        NodeId current = CurrentOf(id);
        return current != _config.Self && id != _config.Self && !IsKnown(current) && !dialled.Contains(current)
            && !Entries(current).Any(p => p.HasPlace || p.IsUnsettled) && _book.BanUntil(current, now) is null;
    }

    // HELLO came: it is a newcomer now, and counts among the peers.
    private void CandidateAnswered(MeshConnection connection, TimeSpan now)
    {
        // A feeler stays until it has ended: there is one at a time.
        if (connection.Candidate is { Purpose: not DialPurpose.Feeler } candidate)
        {
            _candidates.Remove(connection.Id);
            _lastDialStep = candidate.Nearby is null ? now : _lastDialStep;
            _paceFullAt = candidate.Nearby is null ? DialPace.Refund(_paceFullAt) : _paceFullAt;
        }

        if (connection.Candidate?.Nearby is { } entry)
        {
            NearbyAnswered(connection, entry, now);
        }

        Touch();
    }

    private void CandidateLive(MeshConnection connection, TimeSpan now)
    {
        Touch();
        _candidates.Remove(connection.Id);
        if (!connection.Probe)
        {
            foreach (MeshConnection dial in _candidates.Values.Where(c => c.Phase == ConnectionPhase.Connecting && c.Pin == connection.Peer!.Id).ToArray())
            {
                GiveUp(dial, now);
            }
        }

        NodeId id = connection.Peer!.Id;
        if (connection.Candidate?.Nearby is { } nearby)
        {
            NearbyLive(nearby, id, now);
        }
        else if (connection.Candidate is { } candidate)
        {
            _table.Succeeded(candidate.Address, id, now, linked: !connection.Probe);
            Emit(new MeshAction.Keep(id));
        }
        else if (connection.Target is { } target && _table.Find(target.Address with { Id = id }) is { } entry)
        {
            // What is known of a static peer's address stays true.
            _table.Succeeded(entry.Address, id, now);
            Emit(new MeshAction.Keep(id));
        }
    }

    // A dial of the node's own came to nothing.
    private void CandidateFailed(MeshConnection connection, ConnectionFailure failure, TimeSpan now)
    {
        Touch();
        _candidates.Remove(connection.Id);
        if (connection.Candidate is not { Moved: null } candidate)
        {
            MoveFailed(connection, now);
            TellTable(connection.Target, failure, now);
            return;
        }

        if (candidate.Nearby is { } nearby)
        {
            NearbyFailed(connection, nearby, failure, now);
            return;
        }

        PeerAddress address = candidate.Address;
        if (failure.IsOwnDoing)
        {
            _table.Dropped(address, failure.Code == MesharaErrorCode.Full ? PutOff : TimeSpan.Zero, now);
        }
        else if (failure.Code == MesharaErrorCode.Self)
        {
            RememberSelf(address.HostAndPort);
            _table.Remove(address);
        }
        else if (failure.Code == MesharaErrorCode.Duplicate && address.Id is null && failure.Peer is { } answered)
        {
            _table.Succeeded(address, answered, now, linked: false);
        }
        else if (IsFull(failure))
        {
            // Its addresses wait already.
        }
        else if ((failure.ByPeer && failure.Code != MesharaErrorCode.IdentityInUse) || failure.Code == MesharaErrorCode.Duplicate)
        {
            _table.Alive(address, failure.RetryAfter, now);
        }
        else
        {
            Blame(address, failure, now);
        }

        if (address.Id is { } id)
        {
            Emit(new MeshAction.Keep(id));
        }
    }

    // What a dial for the operator says of an address that is in the table too.
    private void TellTable(DialTarget? target, ConnectionFailure failure, TimeSpan now)
    {
        if (target is { Address.Id: { } id } && _table.Find(target.Address) is not null && failure is { IsOwnDoing: false, ByPeer: false }
            && failure.Code is not (MesharaErrorCode.Duplicate or MesharaErrorCode.Self or MesharaErrorCode.Removed or MesharaErrorCode.NodeStopped))
        {
            _table.Tried(target.Address, now);
            Blame(target.Address, failure, now);
            Emit(new MeshAction.Keep(id));
        }
    }

    // Only the address is to blame, not the id that was expected there.
    private void Blame(PeerAddress address, ConnectionFailure failure, TimeSpan now)
    {
        if (failure.Code == MesharaErrorCode.PinMismatch)
        {
            _table.WrongKey(address, now);
            return;
        }

        // TLS says that the network is no excuse.
        _table.Failed(address, failure.Code == MesharaErrorCode.IdentityInUse || _placesDue.Linked > 0, now);
    }

    private static bool IsFull(ConnectionFailure failure) => failure is { Code: MesharaErrorCode.Full, ByPeer: true, IsOwnDoing: false, Peer: not null };

    // A peer without a place: what people are told is when this node really dials again.
    private ConnectionFailure WithRealWait(MeshConnection connection, ConnectionFailure failure, TimeSpan now) =>
        connection.Candidate?.Nearby is { } entry && IsFull(failure)
            ? failure with { RetryAfter = WholeSeconds(_lan.Refused(entry, Max(failure.RetryAfter ?? TimeSpan.Zero, RetryWhenFull), LongestFor(entry.Key.Id), now)) }
        : connection.Candidate is { } candidate && IsFull(failure)
            ? failure with { RetryAfter = WholeSeconds(_table.Full(candidate.Address, failure.Peer!.Value, failure.RetryAfter, now)) }
        : connection.Target is { Wanted: true } target && IsFull(failure) ? failure with { RetryAfter = WaitWhenFull(target, failure.RetryAfter) }
        : failure;

    private static TimeSpan WholeSeconds(TimeSpan time) => TimeSpan.FromSeconds(Math.Ceiling(time.TotalSeconds));

    // At the operator's pace, and not together with all who were refused at the same moment.
    private TimeSpan WaitWhenFull(DialTarget target, TimeSpan? asked)
    {
        double random = _config.Random.NextDouble();
        TimeSpan wait = Min(Timeouts.MaxBackoff, asked ?? TimeSpan.Zero) * (1 + (random / 2));
        return TimeSpan.FromMilliseconds(Math.Ceiling(Max(wait, Backoff.Delay(target.Attempts, Timeouts.MaxBackoff, null, random)).TotalMilliseconds));
    }

    private void CandidateLost(MeshConnection link, in LinkEnd end, TimeSpan now)
    {
        Touch();
        PeerEntry peer = link.Peer!;
        if (link.Probe || IsStatic(peer))
        {
            return;
        }

        if (link.Candidate is { } candidate)
        {
            _table.LinkEnded(candidate.Address, now - link.LiveSince, now);
        }

        TimeSpan? wait = end.Reason switch
        {
            DisconnectReason.Misbehaved => MisbehavedFor,
            DisconnectReason.Evicted or DisconnectReason.RemoteRemoved or DisconnectReason.ProtocolError or DisconnectReason.RemoteProtocolError
                or DisconnectReason.IdentityInUse => Max(AddressTable.AfterEviction, end.RetryAfter ?? TimeSpan.Zero),
            DisconnectReason.RemoteShutdown => end.RetryAfter ?? Backoff.Delay(ShutdownAttempt, Timeouts.MaxBackoff, null, _config.Random.NextDouble()),
            _ => end.RetryAfter,
        };
        if (wait is { } until)
        {
            // Whoever was sent away with others does not come back with them.
            _table.Postpone(peer.Id, now + (until * (1 + (_config.Random.NextDouble() / 2))), now);
        }

        Emit(new MeshAction.Keep(peer.Id));
    }

    private void DropSurplus(TimeSpan now)
    {
        foreach (MeshConnection dial in _candidates.Values.Where(c => c.Candidate!.Purpose is DialPurpose.Fill or DialPurpose.Anchor).ToArray())
        {
            GiveUp(dial, now);
        }
    }

    // Nobody is told: it was this node's own idea.
    private void GiveUp(MeshConnection dial, TimeSpan now)
    {
        Emit(new MeshAction.Abort(dial.Id));
        Drop(dial);
        CandidateFailed(dial, new ConnectionFailure(MesharaErrorCode.Removed, "") { IsOwnDoing = true }, now);
    }

    // The operator's dial of the same peer or address takes over.
    private void GiveUpCandidatesFor(PeerAddress address, TimeSpan now)
    {
        foreach (MeshConnection dial in _candidates.Values.Where(c => c.Phase == ConnectionPhase.Connecting && (c.Address == address.HostAndPort || (address.Id is { } id && c.Pin == id))).ToArray())
        {
            GiveUp(dial, now);
        }
    }

    // After a change of the network: packets of dials under way may leave by an address that has gone, and what failed may answer now.
    private void DialCandidatesAnew(TimeSpan now)
    {
        foreach (MeshConnection dial in _candidates.Values.Where(c => c.Phase == ConnectionPhase.Connecting).ToArray())
        {
            GiveUp(dial, now);
        }

        _table.ResetBackoff(now);
        _lan.ResetBackoff();
        _paceFullAt = TimeSpan.Zero;
        Touch();
    }

    // Changed only by better knowledge: a node whose network has gone keeps those it had.
    private void KeepAnchors()
    {
        IEnumerable<(PeerAddress, AddressKey, TimeSpan)> outbound = Places()
            .Where(c => c is { Inbound: false, Phase: ConnectionPhase.Live, Candidate: not null } && !IsStatic(c.Peer!))
            .Select(c => (c.Candidate!.Address with { Id = c.Peer!.Id }, c.Candidate.Group, c.LiveSince));
        IReadOnlyList<PeerAddress> chosen = ConnectionPlan.ChooseAnchors(outbound);
        PeerAddress[] anchors = [.. chosen.Concat(_anchors.Where(a => chosen.All(c => c.Id != a.Id) && !IsKnown(a.Id!.Value))).Take(PeerStoreContent.MaxAnchors)];
        if (!anchors.SequenceEqual(_anchors))
        {
            _anchors = anchors;
            Emit(new MeshAction.KeepAnchors(anchors));
        }
    }

    private static TimeSpan? Earliest(TimeSpan? a, TimeSpan? b) => a is null ? b : b is null || a < b ? a : b;
}
