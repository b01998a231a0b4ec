using Meshara.Testing;
using Meshara.Testing.Checks;
using Meshara.Testing.Lan;
using Meshara.Testing.Network;
using Meshara.Testing.Running;
using Meshara.Testing.Storage;
using Meshara.Testing.Work;

namespace Meshara.Simulator;

/// <summary>
/// Eight to twenty nodes, whose programs talk all the time, for six minutes of faults; then peace, in which every node has to find its peers again, silence, in which the counters have to
/// agree, and an end in good order. All checks look on.
/// </summary>
internal sealed class Swarm
{
    private const int LeastNodes = 8, MostNodes = 20;
    private const string BootName = "boot.sim";

    // Derived once in a process: PBKDF2 takes a fifth of a second.
    private static readonly Admission Secret = Admission.Secret("one secret of all simulated meshes");

    private readonly SimulatedNetwork _sim;
    private readonly SimulationRun _run;
    private readonly CheckHub _hub;
    private readonly Workload _work;
    private readonly SimulatedStores _stores;
    private readonly SimulatedLans _lans;
    private readonly Random _random;
    private readonly int _count, _target, _max;
    private readonly bool _named, _secret;
    private readonly TimeSpan _feelers;

    private Swarm(SimulatedNetwork sim)
    {
        (_sim, _run) = (sim, SimulationRun.Current!);
        _random = SeededIdentity.Random(sim.Seed, "swarm");
        _count = _run.Setting("nodes", _random.Next(LeastNodes, MostNodes + 1));
        _target = _random.Next(4, 7);
        _max = _target + _random.Next(2, _target + 3);

        // With all of them in one /16 its share of the places would leave nodes without peers, by right; some seeds have it nearly so.
        sim.Plan.Neighbours = _random.Next(2, 7);
        (_named, _secret) = (_random.Next(3) == 0, _random.Next(4) == 0);

        // A feeler is a whole TLS handshake: as often as by default in one seed of four.
        _feelers = TimeSpan.FromMinutes(_random.Next(4) == 0 ? 2 : 10);
        _stores = new SimulatedStores(sim);
        _lans = new SimulatedLans(sim);
        sim.StoreOf = _stores.Of;
        sim.LanOf = _lans.Of;
        _hub = CheckHub.Watch(sim);
        _work = new Workload(sim, _hub.Messages, _hub.Requests, _hub.Flows, (node, e) => _hub.Conduct.Logged(node, $"its program got what no documentation names: {e}"))
        {
            Twice = _run.Break == "twice",
            Swapped = _run.Break == "swap",
            LostReplies = _run.Break == "lost-reply",
            WrongReplies = _run.Break == "wrong-reply",
            GarbledStreams = _run.Break == "garble",
        };
    }

    /// <summary>The scenario. <c>--set nodes=N</c>, <c>--set minutes=N</c> of faults, <c>--set peace=N</c> minutes.</summary>
    public static async Task RunAsync(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        using FileCrashes crashes = new(sim);
        Swarm swarm = new(sim);
        await swarm.RunAsync(crashes);
    }

    private async Task RunAsync(FileCrashes crashes)
    {
        TimeSpan length = TimeSpan.FromMinutes(_run.Setting("minutes", 6));
        IReadOnlyList<Fault> plan = FaultPlan.Of(_sim.Seed, length);
        _run.PlannedFaults = plan.Count;
        foreach (Fault fault in plan)
            _run.Drawn.Add(fault.Kind.ToString());
        await StartAsync();
        FaultHand hand = new(_sim, _run, _stores, _lans, crashes, RestartAsync, _hub.Links);
        Task[] faults = [.. plan.Where(fault => !_run.LeftOut.Contains(fault.Number)).Select(hand.DoAsync)];
        await _sim.RunForAsync(length);
        await Task.WhenAll(faults);
        await hand.MakePeaceAsync();
        _sim.Note("peace");
        _work.Pause *= 5;
        for (int minute = 0; minute < _run.Setting("peace", 11); minute++)
        {
            await _sim.RunForAsync(TimeSpan.FromMinutes(1));
            if (_run.Setting("explain", 0) > 0)
                await ExplainAsync(_sim.Nodes[_run.Setting("explain", 0) - 1]);
        }

        await SilenceAsync();
        await StopAllAsync();
    }

    private async Task StartAsync()
    {
        SimulatedNat? nat = _random.Next(3) == 0 ? _sim.AddNat() : null;
        int inside = nat is null ? 0 : _random.Next(2, 5);
        _sim.Expected = _count;
        for (int i = 0; i < _count; i++)
        {
            bool isInside = nat is not null && i >= _count - inside;
            SimulatedNode node = await _sim.StartNodeAsync($"n{i + 1}", Configure, isInside ? nat : null, withFolder: i % 3 == 0);
            _work.Begin(node);
            await Task.Delay(TimeSpan.FromSeconds(10) / _count, _sim.Time);
            if (i < 3)
                _sim.Names.Set($"{i}.{BootName}", node);
        }
    }

    // Of each start, the first and those that follow.
    private NodeOptions Configure(NodeOptions options)
    {
        SimulatedNode node = _sim.Nodes.Single(n => n.Id == options.Identity!.PublicKey.Id);
        IReadOnlyList<PeerAddress> boots = _named
            ? [.. Enumerable.Range(0, 3).Where(i => node.Index != i).Select(static i => new PeerAddress($"{i}.{BootName}", PeerAddress.DefaultPort))]
            : options.Discovery.BootstrapNodes;
        return _work.Serve(node, options with
        {
            Admission = _secret ? Secret : Admission.Open,
            LoggerFactory = new SwarmErrors(node, _hub.Conduct),
            Discovery = options.Discovery with { TargetPeers = _target, MaxPeers = _max, BootstrapNodes = boots, FeelerInterval = _feelers },
            Limits = options.Limits with { MaxStreams = 64 },
        });
    }

    private async Task RestartAsync(SimulatedNode node)
    {
        await node.RestartAsync();
        _work.Begin(node);
    }

    // Nobody says anything; what is under way comes to its end.
    private async Task SilenceAsync()
    {
        await _work.EndAsync();
        await _sim.RunForAsync(TimeSpan.FromSeconds(45));
        await _hub.Counters.CompareEndsAsync(3);
        _run.Counted.Add("links at the end", _sim.Nodes.Sum(n => n.Node.ListPeers().Count) / 2);
        _run.Counted.Add("meshes that were one at the end", IsOne() ? 1 : 0);
    }

    // Two halves may each have all the peers they want: nothing brings them together then, and nothing is wrong by the contract.
    private bool IsOne()
    {
        try
        {
            _sim.AssertMesh();
            return true;
        }
        catch (SimulationException)
        {
            return false;
        }
    }

    // For who looks for a reason: what one node, --set explain=NUMBER, knows of the others.
    private async Task ExplainAsync(SimulatedNode node)
    {
        foreach (SimulatedNode other in _sim.Nodes.Where(n => n != node))
        {
            PeerExplanation? known = await node.Node.ExplainPeerAsync(other.Id);
            IEnumerable<string> addresses = known?.Addresses.Select(static a => $"{a.Host}:{a.Port} {a.Source} {(a.LastSuccess is null ? "unproven" : "proven")} {a.Failures} failures") ?? [];
            _sim.Trace.Add(node.Name, $"knows of {other.Name} at {other.Address}: {known?.Class} {(known?.IsConnected == true ? "linked" : "")} {string.Join(", ", addresses)}");
        }
    }

    private async Task StopAllAsync()
    {
        foreach (SimulatedNode node in _sim.Nodes)
            await node.StopAsync().WaitAsync(TimeSpan.FromSeconds(30), _sim.Time);
        await _sim.RunForAsync(TimeSpan.FromSeconds(5));
    }
}
