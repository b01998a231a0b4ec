using System.Runtime.InteropServices;

namespace Meshara.Core.Policy;

/// <summary>An inbound mesh peer with a live link, as eviction sees it.</summary>
/// <param name="Id">Who.</param>
/// <param name="Group"><see cref="AddressGroups.GroupOf(System.Net.IPAddress)"/> of its address; of a trusted or on-link one this is the address itself.</param>
/// <param name="Since">Since when the link lives.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct InboundPeer(NodeId Id, AddressKey Group, TimeSpan Since)
{
    /// <summary>The least of the last 8 round trips; null: none is known.</summary>
    public TimeSpan? RoundTrip { get; init; }

    /// <summary>When it last did something useful; null: never.</summary>
    public TimeSpan? LastUseful { get; init; }

    public bool Discouraged { get; init; }

    /// <summary>Its address is marked.</summary>
    public bool Marked { get; init; }
}

/// <summary>Who gives way.</summary>
/// <param name="Id">The victim.</param>
/// <param name="Paced">No difference of groups spoke for it, only the pace allowed it: give its time as <c>lastPaced</c> from now on.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct EvictionChoice(NodeId Id, bool Paced);

/// <summary>Which inbound peer gives way to a newcomer when the inbound slots are full.</summary>
/// <remarks>After Bitcoin Core's node/eviction.cpp, with proportions of N instead of its fixed counts, which would protect everybody in a small node.</remarks>
internal static class Eviction
{
    /// <summary>A link younger than that is not touched.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(60);

    /// <summary>Between two evictions that no difference of groups speaks for.</summary>
    public static readonly TimeSpan Pace = TimeSpan.FromMinutes(1);

    /// <summary>The victim; null: nobody gives way.</summary>
    /// <param name="inbound">All inbound mesh peers with a live link, none of them static.</param>
    /// <param name="newcomer">The group of whoever wants in.</param>
    /// <param name="key">The node's secret key: which groups are protected cannot be known from outside.</param>
    /// <param name="lastPaced">When a choice was last <see cref="EvictionChoice.Paced"/>; null: never.</param>
    /// <param name="now">The time.</param>
    public static EvictionChoice? Choose(IReadOnlyList<InboundPeer> inbound, AddressKey newcomer, ReadOnlySpan<byte> key, TimeSpan? lastPaced, TimeSpan now) => throw new NotImplementedException();

    /// <summary>When the next of them will be old enough to be chosen; null: all are, or there is none.</summary>
    public static TimeSpan? NextCandidateAt(IReadOnlyList<InboundPeer> inbound, TimeSpan now) => throw new NotImplementedException();
}
