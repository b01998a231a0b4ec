using System.Runtime.InteropServices;
using System.Text;

namespace Meshara.Storage;

/// <summary>Where a pin came from.</summary>
internal enum KnownPeerOrigin
{
    /// <summary>The operator gave an address; the node dials it.</summary>
    Added,

    /// <summary>The operator trusted the key; the peer may join, nobody dials it.</summary>
    Trusted,
}

/// <summary>An older key of a pinned peer's, which its new key succeeded.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Until">Until when it is accepted; whole seconds.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct PreviousKey(NodeId Id, DateTimeOffset Until);

/// <summary>A pin: a key that may join, and where it was found.</summary>
/// <param name="Key">The pinned key.</param>
/// <param name="Addresses">Entered by the operator or proven right by a handshake; at most <see cref="MaxAddresses"/>. In
/// <see cref="KnownPeersFile"/> each carries the id of <paramref name="Key"/>, so that it can be dialled as it is.</param>
/// <param name="Name">What the operator calls the peer; at most <see cref="MaxName"/> characters, no control characters.</param>
/// <param name="Origin">Where the pin came from.</param>
internal sealed record KnownPeer(PublicKey Key, IReadOnlyList<PeerAddress> Addresses, string? Name, KnownPeerOrigin Origin)
{
    public const int MaxAddresses = 16, MaxName = 64, MaxPrevious = 4;

    public NodeId Id => Key.Id;

    /// <summary>Oldest first, at most <see cref="MaxPrevious"/>; they stay when their time is over, so that nobody takes them for strangers.</summary>
    public IReadOnlyList<PreviousKey> Previous { get; init; } = [];

    public TrustedPeer Describe() => new() { Id = Id, PublicKey = Key, Name = Name, Addresses = Addresses };

    public bool Equals(KnownPeer? other) =>
        other is not null && Key.Equals(other.Key) && Name == other.Name && Origin == other.Origin && Addresses.SequenceEqual(other.Addresses)
        && Previous.SequenceEqual(other.Previous);

    public override int GetHashCode() => Key.GetHashCode();

    /// <summary>Null passes.</summary>
    /// <exception cref="ArgumentException">It is no name.</exception>
    public static void ThrowIfNoName(string? name)
    {
        if (name is not null && !IsName(name))
            throw new ArgumentException($"A name has 1 to {MaxName} characters and no control characters.", nameof(name));
    }

    // A lone surrogate is read as the replacement character, and would not survive being written.
    public static bool IsName(string name) =>
        name.Length is >= 1 and <= MaxName && !name.EnumerateRunes().Any(r => r == Rune.ReplacementChar || Rune.IsControl(r));
}
