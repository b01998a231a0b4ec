using System.Net;
using Meshara.Cli.Control;

namespace Meshara.Cli.Doctor;

/// <summary>Whether this node can be dialled at its own addresses, and whether it reaches the peers that were named to it.</summary>
internal static class ReachCheck
{
    /// <summary>Most peers that are dialled at once, and in all.</summary>
    public const int AtOnce = 32, Most = 256;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    /// <summary>Dials each own address from this machine, as a stranger: TLS proves that it is this node which answers there. Whether others reach it through routers and firewalls in between only they can say.</summary>
    public static async Task<IReadOnlyList<FindingLine>> ListenAsync(Node node, IReadOnlyList<LocalInterface> interfaces, TimeProvider time, CancellationToken cancellationToken)
    {
        if (node.Addresses.Count == 0)
        {
            return [new FindingLine("listen", FindingLine.Warning, "none", "This node listens nowhere: it dials others, and nobody can dial it.") { Advice = "Start it with --listen, or without it (it then listens everywhere)." }];
        }

        // As a stranger, for this node refuses itself.
        NodeOptions stranger = new() { Mesh = node.Options.Mesh, Admission = Admission.Open, Transport = node.Options.Transport, Timeouts = node.Options.Timeouts, TimeProvider = time };
        DialDiagnosis[] dials = await Task.WhenAll(node.Addresses.Take(Most).Select(address => Node.DiagnoseAsync(stranger, address, Limit, cancellationToken)));
        return [.. dials.Select(dial => Listen(dial, advertised: node.Options.AdvertisedAddresses.Count > 0, interfaces))];
    }

    /// <summary>Dials whoever was named: bootstrap nodes, static and wanted peers, pinned ones whose address is known.</summary>
    public static async Task<IReadOnlyList<FindingLine>> PeersAsync(Node node, IReadOnlyList<LocalInterface> interfaces, CancellationToken cancellationToken)
    {
        (PeerAddress Address, string Kind)[] named = [.. NamedBy(node).Where(named => named.Address.Id != node.Id).DistinctBy(static named => named.Address.HostAndPort).Take(Most)];
        if (named.Length == 0)
        {
            return [new FindingLine("peer", FindingLine.Ok, "none", "No peer was named to this node by its address.")];
        }

        using SemaphoreSlim places = new(AtOnce);
        FindingLine[] findings = await Task.WhenAll(named.Select(async one =>
        {
            await places.WaitAsync(cancellationToken);
            try
            {
                DialDiagnosis dial = await node.DiagnoseAsync(one.Address, Limit, cancellationToken);
                return Peer(dial, one.Kind, node.ListPeers(), interfaces);
            }
            finally
            {
                places.Release();
            }
        }));
        return findings;
    }

    /// <summary>What a dial of a named peer says.</summary>
    internal static FindingLine Peer(DialDiagnosis dial, string kind, IReadOnlyList<PeerInfo> linked, IReadOnlyList<LocalInterface> interfaces)
    {
        string subject = $"{kind} {dial.Address}";
        if (dial.Failed is not { } failed)
        {
            return new FindingLine("peer", FindingLine.Ok, subject, $"It can be reached{(dial.RoundTripTime is { } time ? $", {time.TotalMilliseconds:0.00} ms" : "")}.");
        }

        if (failed is { Kind: DialStepKind.Known, Code: MesharaErrorCode.Self })
        {
            return new FindingLine("peer", FindingLine.Ok, subject, "This is this node itself; a list that all nodes share has each of them.");
        }

        bool isLinked = (dial.Address.Id ?? dial.Answered) is { } id && linked.Any(peer => peer.Id == id);
        bool isPatience = isLinked || failed.Kind == DialStepKind.Limit;
        string step = StepLine.Of(failed).Step;
        if (!isPatience && Down(dial, failed, interfaces) is { } down)
        {
            return new FindingLine("peer", FindingLine.Broken, subject, $"It cannot be reached: it fails at {step}. The interface {down.Name}, by which packets would go there, is down.") { Advice = down.UpAdvice };
        }

        return new FindingLine("peer", isPatience ? FindingLine.Warning : FindingLine.Broken, subject, $"{(isLinked ? "A link to it lives, but a dial now fails" : "It cannot be reached: it fails")} at {step}. {failed.Detail}")
        {
            Advice = failed.Advice ?? $"meshara why {dial.Address}",
        };
    }

    /// <summary>What a dial of an own address says.</summary>
    internal static FindingLine Listen(DialDiagnosis dial, bool advertised, IReadOnlyList<LocalInterface> interfaces)
    {
        string subject = dial.Address.HostAndPort;
        if (dial.Steps.Any(static step => step is { Kind: DialStepKind.Identity, Outcome: DialStepOutcome.Passed }))
        {
            // Linux lets a machine call its own address also where the interface is down.
            return OwnerThatIsDown(dial.Address, interfaces) is { } off
                ? new FindingLine("listen", FindingLine.Warning, subject, $"The port is open to this machine itself, but the interface {off.Name} is down: nobody else can call there.") { Advice = off.UpAdvice }
                : new FindingLine("listen", FindingLine.Ok, subject, "The port is open: this node answered its own call there.");
        }

        DialStep failed = dial.Failed ?? dial.Steps[^1];
        string step = StepLine.Of(failed).Step;
        if (Down(dial, failed, interfaces) is { } down)
        {
            return new FindingLine("listen", advertised ? FindingLine.Warning : FindingLine.Broken, subject, $"A call to this address from this machine itself fails at {step}: the interface {down.Name} is down.") { Advice = down.UpAdvice };
        }

        return failed.Kind == DialStepKind.Identity
            ? new FindingLine("listen", FindingLine.Broken, subject, $"Another node answers there: {dial.Failed?.Detail}") { Advice = advertised ? "Correct --advertise or the port forward." : "Two nodes share this address; give one of them another port." }
            : new FindingLine("listen", advertised ? FindingLine.Warning : FindingLine.Broken, subject, $"A call to this address from this machine itself fails at {step}: {failed.Detail}")
            {
                Advice = advertised
                    ? "Many routers do not let a machine call its own outer address: try from outside, 'meshara why' with this address. If it fails there too, mend the port forward."
                    : $"Let {dial.Address.Port}/tcp in (the lines on the firewall name the rule where it can be read).",
            };
    }

    // The interface that is down and so made a dial fail before anybody answered.
    private static LocalInterface? Down(DialDiagnosis dial, DialStep failed, IReadOnlyList<LocalInterface> interfaces) =>
        failed.Kind is DialStepKind.Name or DialStepKind.Connect
            ? LocalInterface.DownTowards(interfaces, IPAddress.TryParse(dial.Address.Host, out IPAddress? ip) ? ip : null)
            : null;

    private static LocalInterface? OwnerThatIsDown(PeerAddress address, IReadOnlyList<LocalInterface> interfaces) =>
        IPAddress.TryParse(address.Host, out IPAddress? ip) ? interfaces.FirstOrDefault(one => !one.IsUp && one.Addresses.Any(a => a.Address.Equals(ip))) : null;

    private static IEnumerable<(PeerAddress Address, string Kind)> NamedBy(Node node) =>
        node.Options.Peers.Select(static address => (address, "wanted"))
            .Concat(node.ListTrusted().SelectMany(static pin => pin.Addresses.Select(address => (address with { Id = pin.Id }, "pinned"))))
            .Concat(node.ListSources().SelectMany(static source => source.Addresses.Select(address => (address, source.Kind == AddressSource.StaticFile ? "static" : "bootstrap"))))
            .Concat(node.Options.Discovery.BootstrapNodes.Select(static address => (address, "bootstrap")));
}
