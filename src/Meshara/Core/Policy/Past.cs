namespace Meshara.Core.Policy;

/// <summary>Times that come from a store.</summary>
internal static class Past
{
    private static readonly TimeSpan Farthest = TimeSpan.FromDays(3653);

    /// <summary>Not later than <paramref name="latest"/>, and not so long ago that a difference would overflow.</summary>
    public static TimeSpan Clamp(TimeSpan time, TimeSpan latest) =>
        time > latest ? latest : time < latest - Farthest ? latest - Farthest : time;
}
