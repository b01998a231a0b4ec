namespace Meshara.Sqlite;

/// <summary>What tests set otherwise.</summary>
internal sealed record StoreSettings
{
    /// <summary>As <see cref="Schema.Steps"/>.</summary>
    public IReadOnlyList<string> Steps { get; init; } = Schema.Steps;

    /// <summary>As <see cref="PeerStoreContent.MaxPeers"/>.</summary>
    public int MaxPeers { get; init; } = PeerStoreContent.MaxPeers;

    /// <summary>As <see cref="PeerStoreContent.MaxBanned"/>.</summary>
    public int MaxBanned { get; init; } = PeerStoreContent.MaxBanned;

    /// <summary>How long a lock of another program is waited for; twice as long at most.</summary>
    public TimeSpan BusyTimeout { get; init; } = TimeSpan.FromSeconds(1);
}
