using System.Net;
using Meshara.Core.Policy;

namespace Meshara.Core;

// A peer that the operator named, and that says to be somewhere else now.
//
//   its record ──another address than its targets──▶ probe, one after the other ──its key answers──▶ the target moves
//                                                      │        ▲
//                                                      └─nobody─┘  a few rounds, then not before its next record
internal sealed partial class Mesh
{
    // Probes at once for all peers, and rounds of one record.
    private const int MaxProbes = 4, MaxRounds = 5, MaxTries = 16;

    private readonly SortedDictionary<NodeId, Move> _moves = [];

    private void ConsiderMove(NodeId id, IReadOnlyList<PeerAddress> addresses, IPAddress? from, TimeSpan now)
    {
        PeerAddress[] told = [.. addresses.Where(a => IsTellable(a, from))];
        DialTarget[] targets = TargetsOf(id);
        if (told.Length == 0 || (targets.Length > 0 && LiveEntry(id) is not null && !targets.Any(t => IsOutdated(t, told))))
        {
            EndMove(id);
            return;
        }

        // A name moves with the machine and is kept: only its port is tried.
        IEnumerable<PeerAddress> byName = targets.Where(t => !IsNumeric(t.Address)).SelectMany(t => told.Select(a => new PeerAddress(t.Address.Host, a.Port, id)));
        IEnumerable<PeerAddress> byNumber = targets.Length == 0 || targets.Any(t => IsNumeric(t.Address)) ? told.Where(IsNumeric) : [];
        PeerAddress[] tries = [.. byNumber.Concat(byName).Where(a => !targets.Any(t => t.Address.HostAndPort == a.HostAndPort) && !IsOwnAddress(a)).Distinct().Take(MaxTries)];
        if (tries.Length == 0)
        {
            EndMove(id);
        }
        else if (LiveEntry(id)?.Link is { Inbound: false } link && tries.FirstOrDefault(a => a.HostAndPort == link.Address) is { } here)
        {
            EndMove(id);
            Settle(id, here, told, now);
        }
        else if (!_moves.TryGetValue(id, out Move? old) || !old.Told.SequenceEqual(told))
        {
            EndMove(id);
            _moves.Add(id, new Move(++_lastKey, told, tries));
            ProbeMoves(now);
        }
    }

    // Those that somebody named, not those that are only known.
    private DialTarget[] TargetsOf(NodeId id) => [.. _targets.Values.Where(t => t.IsNamed && t.Address.Id == id)];

    private void EndMove(NodeId id)
    {
        if (_moves.Remove(id, out Move? move))
        {
            _deadlines.Clear(move.Key);
        }
    }

    private void ProbeMoves(TimeSpan now)
    {
        int free = MaxProbes - _moves.Values.Count(m => m.Probe is not null);
        foreach ((NodeId id, Move move) in _moves)
        {
            if (free > 0 && move.Probe is null && _deadlines.Of(move.Key) is null && move.Tries.TryDequeue(out PeerAddress? address))
            {
                free--;
                MeshConnection connection = new(++_lastKey, inbound: false, address.HostAndPort, target: null)
                {
                    Candidate = new Candidate(address, _groups.GroupOf(address.Host), DialPurpose.Feeler) { Moved = id },
                };
                _connections.Add(connection.Id, connection);
                move.Probe = connection.Id;
                Emit(new MeshAction.Dial(connection.Id, address) { Probe = true, AlsoAccepted = OlderKeysOf(id) });
            }
        }
    }

    // True: the key is that of a move.
    private bool MoveDue(long key, TimeSpan now)
    {
        if (!_moves.Values.Any(m => m.Key == key))
        {
            return false;
        }

        ProbeMoves(now);
        return true;
    }

    private void MoveFailed(MeshConnection connection, TimeSpan now)
    {
        if (connection.Candidate?.Moved is not { } id || !_moves.TryGetValue(id, out Move? move) || move.Probe != connection.Id)
        {
            return;
        }

        move.Probe = null;
        if (move.Tries.Count == 0 && ++move.Rounds < MaxRounds)
        {
            // It may have told before it listened.
            move.Begin();
            _deadlines.Set(move.Key, now + Backoff.Ceiling(move.Rounds - 1, Timeouts.MaxBackoff));
        }
        else if (move.Tries.Count == 0)
        {
            EndMove(id);
        }

        ProbeMoves(now);
    }

    private void MoveProven(MeshConnection connection, TimeSpan now)
    {
        if (connection.Candidate is not { Moved: { } id } candidate || !_moves.TryGetValue(id, out Move? move) || move.Probe != connection.Id)
        {
            return;
        }

        EndMove(id);
        if (IsKnown(id) && CurrentOf(id) == id && connection.Peer!.Id == id)
        {
            Settle(id, candidate.Address, move.Told, now);
        }

        ProbeMoves(now);
    }

    // Its key has answered at the address.
    private void Settle(NodeId id, PeerAddress proven, PeerAddress[] told, TimeSpan now)
    {
        DialTarget[] targets = TargetsOf(id);
        DialTarget[] gone = [.. targets.Where(t => IsOutdated(t, told) && IsNumeric(t.Address) == IsNumeric(proven) && (IsNumeric(proven) || t.Address.Host == proven.Host))];
        bool replaces = gone.Length > 0 || targets.Length == 0;
        if (!replaces && LiveEntry(id) is not null)
        {
            return;
        }

        DialTarget target = Target(proven);
        target.DialUntil = replaces ? target.DialUntil : now + DialBackFor;
        Inherit(target, gone);
        foreach (DialTarget old in _targets.Values.Where(t => t.IsLearned && t != target && t.Address.Id == id && IsOutdated(t, told)).Concat(gone).Distinct().ToArray())
        {
            RemoveTarget(old);
        }

        foreach (DialTarget old in gone)
        {
            Emit(new MeshAction.Moved(id, old.Address, proven));
        }

        if (targets.Length == 0)
        {
            target.IsLearned |= !target.Wanted;
            target.Wanted = true;
            Emit(new MeshAction.Moved(id, Old: null, proven));
        }

        if (target.State is not (TargetState.Dialling or TargetState.Awaiting))
        {
            DialIfUseful(target, now);
        }
    }

    // Whoever named the old addresses means the new one: the file until it says otherwise, the operator for ever.
    private static void Inherit(DialTarget target, DialTarget[] gone)
    {
        target.Listed |= gone.Any(t => t.Listed);
        target.KeepForever |= gone.Any(t => t.KeepForever);
        if (gone.Any(t => t is { IsWantedApart: true, IsLearned: false }))
        {
            target.Wanted = true;
            target.IsLearned = false;
        }
    }

    // The peer does not name it any more, and has named others that reach as far: what it tells depends on where it is asked from.
    private bool IsOutdated(DialTarget target, PeerAddress[] told)
    {
        if (target.Adds.Count > 0 || LiveEntry(target.Address.Id!.Value)?.Link is { Inbound: false } link && link.Address == target.Address.HostAndPort)
        {
            return false;
        }

        if (!AddressGroups.TryParse(target.Address.Host, out IPAddress? ip))
        {
            return told.All(a => a.Port != target.Address.Port);
        }

        AddressReach reach = AddressKinds.ReachOf(ip);
        return told.All(a => a.HostAndPort != target.Address.HostAndPort)
            && told.Any(a => AddressGroups.TryParse(a.Host, out IPAddress? other) && AddressKinds.ReachOf(other) == reach);
    }

    private static bool IsTellable(PeerAddress address, IPAddress? from) =>
        !AddressGroups.TryParse(address.Host, out IPAddress? ip) || AddressKinds.MayName(ip, from);

    private static bool IsNumeric(PeerAddress address) => AddressGroups.TryParse(address.Host, out _);

    private bool IsOwnAddress(PeerAddress address) => _selfAddresses.Contains(address.HostAndPort) || _config.IsOwn?.Invoke(address) == true;

    /// <summary>Addresses of one peer that are tried.</summary>
    private sealed class Move(long key, PeerAddress[] told, PeerAddress[] tries)
    {
        /// <summary>Key of its deadline: the next round.</summary>
        public long Key { get; } = key;

        /// <summary>What its record said.</summary>
        public PeerAddress[] Told { get; } = told;

        /// <summary>Those left in this round.</summary>
        public Queue<PeerAddress> Tries { get; } = new(tries);

        /// <summary>The connection on its way.</summary>
        public long? Probe { get; set; }

        public int Rounds { get; set; }

        public void Begin()
        {
            foreach (PeerAddress address in tries)
            {
                Tries.Enqueue(address);
            }
        }
    }
}
