namespace Meshara.Net;

/// <summary>PINGs of this node that wait for their PONG, wire protocol section 7.1.</summary>
internal sealed class PingTable(NodeClock clock)
{
    private readonly Lock _sync = new();
    private readonly Queue<(ulong Nonce, TimeSpan At)> _outstanding = new();
    private ulong _next = 1;
    private long _roundTrip = -1;

    /// <summary>The last measured round trip.</summary>
    public TimeSpan? RoundTrip => Volatile.Read(ref _roundTrip) is >= 0 and long ticks ? new TimeSpan(ticks) : null;

    /// <summary>The nonce to send; false when so many are out that none may follow.</summary>
    public bool TryAdd(out ulong nonce)
    {
        lock (_sync)
        {
            nonce = _next;
            if (_outstanding.Count == ControlQueue.MaxPings)
            {
                return false;
            }

            _next++;
            _outstanding.Enqueue((nonce, clock.Now));
            return true;
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

            while (_outstanding.TryPeek(out (ulong Nonce, TimeSpan At) ping) && ping.Nonce <= nonce)
            {
                _outstanding.Dequeue();
                Volatile.Write(ref _roundTrip, (clock.Now - ping.At).Ticks);
            }

            return true;
        }
    }
}
