using System.Net;
using Meshara.Core.Policy;
using Meshara.Security;

namespace Meshara.Net;

/// <summary>Stands between the accept loops and the driver: judges each connection by its source, holds those that wait for TLS, and hands them on when it is their turn. Nothing here waits for the driver.</summary>
internal sealed class AcceptDoor : IAsyncDisposable
{
    // A ClientHello of .NET has 300 to 500 bytes, with a post-quantum key share 1,600.
    private const int FirstBuffer = 2048;

    private readonly NodeContext _node;
    private readonly AcceptRefusals _refusals;
    private readonly TaskTracker _tasks;
    private readonly Func<AcceptedConnection, Task> _admit;
    private readonly Lock _sync = new();
    private readonly ulong _seed;
    private readonly WaitingRoom[] _rooms;
    private readonly Dictionary<long, AcceptedConnection> _guests = [];
    private readonly ITimer _timer;
    private AcceptGate _gate;
    private volatile AddressGroups _groups;
    private volatile LaneAddresses _lanes = LaneAddresses.None;
    private long _lastId;
    private TimeSpan? _armedFor;
    private bool _closed;

    /// <summary>Opens the door.</summary>
    /// <param name="node">The node.</param>
    /// <param name="seed">Of what must not be guessed.</param>
    /// <param name="tasks">Holds the reads.</param>
    /// <param name="admit">Takes a connection over; may be slow, and throws only when the node has stopped.</param>
    public AcceptDoor(NodeContext node, ulong seed, TaskTracker tasks, Func<AcceptedConnection, Task> admit)
    {
        AcceptLimits limits = node.Options.Accept;
        (_node, _seed, _tasks, _admit) = (node, seed, tasks, admit);
        _refusals = new AcceptRefusals(node);
        _gate = new AcceptGate(limits, seed);
        _rooms = new WaitingRoom[Enum.GetValues<AcceptLane>().Length];
        for (int i = 0; i < _rooms.Length; i++)
        {
            _rooms[i] = new WaitingRoom(limits, node.Timeouts.Tls);
        }

        _groups = FindGroups();
        _timer = node.Clock.Provider.CreateTimer(_ => OnTimer(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>From where known peers come. Whoever knows that changes it, from any thread.</summary>
    public LaneAddresses Lanes
    {
        get => _lanes;
        set => _lanes = value;
    }

    /// <summary>Who waits for TLS, and who is in the middle of it, in all lanes.</summary>
    public (int Waiting, int Shaking) Present
    {
        get
        {
            lock (_sync)
            {
                return (_rooms.Sum(r => r.Waiting), _rooms.Sum(r => r.Shaking));
            }
        }
    }

    /// <summary>Who is trusted and on-link now.</summary>
    public AddressGroups Groups => _groups;

    /// <summary>The interfaces have changed, and with them who is on-link.</summary>
    public void NetworkChanged() => _groups = FindGroups();

    /// <summary>The limits have changed. Who waits goes on waiting; every source begins with its whole burst where rates or bursts are others now.</summary>
    public void LimitsChanged(AcceptLimits before)
    {
        AcceptLimits limits = _node.Options.Accept;
        _groups = FindGroups();
        lock (_sync)
        {
            // Else its memory stays.
            _gate = AcceptGate.IsAnother(before, limits) ? new AcceptGate(limits, _seed) : _gate;
            foreach (WaitingRoom room in _rooms)
            {
                room.Change(limits, _node.Timeouts.Tls);
            }
        }

        Poll();
    }

    /// <summary>Judges connections of this listener before anything is made of them, where it can.</summary>
    /// <returns>Whether it does; else each has to be judged by <see cref="Refuses(IPAddress)"/>.</returns>
    public bool Guard(TransportListener listener)
    {
        if (listener is not TcpTransportListener tcp)
        {
            return false;
        }

        tcp.Refuses = Refuses;
        return true;
    }

    /// <summary>Takes in a connection that was accepted.</summary>
    /// <param name="transport">Owned from here on.</param>
    /// <param name="judged">Whether it was judged already.</param>
    /// <returns>It is exempt, and the caller has to hand it on; null: it is waiting here, or closed.</returns>
    public AcceptedConnection? Enter(TransportConnection transport, bool judged)
    {
        IPAddress? source = IPAddress.TryParse(transport.RemoteHost, out IPAddress? parsed) ? parsed : null;

        // A transport whose hosts are no addresses says nothing by which to group them.
        AcceptLane lane = source is null ? AcceptLane.Trusted : LaneOf(source);
        TimeSpan now = _node.Clock.Now;
        long began = _node.Clock.Provider.GetTimestamp();
        if (lane == AcceptLane.Trusted)
        {
            return new AcceptedConnection(0, transport, lane, now, began);
        }

        if (!judged && Refuses(source!))
        {
            Close(transport);
            return null;
        }

        lock (_sync)
        {
            if (!_closed)
            {
                AcceptedConnection guest = new(++_lastId, transport, lane, now, began);
                _guests.Add(guest.Id, guest);
                _rooms[(int)lane].Enter(guest.Id, AcceptGate.KeysOf(source!, lane), now);
                transport = null!;
            }
        }

        if (transport is not null)
        {
            Close(transport);
            return null;
        }

        Poll();
        return null;
    }

    /// <summary>TLS is done, or has failed.</summary>
    public void Leave(AcceptedConnection guest)
    {
        if (guest.Id != 0)
        {
            lock (_sync)
            {
                _guests.Remove(guest.Id);
                _rooms[(int)guest.Lane].Leave(guest.Id);
            }

            Poll();
        }
    }

    /// <summary>Counts a connection that was closed elsewhere before it had a link.</summary>
    public void Refused(AcceptLevel level, string source) => _refusals.Add(level, source);

    /// <summary>Closes all who wait; those that were handed on are not touched.</summary>
    public async ValueTask DisposeAsync()
    {
        AcceptedConnection[] left = TakeWaiting();
        await _timer.DisposeAsync().ConfigureAwait(false);
        Close(left);
    }

    /// <summary>As <see cref="DisposeAsync"/>, without waiting for a timer that is at work.</summary>
    public void Abandon()
    {
        AcceptedConnection[] left = TakeWaiting();
        _timer.Dispose();
        Close(left);
    }

    private AcceptedConnection[] TakeWaiting()
    {
        lock (_sync)
        {
            _closed = true;
            AcceptedConnection[] left = [.. _guests.Values.Where(g => !g.HandedOn)];
            _guests.Clear();
            return left;
        }
    }

    private void Close(AcceptedConnection[] guests)
    {
        foreach (AcceptedConnection guest in guests)
        {
            Close(guest.Transport);
        }
    }

    private AddressGroups FindGroups()
    {
        AcceptLimits limits = _node.Options.Accept;
        List<IPNetwork> trusted = limits.TrustLoopback ? [.. AddressGroups.Loopback] : [];
        foreach (string range in limits.TrustedRanges)
        {
            trusted.Add(IPNetwork.Parse(range));
        }

        return new AddressGroups(
            trusted,
            limits.OnLinkLane ? (_node.Options.Seams?.Networks ?? Interfaces.Networks)() : []);
    }

    private AcceptLane LaneOf(IPAddress source)
    {
        AddressGroups groups = _groups;
        LaneAddresses lanes = _lanes;
        return groups.IsTrusted(source) ? AcceptLane.Trusted
            : lanes.Pinned.Contains(source) ? AcceptLane.Pinned
            : lanes.Proven.Contains(source) ? AcceptLane.Proven
            : groups.IsOnLink(source) ? AcceptLane.OnLink
            : AcceptLane.Public;
    }

    // In the accept loop, for each connection of a flood: no allocation, no system call.
    private bool Refuses(IPAddress source)
    {
        AcceptLane lane = LaneOf(source);
        if (lane == AcceptLane.Trusted)
        {
            return false;
        }

        AcceptLevel? level;
        lock (_sync)
        {
            level = _gate.Judge(AcceptGate.KeysOf(source, lane), lane, _node.Clock.Now);
        }

        if (level is { } over)
        {
            _refusals.Add(over, source);
        }

        return level is not null;
    }

    private void OnTimer()
    {
        lock (_sync)
        {
            // It may have fired a moment too early, and is then to be set for the same time again.
            _armedFor = null;
        }

        Poll();
    }

    private void Poll()
    {
        while (TryTake(out AcceptedConnection? guest, out RoomOrder order))
        {
            switch (order.Kind)
            {
                case RoomOrderKind.Read:
                    _tasks.Start(() => ReadAsync(guest));
                    break;
                case RoomOrderKind.Start:
                    _tasks.Start(() => HandOnAsync(guest));
                    break;
                default:
                    guest.Stalled = order.Why == AcceptLevel.Stalled;
                    _refusals.Add(order.Why, guest.Transport.RemoteHost);
                    Close(guest.Transport);
                    break;
            }
        }
    }

    private bool TryTake([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out AcceptedConnection? guest, out RoomOrder order)
    {
        lock (_sync)
        {
            TimeSpan now = _node.Clock.Now;
            foreach (WaitingRoom room in _rooms)
            {
                while (!_closed && room.TryPoll(now, out order))
                {
                    if (order.Kind == RoomOrderKind.Close ? _guests.Remove(order.Id, out guest) : _guests.TryGetValue(order.Id, out guest))
                    {
                        guest.HandedOn |= order.Kind == RoomOrderKind.Start;
                        return true;
                    }
                }
            }

            Arm(now);
        }

        (guest, order) = (null, default);
        return false;
    }

    private void Arm(TimeSpan now)
    {
        TimeSpan? next = null;
        foreach (WaitingRoom room in _rooms)
        {
            if (room.NextDeadline(now) is { } due && !(next <= due))
            {
                next = due;
            }
        }

        if (!_closed && next != _armedFor)
        {
            _armedFor = next;

            // Timers count whole milliseconds and drop the rest: one too early would only be set again.
            _timer.Change(next is { } at ? TimeSpan.FromMilliseconds(Math.Max(0, Math.Ceiling((at - now).TotalMilliseconds))) : Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    private async Task ReadAsync(AcceptedConnection guest)
    {
        bool? complete = null;
        try
        {
            complete = await ReadClientHelloAsync(guest).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // It is gone, or was closed here; a transport of the user's may say that in any way.
        }

        if (complete == true)
        {
            lock (_sync)
            {
                _rooms[(int)guest.Lane].Complete(guest.Id);
            }

            Poll();
            return;
        }

        if (complete == false)
        {
            _refusals.Add(AcceptLevel.NotTls, guest.Transport.RemoteHost);
        }

        Leave(guest);
        Close(guest.Transport);
    }

    // Null: it ended first.
    private static async Task<bool?> ReadClientHelloAsync(AcceptedConnection guest)
    {
        ClientHello hello = default;
        byte[] buffer = new byte[FirstBuffer];
        for (int length = 0; ;)
        {
            int read = await guest.Transport.Stream.ReadAsync(buffer.AsMemory(length), CancellationToken.None).ConfigureAwait(false);
            if (read == 0)
            {
                return null;
            }

            length += read;
            if (hello.Look(buffer.AsSpan(0, length), out int needed) is { } judged)
            {
                guest.Stream = new ReplayStream(guest.Transport.Stream, buffer.AsMemory(0, length));
                return judged;
            }

            if (needed > buffer.Length || length == buffer.Length)
            {
                Array.Resize(ref buffer, Math.Max(needed, length + 1));
            }
        }
    }

    private async Task HandOnAsync(AcceptedConnection guest)
    {
        try
        {
            await _admit(guest).ConfigureAwait(false);
        }
        catch (MesharaException)
        {
            // The node has stopped meanwhile.
            Leave(guest);
            Close(guest.Transport);
        }
    }

    // At once; only a transport of the user's may take longer, and nobody waits for that.
    private void Close(TransportConnection transport)
    {
        if (transport.Stream is TcpStream tcp)
        {
            tcp.Dispose();
        }
        else
        {
            _tasks.Start(() => transport.DisposeAsync().AsTask());
        }
    }
}
