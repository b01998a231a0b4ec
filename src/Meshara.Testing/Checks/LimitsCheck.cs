using System.Net;
using Meshara.Core.Policy;
using Meshara.Net;

namespace Meshara.Testing.Checks;

/// <summary>No limit of the options, and none that the code names, is ever exceeded.</summary>
internal sealed class LimitsCheck(SimulatedNetwork network, LinkBook links) : NodeCheck(network, links)
{
    // Lanes of the accept door: pinned, on-link, public, trusted.
    private const int Lanes = 4;

    // One that passes, and links that were told to go and are being drained.
    private const int Going = 2;

    private readonly HashSet<SimulatedNode> _stirred = [];
    private int _seconds;

    public override string Name => "limits";

    /// <summary>What a node holds; replaced where the harness is broken on purpose.</summary>
    public Func<SimulatedNode, NodeCensus?> CensusOf { get; set; } = Census;

    /// <summary>Whether callers are counted by their networks: not where a program trusts some, or names them.</summary>
    public bool CountsInbound { get; init; } = true;

    public override void OnEvent(SimulatedNode node, object what)
    {
        _stirred.Add(node);
        if (what is not NodeFact.Gone)
            Look(node);
        if (CountsInbound && what is NodeFact.Up { Inbound: true, Probe: false })
            LookAtInbound(node);
    }

    public override void OnSecond()
    {
        // Quiet nodes once a minute.
        _seconds++;
        foreach (SimulatedNode node in Network.Nodes)
        {
            if (_stirred.Contains(node) || (_seconds + node.Index) % 60 == 0)
                Look(node);
        }

        _stirred.Clear();
    }

    private void Look(SimulatedNode node)
    {
        if (CensusOf(node) is not { } census || Running(node) is not { } live)
            return;

        LinkLimits limits = live.Options.Limits;
        AcceptLimits accept = live.Options.Accept;
        AtMost(node, "peers with a place", census.PlacesTaken - census.Passing, census.MaxPeers);
        AtMost(node, "passing peers", census.Passing, 1);
        AtMost(node, "peers with a live link", census.Linked, census.MaxPeers + 1 + census.Static);
        AtMost(node, "inbound connections without a link", census.Greeting, Lanes * accept.MaxGreetings);
        AtMost(node, "connections that wait at the door", census.Waiting, Lanes * accept.MaxWaiting);
        AtMost(node, "handshakes", census.Shaking, Lanes * accept.MaxHandshakes);
        AtMost(node, "open streams", census.Streams, 2L * census.Connections * limits.MaxStreams);
        AtMost(node, "bytes of credit", census.WindowBytes, (long)census.Connections * limits.LinkBudget);
        AtMost(node, "entries of the local network", census.Nearby, LanTable.MaxEntries);
        AtMost(node, "signed records", census.Records, RecordBook.Capacity);
        AtMost(node, "refused keys", census.RefusedKeys, 1024);
        AtMost(node, "bans", census.Bans, ReputationBook.MaxBans);
    }

    private void AtMost(SimulatedNode node, string what, long count, long most)
    {
        if (count > most)
            Wrong($"{node} has {count} {what}, {most} may be.", node);
    }

    // From one address and one network, as in InboundLimits.
    private void LookAtInbound(SimulatedNode node)
    {
        InboundLimits limits = new();
        List<IPAddress> from = [.. Links.Of(node).Where(static l => l is { Inbound: true, Probe: false, From: not null }).Select(static l => l.From!)];
        foreach (IGrouping<AddressKey, IPAddress> same in from.GroupBy(static a => AddressGroups.KeysOf(a).Address))
            AtMost(node, $"inbound links from {same.First()}", same.Count(), limits.PerAddress + Going);
        if (node.Nat is null)
        {
            foreach (IGrouping<AddressKey, IPAddress> same in from.GroupBy(static a => AddressGroups.KeysOf(a).Network))
                AtMost(node, $"inbound links from the /24 of {same.First()}", same.Count(), limits.PerNetworkV4 + Going);
        }
    }
}
