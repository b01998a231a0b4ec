using Meshara.Mdns;

namespace Meshara;

/// <summary>How a node fares with multicast DNS in the local network (<see cref="Node.LocalNetwork"/>).</summary>
public sealed record LocalNetworkState
{
    /// <summary>Whether this node announces itself.</summary>
    public bool Announces { get; init; }

    /// <summary>Whether this node looks for others.</summary>
    public bool Browses { get; init; }

    /// <summary>The name it is announced under, as far as the network has agreed to it; null: none so far.</summary>
    public string? InstanceName { get; init; }

    /// <summary>Nodes of this mesh that are announced now, this one not among them; nothing of it is proven.</summary>
    public int Found { get; init; }

    /// <summary>Announcements that were passed over since the start because they were forged: their id is not the hash of their key.</summary>
    public long Forged { get; init; }

    /// <summary>Why nothing is announced and looked for, for people: it is off, or cannot be. Null: nothing is in the way.</summary>
    public string? Trouble { get; init; }

    /// <summary>The interfaces of this machine that are used, and how they fare.</summary>
    public IReadOnlyList<InterfaceState> Interfaces { get; init; } = [];
}
