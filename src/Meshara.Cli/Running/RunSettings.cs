using Microsoft.Extensions.Logging;

namespace Meshara.Cli.Running;

/// <summary>What <c>meshara run</c> was asked for.</summary>
internal sealed record RunSettings
{
    public required string DataDirectory { get; init; }

    public required string Mesh { get; init; }

    /// <summary>As given; empty: all addresses, the default port or the next free one.</summary>
    public required IReadOnlyList<string> Listen { get; init; }

    /// <summary>Where others can dial this node; empty: where it listens.</summary>
    public IReadOnlyList<string> Advertise { get; init; } = [];

    public required IReadOnlyList<PeerAddress> Peers { get; init; }

    public required bool Open { get; init; }

    public string? SecretFile { get; init; }

    public string? PassphraseFile { get; init; }

    public required bool Json { get; init; }

    public required LogLevel LogLevel { get; init; }

    /// <summary>How many peers to look for, and where to begin.</summary>
    public DiscoveryOptions Discovery { get; init; } = DiscoveryOptions.Standard;

    /// <summary>Networks that no limit before TLS holds for.</summary>
    public IReadOnlyList<string> TrustedRanges { get; init; } = [];
}
