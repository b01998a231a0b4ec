using Meshara.Core.Policy;

namespace Meshara.Core;

// Nodes that are announced in the local network.
//
//   announced ──▶ LanTable ──its turn──▶ Connecting ──HELLO──▶ a place, as any candidate ──READY──▶ live: in the address table too
//                    ▲   │                   │
//                    │   └─known peers only: told once     nobody, another key: the address waits; refused: the id waits
//                    └───────────────────────┘
internal sealed partial class Mesh
{
    private const long LanKey = -4;

    // Beside those of others: nobody answers at a forged address, and that takes a dial ten seconds to find out.
    private const int MaxLanDials = 64;

    // A dial that has not come to HELLO by then does not keep another from being made.
    private static readonly TimeSpan LanAnswer = TimeSpan.FromSeconds(1);

    private readonly LanTable _lan;

    // As of the last look.
    private bool _wantsNearby = true;

    // When dials under way no longer keep others from being made.
    private TimeSpan? _nearbyAgain;

    /// <summary>Addresses of an id in the local network, and of its newest key.</summary>
    public IReadOnlyList<PeerAddress> NearbyAddressesOf(NodeId id) => [.. new[] { CurrentOf(id), id }.Distinct().SelectMany(_lan.Of)];

    /// <summary>The ids that are announced in the local network.</summary>
    public IReadOnlyCollection<NodeId> NearbyIds => _lan.Ids;

    /// <summary>Nodes of this mesh were announced in the local network. None of it is proven.</summary>
    public void HandleNearby(IReadOnlyList<LanFound> found, TimeSpan now)
    {
        if (_stopped)
        {
            return;
        }

        bool isTurn = false;
        bool areWanted = _wantsNearby || _config.Admission == AdmissionMode.KnownPeers;
        TimeSpan next = _lan.StrangersAt(now);
        foreach (LanFound one in found.Where(f => f.Id != _config.Self))
        {
            bool isNew = _lan.Add(one, id => RankOf(id) != LanRank.Stranger || LiveEntry(CurrentOf(id)) is not null, now);
            isTurn |= isNew && ((areWanted && next <= now) || RankOf(one.Id) != LanRank.Stranger);
        }

        // A flood of strangers is no reason to look through all of them each time.
        if (isTurn)
        {
            Touch();
            Manage(now);
        }
        else if (areWanted && (_deadlines.Of(LanKey) is not { } due || due > next))
        {
            _deadlines.Set(LanKey, Max(next, now + TimeSpan.FromMilliseconds(1)));
        }
    }

    /// <summary>A node is announced no longer under this name. No link ends for it, as anybody can say so.</summary>
    /// <param name="service">The name.</param>
    /// <param name="keep">How long its addresses are kept.</param>
    /// <param name="now">The time.</param>
    public void HandleNearbyGone(string service, TimeSpan keep, TimeSpan now)
    {
        _lan.Withdraw(service, now + keep);
        Touch();
        Manage(now);
    }

    /// <summary>The interfaces of this machine, and the ports at which this node listens. What was announced and is on none of them is forgotten.</summary>
    public void HandleNearbyInterfaces(IReadOnlyList<LanInterface> interfaces, IReadOnlySet<int> ownPorts)
    {
        _lan.SetInterfaces(interfaces, ownPorts);
        Touch();
    }

    /// <summary>Nobody listens for announcements any more.</summary>
    public void HandleNearbyEnded()
    {
        _lan.Clear();
        _deadlines.Clear(LanKey);
    }

    private void ManageNearby(TimeSpan now)
    {
        _deadlines.Clear(LanKey);
        _nearbyAgain = null;
        if (!_ready || _lan.Count == 0)
        {
            // The next one to be announced is looked at in any case.
            _wantsNearby = true;
            return;
        }

        _lan.LongestBackoff = _config.MaxCandidateBackoff;
        HashSet<string> busy = [.. _connections.Values.Where(c => !c.Inbound && c.Phase < ConnectionPhase.Closing).Select(c => c.Address)];
        bool tells = _config.Admission == AdmissionMode.KnownPeers;
        while (_candidates.Values.Count(IsNearby) < MaxLanDials)
        {
            _wantsNearby = WantsNearby(now);
            LanView view = new(RankOf, id => IsNearbyUsable(id, now), at => busy.Contains(at) || _selfAddresses.Contains(at), _wantsNearby, tells);
            if (_lan.Take(view, now) is not { } step)
            {
                break;
            }

            if (step.Tell)
            {
                Emit(new MeshAction.Nearby(step.Entry.Owner.Id, step.Entry.Address.HostAndPort, step.Entry.Owner.Key));
            }
            else
            {
                busy.Add(step.Entry.Address.HostAndPort);
                DialNearby(step.Entry, now);
            }
        }

        if (Earliest(_lan.NextDue, _nearbyAgain) is { } due)
        {
            _deadlines.Set(LanKey, Max(due, now + TimeSpan.FromMilliseconds(1)));
        }
    }

    private static bool IsNearby(MeshConnection connection) => connection.Candidate is { Purpose: DialPurpose.Nearby };

    // Fewer peers than wanted, those counted that may be about to come. Enough: strangers' dials are given up, as the others' are.
    private bool WantsNearby(TimeSpan now)
    {
        if (!IsManaged || _config.TargetPeers == 0)
        {
            return false;
        }

        TimeSpan[] young = [.. _candidates.Values.Where(c => IsNearby(c) && !IsKnown(c.Pin!.Value)).Select(c => c.Candidate!.Began + LanAnswer).Where(late => late > now).Order()];
        PlanCounts counts = Plan(now) with { Dialling = 0 };
        int missing = ConnectionPlan.Decide(counts, _config.TargetPeers, _config.MaxPeers, now).Dial;
        if (missing == 0)
        {
            foreach (MeshConnection dial in _candidates.Values.Where(c => IsNearby(c) && !IsKnown(c.Pin!.Value)).ToArray())
            {
                GiveUp(dial, now);
            }
        }

        // Else forged announcements, at which nobody answers, would keep honest ones waiting until their dials end.
        _nearbyAgain = missing > 0 && missing <= young.Length ? young[^missing] : null;
        return missing > young.Length;
    }

    private LanRank RankOf(NodeId id) => IsKnown(id) ? LanRank.Known : _table.HasProven(CurrentOf(id)) ? LanRank.Before : LanRank.Stranger;

    private bool IsNearbyUsable(NodeId id, TimeSpan now)
    {
        NodeId current = CurrentOf(id);
        return current != _config.Self && id != _config.Self && LiveEntry(current) is null
            && !Entries(current).Any(p => p.HasPlace || p.IsUnsettled) && (IsKnown(current) || _book.BanUntil(current, now) is null);
    }

    private void DialNearby(LanEntry entry, TimeSpan now)
    {
        MeshConnection connection = new(++_lastKey, inbound: false, entry.Address.HostAndPort, target: null)
        {
            Candidate = new Candidate(entry.Address, _groups.GroupOf(entry.Address.Host), DialPurpose.Nearby) { Nearby = entry, Began = now },
        };
        _connections.Add(connection.Id, connection);
        _candidates.Add(connection.Id, connection);
        Emit(new MeshAction.Dial(connection.Id, entry.Address) { Source = AddressSource.LocalMdns });
    }

    // The right key: its other addresses are not needed any more.
    private void NearbyAnswered(MeshConnection connection, LanEntry entry, TimeSpan now)
    {
        _lan.Proven(entry);
        foreach (MeshConnection other in _candidates.Values.Where(c => IsNearby(c) && c.Phase == ConnectionPhase.Connecting && c.Pin == connection.Pin).ToArray())
        {
            GiveUp(other, now);
        }
    }

    // Its key has answered there: from now on it is an address as others are, also when nobody announces it any more.
    private void NearbyLive(LanEntry entry, NodeId id, TimeSpan now)
    {
        _lan.Succeeded(entry);
        if (IsManaged && !IsKnown(id))
        {
            // Who said so may have been at an address of another reach than the one that has proven to be right.
            System.Net.IPAddress there = entry.Key.Address;
            _table.Add(new AddressCandidate(entry.Address, AddressSource.LocalMdns, AddressKinds.MayName(there, entry.From) ? entry.From : there), now);
            _table.Succeeded(entry.Address, id, now);
            Emit(new MeshAction.Keep(id));
        }
    }

    private void NearbyFailed(MeshConnection connection, LanEntry entry, ConnectionFailure failure, TimeSpan now)
    {
        if (failure.IsOwnDoing)
        {
            _lan.Dropped(entry, failure.Code == MesharaErrorCode.Full ? PutOff : TimeSpan.Zero, now);
        }
        else if (failure.Code == MesharaErrorCode.Self)
        {
            RememberSelf(connection.Address);
            _lan.Remove(entry);
        }
        else if (IsFull(failure))
        {
            // The id waits already.
        }
        else if (((failure.ByPeer || connection.Peer is not null) && failure.Code != MesharaErrorCode.IdentityInUse) || failure.Code == MesharaErrorCode.Duplicate)
        {
            // Its key has answered, so the address is right: it is the id that waits, longer each time, whoever of the two refused.
            _lan.Refused(entry, failure.RetryAfter, LongestFor(entry.Key.Id), now);
        }
        else
        {
            _lan.Failed(entry, now);
        }
    }

    // Whom the operator named is dialled at his pace, here too: else one full hour of that peer, or its bad temper, would keep this node from where it is.
    private TimeSpan? LongestFor(NodeId id) => IsKnown(id) ? Timeouts.MaxBackoff : null;

    private void NearbyLost(MeshConnection link, in LinkEnd end, TimeSpan now)
    {
        if (link.Probe)
        {
            return;
        }

        NodeId id = link.Peer!.Id;
        double random = _config.Random.NextDouble();
        TimeSpan? longest = LongestFor(id);
        if (end.Reason == DisconnectReason.Misbehaved || NeedsAPerson(end.Reason))
        {
            TimeSpan least = end.Reason == DisconnectReason.Misbehaved ? MisbehavedFor : AddressTable.AfterEviction;
            TimeSpan asked = Min(end.RetryAfter ?? TimeSpan.Zero, AddressTable.MaxRetryAfter);
            _lan.Hold(id, now + (longest is { } most ? Backoff.Slow(most, random) : Max(least, asked) * (1 + (random / 2))));
            return;
        }

        TimeSpan wait = (end.RetryAfter is { } until && longest is { } bound ? Min(until, bound) : end.RetryAfter)
            ?? (end.Reason == DisconnectReason.RemoteShutdown ? Backoff.Delay(ShutdownAttempt, Timeouts.MaxBackoff, null, random) : Backoff.AfterLoss(random));
        _lan.Lost(id, wait, link.LostToChange ? Stable : now - link.LiveSince, longest, now);
    }
}
