namespace Meshara.Core.Policy;

/// <summary>How long to wait before an address is dialled again.</summary>
internal static class Backoff
{
    private static readonly TimeSpan Base = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan JitterAfterLoss = TimeSpan.FromMilliseconds(100);

    /// <summary>Full jitter: uniform from 0 to 1 s · 2^attempt, at most <paramref name="max"/>; never sooner than asked, but what was asked is clamped to <paramref name="max"/>.</summary>
    /// <remarks>"Exponential Backoff And Jitter", AWS Architecture Blog, 2015: of the schemes compared there, the least work for all.</remarks>
    /// <param name="attempt">0 for the first.</param>
    /// <param name="max">Upper bound.</param>
    /// <param name="retryAfter">What the other side asked for.</param>
    /// <param name="random">From 0 to 1.</param>
    public static TimeSpan Delay(int attempt, TimeSpan max, TimeSpan? retryAfter, double random)
    {
        TimeSpan delay = Ceiling(attempt, max) * random;
        TimeSpan asked = Min(max, retryAfter ?? TimeSpan.Zero);
        return delay > asked ? delay : asked;
    }

    /// <summary>The longest that <see cref="Delay"/> draws: 1 s · 2^attempt, at most <paramref name="max"/>.</summary>
    public static TimeSpan Ceiling(int attempt, TimeSpan max) => Doubled(Base, attempt, max);

    /// <summary>first · 2^times, at most <paramref name="max"/>.</summary>
    public static TimeSpan Doubled(TimeSpan first, int times, TimeSpan max)
    {
        // As numbers: a time overflows long before the bound would be seen.
        double seconds = first.TotalSeconds * Math.Pow(2, Math.Clamp(times, 0, 64));
        return seconds < max.TotalSeconds ? TimeSpan.FromSeconds(seconds) : max;
    }

    /// <summary>After a start, for static peers and anchors: at most 1 s of what was left, so that a restart is no reason to wait, and not everybody at once.</summary>
    /// <param name="left">What was left of the backoff.</param>
    /// <param name="random">From 0 to 1.</param>
    public static TimeSpan AfterStart(TimeSpan left, double random) => left <= TimeSpan.Zero ? TimeSpan.Zero : Min(left, Base * random);

    /// <summary>After a refusal for want of a place: what was asked for, doubled for each refusal before in a row up to <paramref name="max"/>, and up to half of that more.</summary>
    /// <param name="before">Refusals in a row before this one.</param>
    /// <param name="asked">What the other side asked for: never less.</param>
    /// <param name="max">Where the doubling ends.</param>
    /// <param name="random">From 0 to 1.</param>
    public static TimeSpan WhenFull(int before, TimeSpan asked, TimeSpan max, double random)
    {
        TimeSpan wait = Doubled(asked, before, max);
        return (wait > asked ? wait : asked) * (1 + (random / 2));
    }

    /// <summary>For what only a person can mend: from half of <paramref name="max"/> to all of it.</summary>
    public static TimeSpan Slow(TimeSpan max, double random) => max * (0.5 + (random / 2));

    /// <summary>After the loss of a link that had lived: nearly at once, but not everybody in the same instant.</summary>
    public static TimeSpan AfterLoss(double random) => JitterAfterLoss * random;

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
