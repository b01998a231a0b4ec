using System.Runtime.InteropServices;

namespace Meshara.Core.Policy;

/// <summary>A token bucket. Its state is one number, the time at which it is full again; the default is a full one.</summary>
/// <remarks>The buckets of System.Threading.RateLimiting read the system's clock and know no <see cref="TimeProvider"/>: a test could not repeat them.</remarks>
[StructLayout(LayoutKind.Auto)]
internal readonly struct Pace
{
    private readonly TimeSpan _each;
    private readonly TimeSpan _whole;

    /// <summary>A bucket of <paramref name="burst"/> tokens that gets <paramref name="rate"/> a second.</summary>
    public Pace(double rate, int burst)
    {
        _each = TimeSpan.FromSeconds(1 / rate);
        _whole = _each * burst;
    }

    /// <summary>When the next token can be taken; never before <paramref name="now"/>.</summary>
    public TimeSpan NextAt(TimeSpan fullAt, TimeSpan now)
    {
        TimeSpan at = fullAt + _each - _whole;
        return at > now ? at : now;
    }

    public bool Allows(TimeSpan fullAt, TimeSpan now) => fullAt + _each - _whole <= now;

    /// <summary>The bucket after one token was taken.</summary>
    public TimeSpan Spend(TimeSpan fullAt, TimeSpan now) => (fullAt > now ? fullAt : now) + _each;

    /// <summary>The bucket after a token was put back.</summary>
    public TimeSpan Refund(TimeSpan fullAt) => fullAt - _each;
}
