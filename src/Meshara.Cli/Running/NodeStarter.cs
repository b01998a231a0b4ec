using Microsoft.Extensions.Logging;

namespace Meshara.Cli.Running;

/// <summary>Starts a node as it was asked for.</summary>
internal static class NodeStarter
{
    /// <summary>The port of the protocol.</summary>
    public const int DefaultPort = PeerAddress.DefaultPort;

    /// <summary>The last port that is tried when none was asked for.</summary>
    public const int LastPort = 4103;

    /// <summary>The name of the mesh when none is given. Who may join is decided by keys or a secret, so the name need not be unique.</summary>
    public const string DefaultMesh = "default";

    /// <summary>The options of the node.</summary>
    /// <param name="settings">What was asked for.</param>
    /// <param name="admission">Who may join.</param>
    /// <param name="passphrase">Of the identity file.</param>
    /// <param name="logs">Where logs go.</param>
    /// <param name="defaultListen">Where to listen if nothing was asked for.</param>
    /// <param name="onStarting">Called before it listens.</param>
    /// <param name="store">Where it keeps what it learns of peers; null: in memory.</param>
    public static NodeOptions Options(
        RunSettings settings, Admission admission, string? passphrase, ILoggerFactory logs, IReadOnlyList<string> defaultListen, Action<Node>? onStarting, IPeerStore? store = null) => new()
        {
            Mesh = settings.Mesh,
            Admission = admission,
            DataDirectory = settings.DataDirectory,
            IdentityPassphrase = passphrase,
            Listen = settings.Listen.Count == 0 ? defaultListen : settings.Listen,
            AdvertisedAddresses = settings.Advertise,
            Peers = settings.Peers,
            LoggerFactory = logs,
            OnStarting = onStarting,
            Discovery = settings.Discovery,
            Accept = new AcceptLimits { TrustedRanges = settings.TrustedRanges },
            PeerStore = store,
        };
}
