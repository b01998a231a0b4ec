namespace Meshara;

/// <summary>Whether a peer counts against the limits of <see cref="DiscoveryOptions"/>.</summary>
public enum PeerClass
{
    /// <summary>The operator named it (added, trusted, pinned), or the address at which it was reached: extra, never refused for a limit, evicted or banned.</summary>
    Static,

    /// <summary>Any other peer.</summary>
    Mesh,
}
