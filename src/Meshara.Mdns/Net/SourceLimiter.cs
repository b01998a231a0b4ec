using System.Net;
using Meshara.Mdns.Engine;

namespace Meshara.Mdns.Net;

/// <summary>Bounds what one sender can make us read: packets beyond it are dropped before they are parsed. Not for several threads.</summary>
/// <remarks>Senders can be forged without end, so the table is full when somebody does. Who was heard in two different seconds before keeps his place then,
/// as far as half of the places go, the longest known first; who comes first during such a flood shares with it.</remarks>
internal sealed class SourceLimiter
{
    /// <summary>Packets a second of one address.</summary>
    public const int PerSecond = 200;

    /// <summary>Packets at once of one address.</summary>
    public const int Burst = 400;

    /// <summary>Most addresses told apart; when all are busy, further ones share what one may.</summary>
    public const int MaxSources = 1024;

    /// <summary>Most places that are kept so, for those known longest: who forges this many, twice each, leaves newcomers their half, and is younger than who was there before.</summary>
    public const int MaxRegulars = MaxSources / 2;

    /// <summary>How long one who was heard in two different seconds keeps his place in silence. Refreshing a record of two minutes to live takes less.</summary>
    public static readonly TimeSpan Memory = TimeSpan.FromMinutes(10);

    private readonly Dictionary<IPAddress, Source> _sources = [];
    private readonly TokenBucket _others = new(PerSecond, Burst);
    private TimeSpan _nextSweep;

    /// <summary>Whether a packet of this sender is read.</summary>
    public bool TryTake(IPAddress from, TimeSpan now)
    {
        if (!_sources.TryGetValue(from, out Source? source))
        {
            if (_sources.Count >= MaxSources)
                Sweep(now);
            if (_sources.Count >= MaxSources)
                return _others.TryTake(now);
            _sources.Add(from, source = new Source(now));
        }

        source.Last = now;
        return source.Bucket.TryTake(now);
    }

    // Once a second at most: a flood of addresses must not make each packet a walk through the table.
    private void Sweep(TimeSpan now)
    {
        if (now < _nextSweep)
            return;
        _nextSweep = now + TimeSpan.FromSeconds(1);
        HashSet<Source> regulars = [.. _sources.Values.Where(s => s.IsRegular && now - s.Last < Memory).OrderBy(static s => s.First).Take(MaxRegulars)];
        foreach ((IPAddress address, Source source) in _sources)
        {
            if (source.Bucket.IsFull(now) && !regulars.Contains(source))
                _sources.Remove(address);
        }
    }

    private sealed class Source(TimeSpan now)
    {
        public TimeSpan First { get; } = now;

        public TokenBucket Bucket { get; } = new(PerSecond, Burst);

        public TimeSpan Last { get; set; } = now;

        public bool IsRegular => Last - First >= TimeSpan.FromSeconds(1);
    }
}
