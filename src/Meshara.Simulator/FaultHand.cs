using Meshara.Testing;
using Meshara.Testing.Checks;
using Meshara.Testing.Lan;
using Meshara.Testing.Network;
using Meshara.Testing.Running;
using Meshara.Testing.Storage;

namespace Meshara.Simulator;

/// <summary>Does the faults of a plan, and counts which of them met something.</summary>
internal sealed class FaultHand(SimulatedNetwork sim, SimulationRun run, SimulatedStores stores, SimulatedLans lans, FileCrashes crashes, Func<SimulatedNode, Task> restart, LinkBook links)
{
    private static readonly TimeSpan MostSlow = TimeSpan.FromSeconds(2);

    // Faults that have hold of a node: another one leaves it alone.
    private readonly HashSet<SimulatedNode> _held = [];
    private readonly Dictionary<SimulatedNode, TimeSpan> _jumped = [];

    /// <summary>One fault, from its beginning to its end.</summary>
    public async Task DoAsync(Fault fault)
    {
        await Task.Delay(fault.At, sim.Time);

        // Of its own: leaving another fault out does not change whom this one meets.
        Random random = SeededIdentity.Random(sim.Seed, $"fault {fault.Number}");
        switch (fault.Kind)
        {
            case FaultKind.Crash or FaultKind.PowerOff or FaultKind.Stop or FaultKind.StoreLost or FaultKind.StoreSlow or FaultKind.TakeAddress:
                await EndAndRestartAsync(fault, random);
                break;
            case FaultKind.Freeze or FaultKind.Suspend:
                await HoldStillAsync(fault, random);
                break;
            case FaultKind.Partition or FaultKind.OneWayPartition or FaultKind.Isolate:
                await CutAsync(fault, random);
                break;
            case FaultKind.SlowPaths or FaultKind.NarrowPaths or FaultKind.LostConnects:
                await WorsenAsync(fault, random);
                break;
            case FaultKind.FileCrash:
                await CrashInFileAsync(fault, random);
                break;
            case FaultKind.StoreFails or FaultKind.NamesDown or FaultKind.LanLoss:
                await FailAsync(fault, random);
                break;
            case FaultKind.NamesMove:
                await MoveNameAsync(fault, random);
                break;
            default:
                Poke(fault, random);
                break;
        }
    }

    /// <summary>Everything works from now on.</summary>
    public async Task MakePeaceAsync()
    {
        sim.Heal();
        sim.Names.AreDown = false;
        lans.Loss = 0;
        foreach (SimulatedNode node in sim.Nodes)
        {
            stores.Fail(node, false);

            // A node whose clock is days wrong may learn nothing of others, by the protocol: their records are not of its time.
            if (_jumped.Remove(node, out TimeSpan by) && by != TimeSpan.Zero)
                node.JumpClock(-by);
            if (node.State == SimulatedNodeState.Frozen)
                node.Thaw();
            else if (node.State == SimulatedNodeState.Suspended)
                node.Resume();
            if (node.State is SimulatedNodeState.Killed or SimulatedNodeState.PoweredOff or SimulatedNodeState.Stopped)
                await restart(node);
        }
    }

    private async Task EndAndRestartAsync(Fault fault, Random random)
    {
        if (Take(fault, random) is not { } node)
            return;

        if (fault.Kind == FaultKind.Stop)
            await node.StopAsync();
        else if (fault.Kind == FaultKind.PowerOff)
            node.PowerOff();
        else
            node.Kill();

        if (fault.Kind == FaultKind.StoreLost)
            stores.Lose(node);
        else if (fault.Kind == FaultKind.StoreSlow)
            stores.SlowDown(node, fault.Lasts);
        if (fault.Kind == FaultKind.TakeAddress && Free(random, node) is { } thief && thief.Nat == node.Nat)
        {
            Say(fault, thief, $"takes {node.Name}'s address");
            thief.MoveTo(node.Address, node.Nat);
        }

        await Task.Delay(fault.Lasts, sim.Time);
        await ReviveAsync(node);
    }

    private async Task HoldStillAsync(Fault fault, Random random)
    {
        if (Take(fault, random) is not { } node)
            return;

        if (fault.Kind == FaultKind.Freeze)
            node.Freeze();
        else
            node.Suspend();
        await Task.Delay(fault.Lasts, sim.Time);
        if (node.State == SimulatedNodeState.Frozen)
            node.Thaw();
        else if (node.State == SimulatedNodeState.Suspended)
            node.Resume();
        _held.Remove(node);
    }

    private async Task CutAsync(Fault fault, Random random)
    {
        SimulatedNode[] mixed = [.. sim.Nodes];
        random.Shuffle(mixed);
        int size = fault.Kind == FaultKind.Isolate ? 1 : random.Next(1, mixed.Length);
        SimulatedNode[] side = mixed[..size], other = mixed[size..];
        int across = side.Sum(s => links.Of(s).Count(l => other.Any(o => o.Id == l.Peer)));
        Say(fault, side[0], $"cut from the rest with {size - 1} others, {across} links across");
        Met(fault, across);
        SimulatedPartition cut = fault.Kind switch
        {
            FaultKind.Isolate => sim.Isolate(side[0]),
            FaultKind.OneWayPartition => sim.PartitionOneWay(side, other),
            _ => sim.Partition(side, other),
        };
        await Task.Delay(fault.Lasts, sim.Time);
        cut.Heal();
    }

    private async Task WorsenAsync(Fault fault, Random random)
    {
        SimulatedNode node = sim.Nodes[random.Next(sim.Nodes.Count)];
        bool oneWay = random.Next(3) == 0;
        SimulatedNode[] others = [.. sim.Nodes.Where(n => n != node && random.Next(2) == 0)];
        Say(fault, node, $"to {others.Length} nodes");
        Met(fault, links.Of(node).Count(l => others.Any(o => o.Id == l.Peer)));
        foreach (SimulatedNode other in others)
        {
            NetworkConditions path = oneWay ? sim.OneWay(node, other) : sim.Between(node, other);
            if (fault.Kind == FaultKind.SlowPaths)
                (path.Latency, path.Jitter) = (MostSlow * random.NextDouble(), TimeSpan.FromMilliseconds(random.Next(500)));
            else if (fault.Kind == FaultKind.NarrowPaths)
                path.BytesPerSecond = random.Next(2_000, 200_000);
            else
                path.LostConnects = random.NextDouble();
        }

        await Task.Delay(fault.Lasts, sim.Time);
        foreach (SimulatedNode other in others)
        {
            foreach (NetworkConditions path in (NetworkConditions[])[sim.OneWay(node, other), sim.OneWay(other, node)])
                (path.Latency, path.Jitter, path.BytesPerSecond, path.LostConnects) = (sim.Everywhere.Latency, sim.Everywhere.Jitter, null, 0);
        }
    }

    private async Task CrashInFileAsync(Fault fault, Random random)
    {
        SimulatedNode[] withFolder = [.. sim.Nodes.Where(n => n.State == SimulatedNodeState.Running && !_held.Contains(n) && n.HasFolder)];
        if (withFolder.Length == 0)
            return;

        SimulatedNode node = withFolder[random.Next(withFolder.Length)];
        _held.Add(node);
        Say(fault, node, "crashes in its next write to a file");
        await crashes.CrashAsync(node, random, () => Met(fault, 1), restart);
        await Task.Delay(fault.Lasts, sim.Time);
        await ReviveAsync(node);
    }

    private async Task FailAsync(Fault fault, Random random)
    {
        SimulatedNode node = sim.Nodes[random.Next(sim.Nodes.Count)];
        Say(fault, node, $"for {fault.Lasts.TotalSeconds:F0} s");
        int before = Failures();
        Fail(true);
        await Task.Delay(fault.Lasts, sim.Time);
        Fail(false);
        Met(fault, Failures() - before);

        void Fail(bool failing)
        {
            if (fault.Kind == FaultKind.StoreFails)
                stores.Fail(node, failing);
            else if (fault.Kind == FaultKind.NamesDown)
                sim.Names.AreDown = failing;
            else
                lans.Loss = failing ? 0.5 : 0;
        }

        int Failures() => fault.Kind == FaultKind.StoreFails ? stores.FailuresOf(node) : fault.Kind == FaultKind.NamesDown ? sim.Names.Unanswered : lans.Lost;
    }

    // It met something if a name was looked up in the time that follows.
    private async Task MoveNameAsync(Fault fault, Random random)
    {
        if (Free(random, null) is not { } node)
            return;

        Say(fault, node, "gets a name");
        sim.Names.Set($"{random.Next(3)}.boot.sim", node);
        int before = sim.Names.Answered;
        await Task.Delay(fault.Lasts, sim.Time);
        Met(fault, sim.Names.Answered - before);
    }

    // What is done in a moment.
    private void Poke(Fault fault, Random random)
    {
        if (Free(random, null) is not { } node)
            return;

        switch (fault.Kind)
        {
            case FaultKind.Reset:
                SimulatedNode[] peers = [.. sim.Nodes.Where(n => links.Has(node, n.Id))];
                SimulatedNode[] some = [.. peers.Where(_ => random.Next(2) == 0)];
                Say(fault, node, $"with {some.Length} of {peers.Length} peers");
                Met(fault, some.Sum(peer => sim.Reset(node, peer)));
                break;
            case FaultKind.ClockJump:
                TimeSpan[] jumps = [TimeSpan.FromHours(2), TimeSpan.FromDays(2), TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(5)];
                TimeSpan by = jumps[random.Next(jumps.Length)] * (random.Next(2) == 0 ? 1 : -1);
                Say(fault, node, $"by {by}");
                Met(fault, links.Of(node).Count);
                node.JumpClock(by);
                _jumped[node] = _jumped.GetValueOrDefault(node) + by;
                break;
            case FaultKind.Move:
                Say(fault, node, "to another address");
                Met(fault, links.Of(node).Count);
                node.MoveTo(null, node.Nat);
                break;
        }
    }

    private SimulatedNode? Take(Fault fault, Random random)
    {
        if (Free(random, null) is not { } node)
            return null;

        _held.Add(node);
        Say(fault, node, $"for {fault.Lasts.TotalSeconds:F1} s");
        Met(fault, links.Of(node).Count);
        return node;
    }

    private async Task ReviveAsync(SimulatedNode node)
    {
        if (node.State is SimulatedNodeState.Killed or SimulatedNodeState.PoweredOff or SimulatedNodeState.Stopped)
            await restart(node);
        _held.Remove(node);
    }

    private SimulatedNode? Free(Random random, SimulatedNode? but)
    {
        SimulatedNode[] free = [.. sim.Nodes.Where(n => n != but && n.Live is not null && !_held.Contains(n))];
        return free.Length == 0 ? null : free[random.Next(free.Length)];
    }

    private void Say(Fault fault, SimulatedNode node, string what)
    {
        run.LastFault = $"{sim.Elapsed:c} {fault}: {node.Name} {what}";
        sim.Note($"{fault}: {node.Name} {what}");
    }

    private void Met(Fault fault, int count)
    {
        if (count > 0)
            run.Hit.Add(fault.Kind.ToString());
    }
}
