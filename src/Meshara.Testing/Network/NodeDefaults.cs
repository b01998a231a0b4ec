using Meshara.Net;
using Meshara.Testing.Running;
using Meshara.Wire;

namespace Meshara.Testing.Network;

/// <summary>The options of a simulated node before its user changes them, and what he may not change.</summary>
internal static class NodeDefaults
{
    /// <summary>The first so many nodes are known to all others.</summary>
    public const int BootstrapNodes = 3;

    /// <summary>The options of a node.</summary>
    public static NodeOptions Of(SimulatedNetwork network, SimulatedNode node, ITransport transport) => new()
    {
        Mesh = "simulation",
        Admission = Admission.Open,
        Identity = node.Identity,
        Seed = SeededIdentity.Seed(network.Seed, $"{node.Name}/node/{node.Starts}"),
        Listen = [$"0.0.0.0:{PeerAddress.DefaultPort}"],
        Transport = transport,
        TimeProvider = node.Time,
        PeerStore = network.StoreOf(node),
        DataDirectory = node.HasFolder ? network.FolderOf(node) : null,
        Discovery = DiscoveryOptions.Standard with
        {
            TargetPeers = Math.Clamp(network.Expected - 2, 1, DiscoveryOptions.Standard.TargetPeers),
            BootstrapNodes = [.. network.Nodes.Where(n => n != node && n.Nat is null).Take(BootstrapNodes).Select(n => new PeerAddress(n.Address.ToString(), PeerAddress.DefaultPort))],
        },
    };

    /// <summary>What a scenario may not change, because the simulation would not be one.</summary>
    /// <exception cref="InvalidOperationException">It did.</exception>
    public static void Check(NodeOptions options, NodeOptions defaults)
    {
        string? changed = !ReferenceEquals(options.Transport, defaults.Transport) ? nameof(NodeOptions.Transport)
            : !ReferenceEquals(options.TimeProvider, defaults.TimeProvider) ? nameof(NodeOptions.TimeProvider)
            : !ReferenceEquals(options.Identity, defaults.Identity) ? nameof(NodeOptions.Identity)
            : !ReferenceEquals(options.PeerStore, defaults.PeerStore) ? nameof(NodeOptions.PeerStore)
            : options.Seed != defaults.Seed ? nameof(NodeOptions.Seed)
            : null;
        if (changed is not null)
        {
            throw new InvalidOperationException($"NodeOptions.{changed} of a simulated node is the simulation's. Leave it as it is given.");
        }
    }

    /// <summary>What makes a node take its chances from the seed, and its machine from the simulation.</summary>
    public static NodeSeams SeamsOf(SimulatedNetwork network, SimulatedNode node, INodeObserver observer, Action<Node> created)
    {
        string run = $"{node.Name}/{node.Starts}";
        return new NodeSeams
        {
            Observer = observer,

            // Broken on purpose: with keys from the system two runs of a seed part as soon as a reply holds two records.
            NewTableKey = SimulationRun.Current?.Break == "table-key" ? null : () => SeededIdentity.Bytes(network.Seed, $"{run}/table key"),
            NewInstance = () => Bits128.Read(SeededIdentity.Bytes(network.Seed, $"{run}/instance")),
            SteadySignatures = true,
            Networks = () => node.Nat is { } nat ? [nat.Inside] : [],
            Scan = () => new HashSet<LocalAddress> { new("eth0", node.Address, IsUp: true) },
            LocalNetwork = network.LanOf(node),
            Created = created,
        };
    }
}
