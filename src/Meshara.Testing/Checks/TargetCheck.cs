using System.Net;
using Meshara.Core.Policy;

namespace Meshara.Testing.Checks;

/// <summary>A node that misses peers does not go on missing them while somebody who has a place for it can be reached.</summary>
/// <remarks>
/// Candidates are put off for up to 5 minutes after failures, refused ones for a minute and more: so the wait begins anew with each fault and with each second in which nobody has a place.
/// How often a node was hungry in vain, because nobody had a place, is counted.
/// </remarks>
internal sealed class TargetCheck(SimulatedNetwork network, LinkBook links, Running.Tally counted) : NodeCheck(network, links)
{
    private const int LookEvery = 5;

    private readonly Dictionary<SimulatedNode, TimeSpan> _hungrySince = [];
    private int _seconds;

    public override string Name => "target";

    /// <summary>How long a node may miss a peer that it could have.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Peers a node wants; replaced where the harness is broken on purpose.</summary>
    public Func<Node, int> TargetOf { get; set; } = static node => node.Options.Discovery.TargetPeers;

    /// <summary>The longest that a node missed a peer it could have.</summary>
    public TimeSpan Longest { get; private set; }

    public override void OnSecond()
    {
        if (++_seconds % LookEvery != 0)
            return;

        int running = Network.Nodes.Count(static n => Running(n) is not null);
        foreach (SimulatedNode node in Network.Nodes)
        {
            if (Running(node) is not { } live || !IsHungry(Peers(node, inbound: true), Peers(node, inbound: false), Math.Min(TargetOf(live), running - 2), live.Options.Discovery.MaxPeers))
            {
                _hungrySince.Remove(node);
                continue;
            }

            if (FindHost(node) is not { } host)
            {
                counted.Add("target: seconds without anybody who has a place", LookEvery);
                _hungrySince.Remove(node);
                continue;
            }

            // A fault anywhere may have cost it what it knew.
            TimeSpan since = _hungrySince.TryAdd(node, Network.Elapsed) ? Network.Elapsed : _hungrySince[node];
            TimeSpan missing = Network.Elapsed - (since > Network.LastFault ? since : Network.LastFault);
            Longest = missing > Longest ? missing : Longest;
            if (missing > Patience)
                Wrong($"{Describe(node, live)} and wants {TargetOf(live)}, for {Patience.TotalMinutes} minutes, while {Describe(host, Running(host)!)}, can be reached and has a place.", node, host);
        }
    }

    private string Describe(SimulatedNode node, Node live) =>
        $"{node} has {Peers(node, inbound: true)} peers that dialled it and {Peers(node, inbound: false)} that it dialled, of {live.Options.Discovery.MaxPeers}";

    private int Peers(SimulatedNode node, bool inbound) => Links.Of(node).Count(l => !l.Probe && l.Inbound == inbound);

    /// <summary>Whether a node misses peers by the contract (specs, peer selection): callers satisfy half of the target at most; and who has no place left, though callers hold most of them, misses nobody.</summary>
    /// <param name="inbound">Peers that dialled it.</param>
    /// <param name="outbound">Peers that it dialled.</param>
    /// <param name="target">How many it wants, at most those there are.</param>
    /// <param name="most">Its places.</param>
    internal static bool IsHungry(int inbound, int outbound, int target, int most) =>
        inbound + outbound < most && outbound + Math.Min(inbound, (target + 1) / 2) < target;

    private SimulatedNode? FindHost(SimulatedNode hungry)
    {
        foreach (SimulatedNode host in Network.Nodes)
        {
            if (host != hungry && !Links.Has(hungry, host.Id) && Running(host) is { } live && Network.Network.CanReach(hungry, host) && HasPlaceFor(live.Options.Discovery, host, hungry))
                return host;
        }

        return null;
    }

    private bool HasPlaceFor(DiscoveryOptions options, SimulatedNode host, SimulatedNode guest)
    {
        int slots = ConnectionPlan.InboundSlots(options.TargetPeers, options.MaxPeers);
        List<LiveLink> inbound = [.. Links.Of(host).Where(static l => l is { Inbound: true, Probe: false })];
        if (inbound.Count + Peers(host, inbound: false) >= options.MaxPeers || inbound.Count >= slots)
            return false;

        IPAddress seen = guest.Nat is { } nat && nat != host.Nat ? nat.PublicAddress : guest.Address;
        AddressGroups groups = new([], host.Nat is { } inside ? [inside.Inside] : []);
        return new InboundLimits().Judge(seen, inbound.Select(static l => l.From).OfType<IPAddress>(), slots, groups) is null;
    }
}
