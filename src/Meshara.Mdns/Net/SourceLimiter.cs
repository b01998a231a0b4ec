using System.Net;
using Meshara.Mdns.Engine;

namespace Meshara.Mdns.Net;

/// <summary>Bounds what one sender can make us read: packets beyond it are dropped before they are parsed. Not for several threads.</summary>
internal sealed class SourceLimiter
{
    /// <summary>Packets a second of one address.</summary>
    public const int PerSecond = 200;

    /// <summary>Packets at once of one address.</summary>
    public const int Burst = 400;

    /// <summary>Most addresses told apart; when all are busy, further ones share what one may.</summary>
    public const int MaxSources = 1024;

    private readonly Dictionary<IPAddress, TokenBucket> _sources = [];
    private readonly TokenBucket _others = new(PerSecond, Burst);
    private TimeSpan _nextSweep;

    /// <summary>Whether a packet of this sender is read.</summary>
    public bool TryTake(IPAddress from, TimeSpan now)
    {
        if (!_sources.TryGetValue(from, out TokenBucket? bucket))
        {
            if (_sources.Count >= MaxSources)
                Sweep(now);
            bucket = _others;
            if (_sources.Count < MaxSources)
                _sources.Add(from, bucket = new TokenBucket(PerSecond, Burst));
        }

        return bucket.TryTake(now);
    }

    // Once a second at most: a flood of addresses must not make each packet a walk through the table.
    private void Sweep(TimeSpan now)
    {
        if (now < _nextSweep)
            return;
        _nextSweep = now + TimeSpan.FromSeconds(1);
        foreach ((IPAddress address, TokenBucket bucket) in _sources)
        {
            if (bucket.IsFull(now))
                _sources.Remove(address);
        }
    }
}
