namespace Meshara.Net;

/// <summary>PINGs of this node that wait for their PONG, wire protocol section 7.1.</summary>
internal sealed class PingTable(NodeClock clock)
{
    private readonly Lock _sync = new();
    private readonly Queue<Ping> _outstanding = new();
    private ulong _next = 1;
    private long _roundTrip = -1;
    private MesharaException? _ended;

    /// <summary>The last measured round trip.</summary>
    public TimeSpan? RoundTrip => Volatile.Read(ref _roundTrip) is >= 0 and long ticks ? new TimeSpan(ticks) : null;

    /// <summary>The nonce to send; false when so many are out that none may follow.</summary>
    public bool TryAdd(out ulong nonce)
    {
        lock (_sync)
        {
            if (_outstanding.Count == ControlQueue.MaxPings)
            {
                nonce = 0;
                return false;
            }

            nonce = Add().Nonce;
            return true;
        }
    }

    /// <summary>The round trip of a PING for the application: of a new one, or of the latest that is out where the application has one out already.</summary>
    /// <param name="nonce">The nonce to send; null: nothing is to be sent.</param>
    public Task<TimeSpan> Measure(out ulong? nonce)
    {
        lock (_sync)
        {
            nonce = null;
            if (_ended is not null)
            {
                return Task.FromException<TimeSpan>(_ended);
            }

            // However many callers there are, they take one of the four places: the others are the heartbeat's.
            bool share = _outstanding.Count == ControlQueue.MaxPings || _outstanding.Any(static ping => ping.Answered is not null);
            Ping ping = share ? _outstanding.Last() : Add();
            ping.Answered ??= new TaskCompletionSource<TimeSpan>(TaskCreationOptions.RunContinuationsAsynchronously);
            nonce = share ? null : ping.Nonce;
            return ping.Answered.Task;
        }
    }

    /// <summary>A PONG settles its PING and all before it; false: none of ours is like that.</summary>
    public bool TrySettle(ulong nonce)
    {
        lock (_sync)
        {
            if (_outstanding.Count == 0 || nonce < _outstanding.Peek().Nonce || nonce >= _next)
            {
                return false;
            }

            while (_outstanding.TryPeek(out Ping? ping) && ping.Nonce <= nonce)
            {
                _outstanding.Dequeue();
                TimeSpan roundTrip = clock.Now - ping.At;
                Volatile.Write(ref _roundTrip, roundTrip.Ticks);
                ping.Answered?.TrySetResult(roundTrip);
            }

            return true;
        }
    }

    /// <summary>The link is gone: who waits hears why, and so does who comes late.</summary>
    public void End(MesharaException error)
    {
        lock (_sync)
        {
            _ended = error;
            foreach (Ping ping in _outstanding)
            {
                ping.Answered?.SetObservedException(error);
            }

            _outstanding.Clear();
        }
    }

    private Ping Add()
    {
        Ping ping = new(_next++, clock.Now);
        _outstanding.Enqueue(ping);
        return ping;
    }

    private sealed class Ping(ulong nonce, TimeSpan at)
    {
        public ulong Nonce { get; } = nonce;

        public TimeSpan At { get; } = at;

        /// <summary>For the callers that wait for the PONG; null: nobody does.</summary>
        public TaskCompletionSource<TimeSpan>? Answered { get; set; }
    }
}
