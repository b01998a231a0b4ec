using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

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
    public static EvictionChoice? Choose(IReadOnlyList<InboundPeer> inbound, AddressKey newcomer, ReadOnlySpan<byte> key, TimeSpan? lastPaced, TimeSpan now)
    {
        List<InboundPeer> left = Unprotected([.. inbound.Where(p => now - p.Since >= Grace)], key);
        if (left.Count == 0)
        {
            return null;
        }

        // Who has misbehaved, then whoever calls from where somebody did.
        foreach (Func<InboundPeer, bool> worse in new Func<InboundPeer, bool>[] { static p => p.Discouraged, static p => p.Marked })
        {
            if (left.Exists(p => worse(p)))
                return new(Youngest(left.Where(worse)).Id, Paced: false);
        }

        Dictionary<AddressKey, int> sizes = [];
        foreach (InboundPeer peer in inbound)
        {
            sizes[peer.Group] = sizes.GetValueOrDefault(peer.Group) + 1;
        }

        int largest = left.Max(p => sizes[p.Group]);
        int own = sizes.GetValueOrDefault(newcomer);
        InboundPeer victim = Youngest(left.Where(p => sizes[p.Group] == largest));
        if (largest >= own + 2)
        {
            return new(victim.Id, Paced: false);
        }

        // A group that has more than the others must not push these out, and nobody quickly.
        bool mayPace = largest >= own && (lastPaced is not { } last || now - last >= Pace);
        return mayPace ? new(victim.Id, Paced: true) : null;
    }

    /// <summary>When the next of them will be old enough to be chosen; null: all are, or there is none.</summary>
    public static TimeSpan? NextCandidateAt(IReadOnlyList<InboundPeer> inbound, TimeSpan now)
    {
        TimeSpan? next = null;
        foreach (InboundPeer peer in inbound)
        {
            TimeSpan at = peer.Since + Grace;
            if (at > now && (next is null || at < next))
                next = at;
        }

        return next;
    }

    // Each protection is one that an attacker cannot get by money alone: an unknown group, nearness, work, time.
    private static List<InboundPeer> Unprotected(List<InboundPeer> left, ReadOnlySpan<byte> key)
    {
        int eighth = left.Count / 8;
        byte[] secret = key.ToArray();
        Protect(left, [.. left.GroupBy(p => p.Group).OrderBy(g => HashOf(g.Key, secret)).Take(eighth).Select(g => g.OrderBy(p => p.Since).ThenBy(p => p.Id).First().Id)]);
        Protect(left, [.. left.Where(p => p.RoundTrip is not null).OrderBy(p => p.RoundTrip).ThenBy(p => p.Id).Take(eighth).Select(p => p.Id)]);
        Protect(left, [.. left.Where(p => p.LastUseful is not null).OrderByDescending(p => p.LastUseful).ThenBy(p => p.Id).Take(eighth).Select(p => p.Id)]);
        Protect(left, [.. left.OrderBy(p => p.Since).ThenBy(p => p.Id).Take((left.Count + 1) / 2).Select(p => p.Id)]);
        return left;
    }

    private static void Protect(List<InboundPeer> left, HashSet<NodeId> ids) => left.RemoveAll(p => ids.Contains(p.Id));

    private static InboundPeer Youngest(IEnumerable<InboundPeer> peers) => peers.OrderByDescending(p => p.Since).ThenBy(p => p.Id).First();

    private static ulong HashOf(AddressKey group, byte[] key)
    {
        Span<byte> text = stackalloc byte[AddressKey.Size];
        group.Write(text);
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, text, hash);
        return BinaryPrimitives.ReadUInt64LittleEndian(hash);
    }
}
