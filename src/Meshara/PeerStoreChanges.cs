namespace Meshara;

/// <summary>One batch for <see cref="IPeerStore.SaveAsync"/>. <see cref="Removed"/> is applied first, then <see cref="Upserted"/>; of two records with one id the last counts.</summary>
public sealed class PeerStoreChanges
{
    /// <summary>Records that are new, or take the place of the one with their id: whole, with their addresses and history.</summary>
    public IReadOnlyList<PeerRecord> Upserted { get; init; } = [];

    /// <summary>Ids to forget; those that are not stored are passed over.</summary>
    public IReadOnlyList<NodeId> Removed { get; init; } = [];

    /// <summary>The new <see cref="PeerStoreContent.TableKey"/>; null: it stays as it is.</summary>
    /// <exception cref="ArgumentException">Not <see cref="PeerStoreContent.TableKeySize"/> bytes.</exception>
    public ReadOnlyMemory<byte>? TableKey
    {
        get;
        init => field = StoredValue.TableKey(value);
    }

    /// <summary>The new <see cref="PeerStoreContent.Anchors"/>, at most <see cref="PeerStoreContent.MaxAnchors"/>, more are cut off; empty: none; null: they stay as they are.</summary>
    public IReadOnlyList<PeerAddress>? Anchors
    {
        get;
        init => field = value is null ? null : StoredValue.List(value, PeerStoreContent.MaxAnchors);
    }
}
