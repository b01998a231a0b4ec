using System.Runtime.InteropServices;

namespace Meshara.Core;

// How much is held, for whoever checks that nothing grows without bound.
internal sealed partial class Mesh
{
    /// <summary>What is held now.</summary>
    public MeshSizes Sizes => new()
    {
        Peers = _peers.Count,
        Linked = _peers.Values.Count(static p => p.Link is not null),
        Connections = _connections.Count,
        Greeting = _connections.Values.Count(static c => c is { Inbound: true, Phase: < ConnectionPhase.Live }),
        Targets = _targets.Count,
        Nearby = _lan.Count,
        Reputations = _book.Count,
        Bans = _book.BanCount,
        RefusedKeys = _refused.Count,
        Deadlines = _deadlines.Count,
    };
}

/// <summary>Numbers of what a <see cref="Mesh"/> holds.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct MeshSizes
{
    public int Peers { get; init; }

    public int Linked { get; init; }

    public int Connections { get; init; }

    /// <summary>Inbound ones that are not live.</summary>
    public int Greeting { get; init; }

    /// <summary>What is dialled for the operator.</summary>
    public int Targets { get; init; }

    /// <summary>Of the local network.</summary>
    public int Nearby { get; init; }

    public int Reputations { get; init; }

    public int Bans { get; init; }

    public int RefusedKeys { get; init; }

    public int Deadlines { get; init; }
}
