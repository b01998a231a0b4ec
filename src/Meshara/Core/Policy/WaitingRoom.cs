using System.Runtime.InteropServices;

namespace Meshara.Core.Policy;

// One lane between accept and the end of TLS.
//
//   Enter ──▶ Unread ── its turn, a token of the lane ──▶ Reading ── ClientHello complete ──▶ Ready ── a place ──▶ Shaking ── Leave ──▶
//               │                                           │                                   │                   │
//               └───────── Close: pool full, or late ───────┴───────────────────────────────────┘                   └─ Close: stalled
//
/// <summary>Who waits before TLS, who is next, and who has to go. Pure; after each event poll until there is no order left.</summary>
/// <param name="limits">The numbers.</param>
/// <param name="patience">From Enter to the end of TLS.</param>
internal sealed class WaitingRoom(AcceptLimits limits, TimeSpan patience)
{
    private AcceptLimits _limits = limits;
    private TimeSpan _patience = patience;

    // More than can wait or shake hands at a time: whoever waits is remembered with those it competes with.
    private const int MinRemembered = 1024;

    private Pace _all = new(limits.TotalRate, limits.TotalBurst);

    // In the order in which they came.
    private readonly List<Guest> _waiting = [];
    private readonly List<Guest> _shaking = [];
    private readonly Dictionary<AddressKey, int> _waitingOfWide = [];
    private readonly Dictionary<AddressKey, int> _waitingOfNetwork = [];
    private Turns _reads = new(Math.Max(MinRemembered, 2 * limits.MaxWaiting));
    private Turns _places = new(Math.Max(MinRemembered, 2 * limits.MaxWaiting));
    private TimeSpan _allFullAt;

    // Places that were taken together do not yield together: eight new handshakes at once are felt by every link of the node.
    private TimeSpan _yieldNotBefore;

    private enum Phase
    {
        Unread,
        Reading,
        Ready,
        Shaking,
    }

    /// <summary>Who waits.</summary>
    public int Waiting => _waiting.Count;

    /// <summary>Handshakes in flight.</summary>
    public int Shaking => _shaking.Count;

    /// <summary>Other numbers from now on, for those who wait as well.</summary>
    public void Change(AcceptLimits limits, TimeSpan patience)
    {
        if (limits.TotalRate != _limits.TotalRate || limits.TotalBurst != _limits.TotalBurst)
        {
            (_all, _allFullAt) = (new Pace(limits.TotalRate, limits.TotalBurst), TimeSpan.Zero);
        }

        if (limits.MaxWaiting != _limits.MaxWaiting)
        {
            int remembered = Math.Max(MinRemembered, 2 * limits.MaxWaiting);
            (_reads, _places) = (new Turns(remembered), new Turns(remembered));
        }

        (_limits, _patience) = (limits, patience);
    }

    /// <summary>A connection that the gate let pass.</summary>
    /// <param name="id">Its name.</param>
    /// <param name="keys">Its groups.</param>
    /// <param name="now">The time.</param>
    public void Enter(long id, in AddressKeys keys, TimeSpan now)
    {
        _waiting.Add(new Guest(id, keys, now));
        Count(_waitingOfWide, keys.Wide, 1);
        Count(_waitingOfNetwork, keys.Network, 1);
    }

    /// <summary>Its ClientHello is here.</summary>
    public void Complete(long id)
    {
        if (_waiting.Find(g => g.Id == id) is { Phase: Phase.Reading } guest)
        {
            guest.Phase = Phase.Ready;
        }
    }

    /// <summary>It has ended, or TLS is done.</summary>
    public void Leave(long id)
    {
        if ((_waiting.Find(g => g.Id == id) ?? _shaking.Find(g => g.Id == id)) is { } guest)
        {
            Remove(guest);
        }
    }

    /// <summary>The next order.</summary>
    public bool TryPoll(TimeSpan now, out RoomOrder order)
    {
        order = default;
        return TryCloseLate(now, ref order) || TryCloseOne(ref order) || TryRead(now, ref order) || TryStart(now, ref order) || TryCloseStalled(now, ref order);
    }

    /// <summary>When to poll again although nothing has happened; null: not at all.</summary>
    public TimeSpan? NextDeadline(TimeSpan now)
    {
        if (_waiting.Count == 0)
        {
            return null;
        }

        TimeSpan next = _waiting[0].Entered + _patience;
        if (_waiting.Exists(g => g.Phase == Phase.Unread))
        {
            next = Earlier(next, _all.NextAt(_allFullAt, now));
        }

        foreach (Guest guest in _shaking)
        {
            next = DueToYield(guest) is { } due ? Earlier(next, due > _yieldNotBefore ? due : _yieldNotBefore) : next;
        }

        return next;
    }

    private static TimeSpan Earlier(TimeSpan a, TimeSpan b) => a < b ? a : b;

    // Whoever shakes hands has a deadline of its own.
    private bool TryCloseLate(TimeSpan now, ref RoomOrder order) =>
        _waiting.Count > 0 && _waiting[0].Entered + _patience <= now && Close(_waiting[0], AcceptLevel.Late, ref order);

    // Too many: one of the widest group with most here; of several the one whose turn was last, for it will be last; of its networks the one with most; of that the oldest.
    private bool TryCloseOne(ref RoomOrder order)
    {
        if (_waiting.Count <= _limits.MaxWaiting)
        {
            return false;
        }

        Guest worst = _waiting[0];
        (int Wide, long Turn, int Network) most = default;
        foreach (Guest guest in _waiting)
        {
            var rank = (_waitingOfWide[guest.Keys.Wide], _reads.LastOf(guest.Keys.Wide), _waitingOfNetwork[guest.Keys.Network]);
            if (rank.CompareTo(most) > 0)
            {
                (worst, most) = (guest, rank);
            }
        }

        return Close(worst, AcceptLevel.Pool, ref order);
    }

    private bool TryRead(TimeSpan now, ref RoomOrder order)
    {
        if (!_all.Allows(_allFullAt, now) || Next(Phase.Unread, _reads, int.MaxValue) is not { } next)
        {
            return false;
        }

        _allFullAt = _all.Spend(_allFullAt, now);
        _reads.Take(next.Keys.Wide);
        next.Phase = Phase.Reading;
        order = new RoomOrder(RoomOrderKind.Read, next.Id, default);
        return true;
    }

    private bool TryStart(TimeSpan now, ref RoomOrder order)
    {
        if (_shaking.Count >= _limits.MaxHandshakes
            || (Next(Phase.Ready, _places, _limits.MaxHandshakesPerNetwork) ?? Next(Phase.Ready, _places, int.MaxValue)) is not { } next)
        {
            return false;
        }

        Remove(next);
        _shaking.Add(next);
        _places.Take(next.Keys.Wide);
        next.Phase = Phase.Shaking;
        next.Since = now;
        order = new RoomOrder(RoomOrderKind.Start, next.Id, default);
        return true;
    }

    // The oldest of the largest network among them.
    private bool TryCloseStalled(TimeSpan now, ref RoomOrder order)
    {
        Guest? worst = null;
        if (now < _yieldNotBefore)
        {
            return false;
        }

        foreach (Guest guest in _shaking)
        {
            if (DueToYield(guest) <= now && (worst is null || CountShaking(guest.Keys.Network) > CountShaking(worst.Keys.Network)))
            {
                worst = guest;
            }
        }

        if (worst is null)
        {
            return false;
        }

        _yieldNotBefore = now + (_limits.HandshakePatience / _limits.MaxHandshakes);
        return Close(worst, AcceptLevel.Stalled, ref order);
    }

    // When a handshake has to give its place to one who waits. One that would give it to its own network only is left twice as long: where all are slow, who is
    // dropped for the next of the same kind leaves nobody with a link.
    private TimeSpan? DueToYield(Guest guest)
    {
        if (_shaking.Count < _limits.MaxHandshakes)
        {
            return null;
        }

        bool own = false;
        int held = CountShaking(guest.Keys.Network);
        foreach (Guest waiting in _waiting)
        {
            if (waiting.Phase == Phase.Ready)
            {
                if (CountShaking(waiting.Keys.Network) < held)
                {
                    return guest.Since + _limits.HandshakePatience;
                }

                own |= waiting.Keys.Network == guest.Keys.Network;
            }
        }

        return own ? guest.Since + (2 * _limits.HandshakePatience) : null;
    }

    // Of those in this phase whose network has fewer places than so many: the oldest whose wide network was served longest ago.
    private Guest? Next(Phase phase, Turns turns, int places)
    {
        Guest? first = null;
        long least = 0;
        foreach (Guest guest in _waiting)
        {
            if (guest.Phase == phase && turns.LastOf(guest.Keys.Wide) is var turn && (first is null || turn < least) && CountShaking(guest.Keys.Network) < places)
            {
                (first, least) = (guest, turn);
            }
        }

        return first;
    }

    private int CountShaking(AddressKey network)
    {
        int count = 0;
        foreach (Guest guest in _shaking)
        {
            count += guest.Keys.Network == network ? 1 : 0;
        }

        return count;
    }

    private bool Close(Guest guest, AcceptLevel why, ref RoomOrder order)
    {
        order = new RoomOrder(RoomOrderKind.Close, guest.Id, why);
        Remove(guest);
        return true;
    }

    private void Remove(Guest guest)
    {
        if (guest.Phase == Phase.Shaking)
        {
            _shaking.Remove(guest);
            return;
        }

        _waiting.Remove(guest);
        Count(_waitingOfWide, guest.Keys.Wide, -1);
        Count(_waitingOfNetwork, guest.Keys.Network, -1);
    }

    private static void Count(Dictionary<AddressKey, int> counts, AddressKey key, int change)
    {
        int count = counts.GetValueOrDefault(key) + change;
        if (count == 0)
        {
            counts.Remove(key);
        }
        else
        {
            counts[key] = count;
        }
    }

    private sealed class Guest(long id, AddressKeys keys, TimeSpan entered)
    {
        public long Id => id;

        public AddressKeys Keys => keys;

        public TimeSpan Entered => entered;

        public Phase Phase { get; set; }

        public TimeSpan Since { get; set; }
    }
}

internal enum RoomOrderKind
{
    /// <summary>Read its ClientHello.</summary>
    Read,

    /// <summary>Begin TLS; Leave when it is done.</summary>
    Start,

    /// <summary>Close it; the room has forgotten it.</summary>
    Close,
}

/// <summary>What is to be done with a connection.</summary>
/// <param name="Kind">What.</param>
/// <param name="Id">With which.</param>
/// <param name="Why">Of Close.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct RoomOrder(RoomOrderKind Kind, long Id, AcceptLevel Why);
