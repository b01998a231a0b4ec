namespace Meshara;

/// <summary>All that an <see cref="IPeerStore"/> holds, as it was at one moment.</summary>
public sealed class PeerStoreContent
{
    /// <summary>The most peers that a store keeps: 20,000. Beyond it the least recently seen are dropped, banned ones last
    /// (of these at most <see cref="MaxBanned"/> are spared).</summary>
    /// <remarks>Twice the 10,000 addresses among which a node chooses; a file of 4 MB with one address each, of 24 MB with all that a record can hold.</remarks>
    public const int MaxPeers = 20_000;

    /// <summary>The most banned peers that are spared when others are dropped, those banned longest: 5,000, a quarter of <see cref="MaxPeers"/>.</summary>
    /// <remarks>Ids cost nothing: without this bound an attacker's banned ids would push every honest peer out.</remarks>
    public const int MaxBanned = MaxPeers / 4;

    /// <summary>The most anchors: 2, as in Bitcoin Core.</summary>
    public const int MaxAnchors = 2;

    /// <summary>Length of <see cref="TableKey"/> in bytes.</summary>
    public const int TableKeySize = 32;

    /// <summary>The peers, each id once, in no order.</summary>
    public IReadOnlyList<PeerRecord> Peers { get; init; } = [];

    /// <summary>The secret by which addresses are spread over the buckets of the address table, <see cref="TableKeySize"/> bytes; null: none was saved.</summary>
    /// <exception cref="ArgumentException">Another length.</exception>
    public ReadOnlyMemory<byte>? TableKey
    {
        get;
        init => field = StoredValue.TableKey(value);
    }

    /// <summary>The peers to dial first after a start, in order; at most <see cref="MaxAnchors"/>, more are cut off.</summary>
    public IReadOnlyList<PeerAddress> Anchors
    {
        get;
        init => field = StoredValue.List(value, MaxAnchors);
    } = [];

    /// <summary>How many peers, addresses and other entries the store has left out because they were wrong.</summary>
    public int Skipped { get; init; }
}
