using System.Net;
using Meshara.Core.Policy;
using Meshara.Wire;

namespace Meshara.Core;

// Who may be here at once. Static peers (those whom the operator named) always may. Of the others, mesh peers, there are never more than MaxPeers.
//
//   HELLO ──static, or its peer has a place──────────────▶ in ──READY──▶ live
//     │                                                    ▲
//     ├──a place is free, or a slow newcomer is sent away──┘
//     │
//     ├──somebody would give way──▶ passing ──READY──▶ whoever would give way now is closed, then it is live
//     │   (one at a time)              └───nobody does any more──▶ GOODBYE or REFUSE
//     └──else──▶ REFUSE full: which limit, its value, when to retry
internal sealed partial class Mesh
{
    private const int MaxRefusedKeys = 1024;
    private const int MostRefusals = 20;

    // So many refused ids at one address of the local network are a machine with many nodes, or a proxy.
    private const int ManyIds = 5;

    /// <summary>What a peer is told who finds no place.</summary>
    private static readonly TimeSpan RetryWhenFull = TimeSpan.FromSeconds(60);

    // READY needs one round trip; who takes longer gives way to who is there.
    private static readonly TimeSpan SlowNewcomer = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RefusalsCounted = TimeSpan.FromMinutes(10);

    private readonly Dictionary<AddressKey, RefusedAt> _refused = [];

    // Admitted beyond the places; a victim is chosen when it goes live.
    private PeerEntry? Passing
    {
        get;
        set
        {
            field?.CountAgain();
            field = value;
            field?.CountAgain();
        }
    }

    private EvictionPace _evictionPace;

    // How many peers are here at most without one of them being sent away: more than MaxPeers after that was lowered.
    private int _tolerated;
    private bool _toldOfMany;
    private double _refusalsSpent;
    private TimeSpan _refusalsAt;

    private int InboundSlots => ConnectionPlan.InboundSlots(_config.TargetPeers, _config.MaxPeers);

    /// <summary>Whether the peer of this id is extra: the operator named it, or the address at which it was reached.</summary>
    public bool IsStatic(NodeId id) => _peers.TryGetValue(id, out PeerEntry? peer) ? IsStatic(peer) : IsKnown(id);

    private bool IsStatic(PeerEntry peer) => IsKnown(peer.Id) || (peer.Link is { } link && IsOperators(link)) || peer.Newcomers.Any(IsOperators);

    private bool IsOperators(MeshConnection connection) =>
        connection.Target is { } target && (target.Wanted || target.Adds.Count > 0) && _targets.GetValueOrDefault(target.Address.ToString()) == target;

    // At HELLO. False: refused.
    private bool TryTakePlace(MeshConnection connection, TimeSpan now)
    {
        PeerEntry peer = connection.Peer!;
        if (IsStatic(peer) || IsOperators(connection) || Entries(peer.Id).Any(p => p.HasPlace))
        {
            return true;
        }

        if (connection.Inbound && FindInboundLimit(connection) is { } met)
        {
            RefuseFull(connection, met, InboundLimits.RetryAfter(CountRefusal(connection, met, now)), now);
            return false;
        }

        // A peer that could not be had for want of a place keeps none.
        if (HasRoom(connection, Counts) || (connection.Inbound && TurnSlowNewcomerAway(now) && HasRoom(connection, Counts)))
        {
            return true;
        }

        bool mayReplace = connection.Inbound || connection.Candidate is { Purpose: DialPurpose.Replacement };
        if (mayReplace && Passing is null && Counts.Mesh <= _config.MaxPeers && ChooseVictim(connection, now) is not null)
        {
            Passing = peer;
            return true;
        }

        RefuseFull(connection, Missing(Counts), RetryWhenFull, now);
        return false;
    }

    // What TryTakePlace would say to a probe's sender if it came as a peer; takes, displaces and counts nothing. Null: there is a place.
    private (MetLimit Limit, TimeSpan RetryAfter)? FindMissingPlace(MeshConnection probe, TimeSpan now)
    {
        PeerEntry peer = probe.Peer!;
        if (IsStatic(peer) || Entries(peer.Id).Any(p => p.HasPlace))
        {
            return null;
        }

        if (FindInboundLimit(probe) is { } met)
        {
            return (met, RetryWhenFull);
        }

        MeshCounts counts = Counts;
        bool hasPlace = HasRoom(probe, counts) || (Passing is null && counts.Mesh <= _config.MaxPeers && ChooseVictim(probe, now) is not null);
        return hasPlace ? null : (Missing(counts), RetryWhenFull);
    }

    private MetLimit Missing(MeshCounts counts) =>
        counts.Mesh < _config.MaxPeers ? new MetLimit("max_inbound_peers", InboundSlots) : new MetLimit("max_peers", _config.MaxPeers);

    private bool HasRoom(MeshConnection connection, MeshCounts counts) =>
        counts.Mesh < _config.MaxPeers && (!connection.Inbound || counts.Inbound < InboundSlots);

    // Before READY is sent, or before the link lives where READY was sent without waiting. False: it is sent away.
    private bool TrySettle(MeshConnection connection, TimeSpan now)
    {
        PeerEntry peer = connection.Peer!;
        if (connection.Probe || connection.IsSettled)
        {
            return true;
        }

        connection.IsSettled = true;
        Passing = Passing == peer ? null : Passing;
        if (connection.Candidate?.Replaces is { } worse && _peers.TryGetValue(worse, out PeerEntry? replaced) && replaced.Link is not null
            && !IsStatic(replaced) && _book.IsDiscouraged(worse, now))
        {
            Evict(replaced, "a better peer was found", now);
        }

        MeshCounts counts = Counts;
        bool over = !IsStatic(peer) && (counts.Mesh > _config.MaxPeers || (peer.Link is null && connection.Inbound && counts.Inbound > InboundSlots));
        if (!over)
        {
            return true;
        }

        // Beyond that others are too many already: it does not help if one of them goes.
        if (counts.Mesh <= _config.MaxPeers + 1 && ChooseVictim(connection, now) is { } victim)
        {
            if (victim.Paced)
            {
                _evictionPace = _evictionPace.After(now);
            }

            Evict(_peers[victim.Id], "its place was given to another peer", now);
            return true;
        }

        TurnAway(connection, RefuseCode.Full, GoodbyeCode.Evicted, "nobody gives way any more", now);
        return false;
    }

    // After a change of who is static: nobody waits for a better moment. Those who were more when the maximum was lowered stay until they end by themselves.
    private void HoldMaximum(TimeSpan now)
    {
        _tolerated = Math.Max(_config.MaxPeers, Math.Min(_tolerated, Counts.Mesh));
        while (Counts.Mesh > _tolerated)
        {
            MeshConnection youngest = Places().Last(c => !IsStatic(c.Peer!) && c.Peer != Passing);
            Evict(youngest.Peer!, "it is no longer one of those that the operator named, and there is no place", now);
        }
    }

    private void Evict(PeerEntry peer, string why, TimeSpan now)
    {
        foreach (MeshConnection newcomer in peer.Newcomers.ToArray())
        {
            TurnAway(newcomer, RefuseCode.Full, GoodbyeCode.Evicted, why, now);
        }

        if (peer.Link is { } link)
        {
            Close(link, DisconnectReason.Evicted, why, now);
        }
    }

    private EvictionChoice? ChooseVictim(MeshConnection newcomer, TimeSpan now)
    {
        // For an outbound replacement the place of an inbound peer will do; at MaxPeers 1 nobody is forced out for it.
        EvictionChoice? inbound = newcomer.Inbound || _config.MaxPeers > 1
            ? Eviction.Choose(InboundPeers(now), GroupOf(newcomer), _config.TableKey.Span, _evictionPace.Last, now)
            : null;
        return inbound ?? (newcomer.Inbound || WorstOutbound(now) is not { } worst ? null : new EvictionChoice(worst, Paced: false));
    }

    private NodeId? WorstOutbound(TimeSpan now) => Places()
        .Where(c => c is { Inbound: false, Phase: ConnectionPhase.Live } && !IsStatic(c.Peer!) && _book.IsDiscouraged(c.Peer!.Id, now))
        .OrderBy(c => _book.ValueOf(c.Peer!.Id, now))
        .FirstOrDefault()?.Peer!.Id;

    private InboundPeer[] InboundPeers(TimeSpan now) =>
        [.. Places()
            .Where(c => c is { Inbound: true, Phase: ConnectionPhase.Live } && !IsStatic(c.Peer!))
            .Select(c => new InboundPeer(c.Peer!.Id, GroupOf(c), c.LiveSince)
            {
                RoundTrip = c.RoundTrips.Least,
                LastUseful = c.LastUseful,
                Discouraged = _book.IsDiscouraged(c.Peer.Id, now),
                Marked = c.Host is { } host && _book.IsMarked(AddressGroups.KeysOf(host).Address, now),
            })];

    private AddressKey GroupOf(MeshConnection connection) =>
        connection.Candidate?.Group ?? (connection.Host is { } host ? _groups.GroupOf(host) : AddressKey.Name(connection.Address));

    private MetLimit? FindInboundLimit(MeshConnection connection)
    {
        if (connection.Host is not { } from)
        {
            return null;
        }

        IEnumerable<IPAddress> others = Places().Where(c => c.Inbound && !IsStatic(c.Peer!)).Select(c => c.Host).OfType<IPAddress>();
        return _config.InboundLimits.Judge(from, others, InboundSlots, _groups);
    }

    private bool TurnSlowNewcomerAway(TimeSpan now)
    {
        PeerEntry? slow = Places()
            .Where(c => c is { Inbound: true, Phase: ConnectionPhase.Greeting } && c.Peer != Passing && now - c.GreetingSince > SlowNewcomer && !IsStatic(c.Peer!))
            .Select(c => c.Peer)
            .FirstOrDefault();
        if (slow is null)
        {
            return false;
        }

        Evict(slow, "it took too long, and another waits for the place", now);
        return true;
    }

    private void RefuseFull(MeshConnection connection, MetLimit met, TimeSpan retryAfter, TimeSpan now)
    {
        string message = $"this node has no place: {met.Name} is {met.Value}, try again in {retryAfter.TotalSeconds:0} s or later";
        Refuse(connection, RefuseCode.Full, message, now, limit: met, retryAfter: retryAfter);
    }

    // Refusals of this address within the last ten minutes, this one included.
    private int CountRefusal(MeshConnection connection, MetLimit met, TimeSpan now)
    {
        AddressKey key = AddressGroups.KeysOf(connection.Host!).Address;
        if (_refused.TryGetValue(key, out RefusedAt? at) && now - at.Since > RefusalsCounted)
        {
            _refused.Remove(key);
            at = null;
        }

        if (at is null)
        {
            at = new RefusedAt(now);
            if (_refused.Count >= MaxRefusedKeys)
            {
                foreach (AddressKey old in _refused.Where(r => now - r.Value.Since > RefusalsCounted).Select(r => r.Key).ToArray())
                {
                    _refused.Remove(old);
                }
            }

            if (_refused.Count < MaxRefusedKeys)
            {
                _refused.Add(key, at);
            }
        }

        at.Count++;
        if (!_toldOfMany && at.Ids.Count < ManyIds && at.Ids.Add(connection.Peer!.Id) && at.Ids.Count == ManyIds && _groups.IsOnLink(connection.Host!))
        {
            _toldOfMany = true;
            Emit(new MeshAction.ManyAtOneAddress(ManyIds, connection.Host!.ToString(), met.Name, met.Value));
        }

        return at.Count;
    }

    // Words cost more than a close: a second has only so many for strangers.
    private bool MayRefuseWithWords(TimeSpan now)
    {
        _refusalsSpent = Math.Max(0, _refusalsSpent - ((now - _refusalsAt).TotalSeconds * MostRefusals));
        _refusalsAt = now;
        if (_refusalsSpent > MostRefusals - 1)
        {
            return false;
        }

        _refusalsSpent++;
        return true;
    }

    private sealed class RefusedAt(TimeSpan since)
    {
        public TimeSpan Since { get; } = since;

        public int Count { get; set; }

        public HashSet<NodeId> Ids { get; } = [];
    }
}
