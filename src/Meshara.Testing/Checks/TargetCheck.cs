using System.Net;
using Meshara.Core.Policy;
using Meshara.Net;

namespace Meshara.Testing.Checks;

/// <summary>A node that misses peers does not go on missing them while somebody who has a place for it can be reached.</summary>
/// <remarks>
/// Candidates are put off for up to 5 minutes after failures, refused ones for a minute and more: so the wait begins anew with each fault and with each second in which nobody has a place.
/// How often a node was hungry in vain, because nobody had a place, is counted.
/// </remarks>
internal sealed class TargetCheck(SimulatedNetwork network, LinkBook links, Running.Tally counted) : NodeCheck(network, links)
{
    private readonly Dictionary<SimulatedNode, TimeSpan> _hungrySince = [];

    public override string Name => "target";

    /// <summary>How long a node may miss a peer that it could have.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>What a node holds; replaced where the harness is broken on purpose.</summary>
    public Func<SimulatedNode, NodeCensus?> CensusOf { get; set; } = Census;

    /// <summary>The longest that a node missed a peer it could have.</summary>
    public TimeSpan Longest { get; private set; }

    public override void OnSecond()
    {
        foreach (SimulatedNode node in Network.Nodes)
        {
            if (CensusOf(node) is not { } census || !IsHungry(node, census))
            {
                _hungrySince.Remove(node);
                continue;
            }

            if (FindHost(node) is not { } host)
            {
                counted.Add("target: seconds without anybody who has a place");
                _hungrySince.Remove(node);
                continue;
            }

            // A fault anywhere may have cost it what it knew.
            TimeSpan since = _hungrySince.TryAdd(node, Network.Elapsed) ? Network.Elapsed : _hungrySince[node];
            TimeSpan missing = Network.Elapsed - (since > Network.LastFault ? since : Network.LastFault);
            Longest = missing > Longest ? missing : Longest;
            if (missing > Patience)
                Wrong(
                    $"{node} has {census.Linked} of {census.MaxPeers} peers, {Links.Of(node).Count(static l => l is { Inbound: false, Probe: false })} of them dialled by itself, and wants {census.TargetPeers},"
                    + $" for {Patience.TotalMinutes} minutes, while {host}, with {CensusOf(host)!.PlacesTaken} of {CensusOf(host)!.MaxPeers}, can be reached and has a place.",
                    node,
                    host);
        }
    }

    private bool IsHungry(SimulatedNode node, NodeCensus census)
    {
        int inbound = Links.Of(node).Count(static l => l is { Inbound: true, Probe: false });
        int outbound = Links.Of(node).Count(static l => l is { Inbound: false, Probe: false });
        int wanted = Math.Min(census.TargetPeers, Network.Nodes.Count(static n => Running(n) is not null) - 2);

        // As ConnectionPlan counts: callers satisfy half of the target at most.
        return outbound + Math.Min(inbound, (census.TargetPeers + 1) / 2) < wanted;
    }

    private SimulatedNode? FindHost(SimulatedNode hungry)
    {
        foreach (SimulatedNode host in Network.Nodes)
        {
            if (host != hungry && !Links.Has(hungry, host.Id) && Network.Network.CanReach(hungry, host) && HasPlaceFor(host, hungry))
                return host;
        }

        return null;
    }

    private bool HasPlaceFor(SimulatedNode host, SimulatedNode guest)
    {
        if (CensusOf(host) is not { } census)
            return false;

        int slots = ConnectionPlan.InboundSlots(census.TargetPeers, census.MaxPeers);
        List<LiveLink> inbound = [.. Links.Of(host).Where(static l => l is { Inbound: true, Probe: false })];
        if (census.PlacesTaken >= census.MaxPeers || inbound.Count >= slots)
            return false;

        IPAddress seen = guest.Nat is { } nat && nat != host.Nat ? nat.PublicAddress : guest.Address;
        AddressGroups groups = new([], host.Nat is { } inside ? [inside.Inside] : []);
        return new InboundLimits().Judge(seen, inbound.Select(static l => l.From).OfType<IPAddress>(), slots, groups) is null;
    }
}
