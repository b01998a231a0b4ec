using System.Runtime.InteropServices;
using Meshara.Core.Policy;

namespace Meshara.Core;

/// <summary>How often a peer gives way to one that is no better: a minute apart, then two, four, up to an hour.</summary>
/// <remarks>Where all nodes of a mesh are full, somebody is always left over and knocks; at an even pace its knocking would break everybody's links for ever.</remarks>
/// <param name="Count">Evictions in a row.</param>
/// <param name="At">When the last of them was; null: none yet.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct EvictionPace(int Count, TimeSpan? At)
{
    private const int MostDoublings = 6;

    private static readonly TimeSpan Forgotten = TimeSpan.FromHours(2);

    /// <summary>What <see cref="Eviction.Choose"/> is to take for the last one, so that its own pace makes up the rest.</summary>
    public TimeSpan? Last => At + (Eviction.Pace * ((1 << Math.Max(0, Count - 1)) - 1));

    public EvictionPace After(TimeSpan now) => new(At is null || now - At > Forgotten ? 1 : Math.Min(Count + 1, MostDoublings + 1), now);
}
