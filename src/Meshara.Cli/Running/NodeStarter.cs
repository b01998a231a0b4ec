using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Meshara.Cli.Running;

/// <summary>Starts a node on the addresses that were asked for or, if none were, on the first free port of a range.</summary>
internal static class NodeStarter
{
    /// <summary>The port of the protocol.</summary>
    public const int DefaultPort = 4040;

    /// <summary>The last port that is tried when none was asked for.</summary>
    public const int LastPort = 4103;

    /// <summary>The name of the mesh when none is given. Who may join is decided by keys or a secret, so the name need not be unique.</summary>
    public const string DefaultMesh = "default";

    public static async Task<Node> StartAsync(
        RunSettings settings, Admission admission, string? passphrase, ILoggerFactory logs, Func<int, IReadOnlyList<string>> defaultListen, CancellationToken cancellationToken)
    {
        for (int port = DefaultPort; ; port++)
        {
            bool isDefault = settings.Listen.Count == 0;
            try
            {
                return await Node.StartAsync(
                    new NodeOptions
                    {
                        Mesh = settings.Mesh,
                        Admission = admission,
                        DataDirectory = settings.DataDirectory,
                        IdentityPassphrase = passphrase,
                        Listen = isDefault ? defaultListen(port) : settings.Listen,
                        Peers = settings.Peers,
                        LoggerFactory = logs,
                    },
                    cancellationToken);
            }
            catch (MesharaException e) when (isDefault && e.Code == MesharaErrorCode.ListenFailed)
            {
                if (port == LastPort)
                {
                    throw new CliException($"All ports from {DefaultPort} to {LastPort} are taken. Give one that is free: --listen HOST:PORT. ({e.Message})", e);
                }
            }
        }
    }

    /// <summary>All addresses of this machine: one socket for IPv6 and IPv4 where there is IPv6.</summary>
    public static IReadOnlyList<string> Everywhere(int port) => [Socket.OSSupportsIPv6 ? $"[::]:{port}" : $"0.0.0.0:{port}"];
}
