using System.Net;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Doctor;

/// <summary>Whether this node can be dialled at its own addresses, and whether it reaches the peers that were named to it.</summary>
internal static class ReachCheck
{
    /// <summary>Most peers that are dialled at once, and in all.</summary>
    public const int AtOnce = 32, Most = 256;

    private const string Pinned = "pinned";

    // So long what the node has seen counts as what is so now.
    public static readonly TimeSpan Lately = TimeSpan.FromMinutes(30);

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    /// <summary>A dial of the node itself: as a stranger, for it refuses its own key and takes an address for its own where that answered.</summary>
    /// <param name="node">The node.</param>
    /// <param name="identity">Made for this.</param>
    /// <param name="time">The clock.</param>
    public static NodeOptions Stranger(Node node, NodeIdentity identity, TimeProvider time) =>
        new() { Mesh = node.Options.Mesh, Identity = identity, Admission = Admission.Open, Transport = node.Options.Transport, Timeouts = node.Options.Timeouts, TimeProvider = time };

    /// <summary>Dials each own address from this machine, as a stranger: TLS proves that it is this node which answers there. Whether others reach it through routers and firewalls in between only they can say.</summary>
    public static async Task<IReadOnlyList<FindingLine>> ListenAsync(Node node, NodeOptions stranger, IReadOnlyList<LocalInterface> interfaces, CancellationToken cancellationToken)
    {
        if (node.Addresses.Count == 0)
        {
            return [new FindingLine("listen", FindingLine.Warning, "none", "This node listens nowhere: it dials others, and nobody can dial it.") { Advice = "Start it with --listen, or without it (it then listens everywhere)." }];
        }

        DialDiagnosis[] dials = await Task.WhenAll(node.Addresses.Take(Most).Select(address => Node.DiagnoseAsync(stranger, address, Limit, cancellationToken)));
        return [.. dials.Select(dial => Listen(dial, advertised: node.Options.AdvertisedAddresses.Count > 0, interfaces))];
    }

    /// <summary>Dials whoever was named: bootstrap nodes, static and wanted peers, pinned ones whose address is known.</summary>
    public static async Task<IReadOnlyList<FindingLine>> PeersAsync(Node node, IReadOnlyList<LocalInterface> interfaces, TimeProvider time, CancellationToken cancellationToken)
    {
        (PeerAddress Address, string Kind)[] named = [.. Pairs(NamedBy(node).Where(named => named.Address.Id != node.Id)).Take(Most)];
        FindingLine[] elsewhere = [.. await ElsewhereAsync(node, named, time.GetUtcNow())];
        if (named.Length + elsewhere.Length == 0)
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
                PeerRefused? refused = one.Address.Id is { } id ? (await node.ExplainPeerAsync(id))?.LastRefusal : null;
                return Peer(dial, one.Kind, node.ListPeers(), interfaces, refused, time.GetUtcNow());
            }
            finally
            {
                places.Release();
            }
        }));
        return [.. findings, .. elsewhere];
    }

    /// <summary>Each address with each id that was named for it. One without an id means whoever is pinned there.</summary>
    internal static IEnumerable<(PeerAddress Address, string Kind)> Pairs(IEnumerable<(PeerAddress Address, string Kind)> named)
    {
        (PeerAddress Address, string Kind)[] all = [.. named];
        return all.Where(one => one.Address.Id is not null || !all.Any(other => other.Kind == Pinned && other.Address.HostAndPort == one.Address.HostAndPort))
            .DistinctBy(static one => one.Address);
    }

    // Pinned peers without an address: what became of the node's own dials of where it found them.
    private static async Task<IEnumerable<FindingLine>> ElsewhereAsync(Node node, (PeerAddress Address, string Kind)[] named, DateTimeOffset now)
    {
        List<FindingLine> findings = [];
        HashSet<NodeId> seen = [.. named.Select(static one => one.Address.Id).OfType<NodeId>(), .. node.ListPeers().Select(static peer => peer.Id)];
        foreach (TrustedPeer pin in node.ListTrusted().Where(pin => !seen.Contains(pin.Id)).Take(Most))
        {
            if ((await node.ExplainPeerAsync(pin.Id))?.LastRefusal is { } refused)
            {
                string outcome = now - refused.Time < Lately ? FindingLine.Broken : FindingLine.Warning;
                findings.Add(new FindingLine("peer", outcome, $"{Pinned} {pin.Id}", Describe(refused, now)) { Advice = $"meshara why {pin.Id}" });
            }
        }

        return findings;
    }

    private static string Describe(PeerRefused refused, DateTimeOffset now) =>
        $"{(refused.ByPeer ? "It refused this node" : "A link was refused here")} {Show.Span(now - refused.Time)} ago at {refused.Address}: {refused.Detail}";

    /// <summary>What a dial of a named peer says.</summary>
    /// <param name="dial">What became of it.</param>
    /// <param name="kind">How it was named.</param>
    /// <param name="linked">The peers to which links live.</param>
    /// <param name="interfaces">Those of this machine.</param>
    /// <param name="refused">The last refusal that the node remembers of this peer, at whatever address.</param>
    /// <param name="now">The time.</param>
    internal static FindingLine Peer(
        DialDiagnosis dial, string kind, IReadOnlyList<PeerInfo> linked, IReadOnlyList<LocalInterface> interfaces, PeerRefused? refused = null, DateTimeOffset now = default)
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

        PeerInfo? link = (dial.Address.Id ?? dial.Answered) is { } id ? linked.FirstOrDefault(peer => peer.Id == id) : null;
        bool isPatience = link is not null || failed.Kind == DialStepKind.Limit;
        string step = StepLine.Of(failed).Step;
        if (link is not null && failed.Kind is DialStepKind.Name or DialStepKind.Connect or DialStepKind.Tls or DialStepKind.Identity && (link.Inbound || link.Address != dial.Address.HostAndPort))
        {
            string stale = link.Inbound ? $"A link to it lives, it called from {link.Address}. Its configured address is stale, or closed to this machine" : $"A link to it lives, at {link.Address}. Its configured address is stale";
            return new FindingLine("peer", FindingLine.Ok, subject, $"{stale}: a dial there fails at {step}. {failed.Detail}");
        }

        if (!isPatience && Down(dial, failed, interfaces) is { } down)
        {
            return new FindingLine("peer", FindingLine.Broken, subject, $"It cannot be reached: it fails at {step}. The interface {down.Name}, by which packets would go there, is down.") { Advice = down.UpAdvice };
        }

        if (link is null && refused is not null && refused.Address != dial.Address.HostAndPort)
        {
            return new FindingLine("peer", isPatience ? FindingLine.Warning : FindingLine.Broken, subject, $"It cannot be reached: it fails at {step}. {failed.Detail} Elsewhere: {Describe(refused, now)}") { Advice = $"meshara why {dial.Address.Id}" };
        }

        return new FindingLine("peer", isPatience ? FindingLine.Warning : FindingLine.Broken, subject, $"{(link is not null ? "A link to it lives, but a dial now fails" : "It cannot be reached: it fails")} at {step}. {failed.Detail}")
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
        IPAddress.TryParse(address.Host, out IPAddress? ip) && !interfaces.Any(one => one.IsUp && Has(one, ip)) ? interfaces.FirstOrDefault(one => Has(one, ip)) : null;

    private static bool Has(LocalInterface one, IPAddress address) => one.Addresses.Any(a => a.Address.Equals(address));

    private static IEnumerable<(PeerAddress Address, string Kind)> NamedBy(Node node) =>
        node.Options.Peers.Select(static address => (address, "wanted"))
            .Concat(node.ListTrusted().SelectMany(static pin => pin.Addresses.Select(address => (address with { Id = pin.Id }, Pinned))))
            .Concat(node.ListSources().SelectMany(static source => source.Addresses.Select(address => (address, source.Kind == AddressSource.StaticFile ? "static" : "bootstrap"))))
            .Concat(node.Options.Discovery.BootstrapNodes.Select(static address => (address, "bootstrap")));
}
