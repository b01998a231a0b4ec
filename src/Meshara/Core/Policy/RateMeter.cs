namespace Meshara.Core.Policy;

/// <summary>A token bucket for what is known only once it was read: it may be overdrawn, and whoever reads waits until that is made good.</summary>
/// <remarks>Counted in whole tokens and ticks, without rounding: who keeps to the rate is never slowed, not even after years.
/// (<see cref="Pace"/> takes one token at a time and knows no rate above ten million.)</remarks>
/// <param name="rate">Tokens a second; 1 to <see cref="MaxRate"/>.</param>
/// <param name="burst">Tokens that a full bucket holds; at least a second's worth, at most two seconds' of <see cref="MaxRate"/>.</param>
/// <param name="patience">So long an unbroken stretch of slowing lasts before it is blamed, and so long again each time.</param>
/// <param name="now">It is full then.</param>
internal sealed class RateMeter(long rate, long burst, TimeSpan patience, TimeSpan now)
{
    /// <summary>Above it the sum of a bucket's ticks could overflow.</summary>
    public const long MaxRate = 64L << 30;

    // Tokens times ticks of a second.
    private readonly long _full = burst * TimeSpan.TicksPerSecond;
    private long _level = burst * TimeSpan.TicksPerSecond;
    private TimeSpan _at = now;
    private TimeSpan? _slowedSince;
    private TimeSpan _blameAt;

    /// <summary>Tokens a second.</summary>
    public long Rate => rate;

    /// <summary>What may pass before the bucket is overdrawn, as of the last <see cref="Spend"/>.</summary>
    public long Left => Math.Max(0, _level / TimeSpan.TicksPerSecond);

    /// <summary>How long reading waits; zero: it goes on.</summary>
    public TimeSpan Wait => _level >= 0 ? TimeSpan.Zero : new TimeSpan(((-_level - 1) / rate) + 1);

    /// <summary>How long the peer has been slowed without a break.</summary>
    public TimeSpan SlowedFor => _at - _slowedSince ?? TimeSpan.Zero;

    /// <summary>So much has passed.</summary>
    public void Spend(long amount, TimeSpan now)
    {
        long elapsed = Math.Max(0, (now - _at).Ticks);
        _level = elapsed > (_full - _level) / rate ? _full : _level + (elapsed * rate);
        _at = now;
        if (_level >= rate * TimeSpan.TicksPerSecond)
        {
            // It kept a second below the rate: a break.
            _slowedSince = null;
        }

        _level -= Math.Min(amount, MaxRate) * TimeSpan.TicksPerSecond;
    }

    /// <summary>Reading waits now, as of the last <see cref="Spend"/>.</summary>
    /// <returns>True: once more the peer has been slowed for as long as patience lasts.</returns>
    public bool Slow()
    {
        if (_slowedSince is null)
        {
            _slowedSince = _at;
            _blameAt = _at + patience;
        }

        if (_at < _blameAt)
        {
            return false;
        }

        _blameAt = _at + patience;
        return true;
    }
}
