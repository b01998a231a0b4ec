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

    /// <summary>The configuration file; null: none.</summary>
    public string? ConfigFile { get; init; }

    /// <summary>The variables <c>MESHARA__…</c>.</summary>
    public SettingsLayer Environment { get; init; } = new();

    /// <summary>The options that were given, as a configuration says them.</summary>
    public SettingsLayer Arguments { get; init; } = new();

    /// <summary>How many peers to look for, and where to begin.</summary>
    public DiscoveryOptions Discovery { get; init; } = DiscoveryOptions.Standard;

    /// <summary>Neither announce nor look for anybody in the local network, whatever the configuration says.</summary>
    public bool NoMdns { get; init; }

    /// <summary>Networks that no limit before TLS holds for.</summary>
    public IReadOnlyList<string> TrustedRanges { get; init; } = [];
}
