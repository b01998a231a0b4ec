namespace Meshara;

/// <summary>A file or list that names peers to a node, and how it fares.</summary>
public sealed record PeerSource
{
    /// <summary><see cref="AddressSource.StaticFile"/>, or <see cref="AddressSource.Bootstrap"/> for a list over HTTPS.</summary>
    public required AddressSource Kind { get; init; }

    /// <summary>The full path of the file, or the address of the list.</summary>
    public required string Location { get; init; }

    /// <summary>What the node uses of it: of the file with ids, of a list as far as it has them. Where a peer has moved and the file does not say so yet, where it is now.</summary>
    public IReadOnlyList<PeerAddress> Addresses { get; init; } = [];

    /// <summary>When what is used was read or fetched; null: nothing was so far.</summary>
    public DateTimeOffset? ReadAt { get; init; }

    /// <summary>Of a list: the copy in the data directory is used, because the list has not been reached since the start.</summary>
    public bool IsCopy { get; init; }

    /// <summary>Why what is there now cannot be used, for people; null: nothing is wrong.</summary>
    public string? Trouble { get; init; }
}
