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
    /// <param name="defaultListen">Where to listen if nothing was asked for.</param>
    public static NodeOptions Options(RunSettings settings, Admission admission, IReadOnlyList<string> defaultListen) => new()
    {
        Mesh = settings.Mesh,
        Admission = admission,
        DataDirectory = settings.DataDirectory,
        Listen = settings.Listen.Count == 0 ? defaultListen : settings.Listen,
        AdvertisedAddresses = settings.Advertise,
        Peers = settings.Peers,
        Discovery = settings.Discovery,
        Accept = new AcceptLimits { TrustedRanges = settings.TrustedRanges },
    };
}
