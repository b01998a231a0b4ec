using System.Net;
using Meshara.Discovery;
using Meshara.Testing.Checks;
using Meshara.Testing.Engine;
using Meshara.Testing.Network;

namespace Meshara.Testing;

/// <summary>A network of whole, real nodes in one process under virtual time: every choice comes from one seed, and the same seed tells the same story.</summary>
/// <remarks>
/// <para>A scenario is a public static method that takes the seed: <c>public static async Task Churn(int seed)</c>. It runs in a process of its own on one thread;
/// <see cref="SimulationProcess"/> starts that from a test.</para>
/// <para>All time has to be <see cref="Time"/> or a node's, all chance <see cref="Random"/>; nothing may block, and nothing may have a thread of its own.</para>
/// </remarks>
public sealed partial class SimulatedNetwork : IAsyncDisposable
{
    private readonly AddressPlan _plan = new();
    private readonly List<SimulatedNode> _nodes = [];
    private readonly Dictionary<NodeId, SimulatedNode> _byId = [];
    private readonly Dictionary<Machine, SimulatedNode> _byMachine = [];
    private readonly List<ISimulationCheck> _checks = [];
    private readonly SecondTick _tick;
    private readonly RunFolder _folders = new();
    private bool _closed;

    private SimulatedNetwork(SimulationEngine engine, int seed)
    {
        (Engine, Seed) = (engine, seed);
        Random = SeededIdentity.Random(seed, "scenario");
        Internet = new Internet(engine.Time, engine.Trace, SeededIdentity.Random(seed, "network"));
        Network = new NetworkView(this);
        FolderOf = _folders.Of;
        StoreOf = new StoreBook(engine.Time).Of;
        _checks.Add(new EssentialChecks(this, Running.SimulationRun.Current));
        _tick = new SecondTick(this);
        engine.Time.Schedule(_tick, engine.Time.Now + SecondTick.Every);
    }

    /// <summary>The seed of every choice.</summary>
    public int Seed { get; }

    /// <summary>The clock of the scenario: <c>await Task.Delay(…, sim.Time)</c>.</summary>
    public TimeProvider Time => Engine.Time;

    /// <summary>How much virtual time has passed.</summary>
    public TimeSpan Elapsed => Engine.Time.Now;

    /// <summary>Chance for the scenario itself. What nodes draw does not move it.</summary>
    public Random Random { get; }

    /// <summary>Every node that was started, in this order, with those that are gone.</summary>
    public IReadOnlyList<SimulatedNode> Nodes => _nodes;

    /// <summary>How paths behave that <see cref="Between"/> and <see cref="OneWay"/> say nothing of.</summary>
    public NetworkConditions Everywhere => Internet.Everywhere;

    /// <summary>Host names and their addresses.</summary>
    public SimulatedNames Names => Internet.Names;

    internal SimulationEngine Engine { get; }

    internal Internet Internet { get; }

    /// <summary>What happened, for reports.</summary>
    internal Trace Trace => Engine.Trace;

    /// <summary>Who is where, for checks.</summary>
    internal NetworkView Network { get; }

    /// <summary>Which addresses machines get.</summary>
    internal AddressPlan Plan => _plan;

    /// <summary>The virtual time of the last fault; checks that wait for peace count from it.</summary>
    internal TimeSpan LastFault { get; set; }

    /// <summary>How many nodes there will be, as far as is known: their target follows from it.</summary>
    internal int Expected { get; set; }

    /// <summary>The store of a node, asked for at each start.</summary>
    internal Func<SimulatedNode, IPeerStore?> StoreOf { get; set; }

    /// <summary>The local network of a node, asked for at each start; null from it: none.</summary>
    internal Func<SimulatedNode, OpenLocalNetwork?> LanOf { get; set; } = static _ => null;

    /// <summary>The folder of a node that has one, asked for at each start; its path stays out of the trace.</summary>
    internal Func<SimulatedNode, string> FolderOf { get; set; }

    /// <summary>Makes the network of this run.</summary>
    /// <param name="seed">Of every choice: the one that the scenario was given.</param>
    /// <exception cref="InvalidOperationException">The caller is in no simulation, or it has a network already.</exception>
    public static SimulatedNetwork Create(int seed)
    {
        SimulationEngine engine = SimulationEngine.Current
            ?? throw new InvalidOperationException(
                "A simulation needs a process of its own with one thread in the pool. From a test: `await SimulationProcess.RunAsync(MyScenario, seeds: [1])`; "
                + "from a program: `return await SimulationRunner.RunAsync(args, MyScenario);`, where MyScenario is `public static async Task MyScenario(int seed)`.");
        if (engine.Network is { _closed: false })
        {
            throw new InvalidOperationException("This run has a network already. Dispose it before the next is made.");
        }

        return engine.Network = new SimulatedNetwork(engine, seed);
    }

    /// <summary>Starts nodes named <c>n1</c>, <c>n2</c> …, over ten virtual seconds, and waits until all have started.</summary>
    /// <param name="count">How many; 1 or more.</param>
    /// <param name="configure">Changes their options: mesh "simulation", <see cref="Admission.Open"/>, listening everywhere on port 4040, the first three nodes as bootstrap
    /// nodes, a target of 16 peers or two less than there are nodes, a store that survives a restart. <see cref="NodeOptions.Transport"/>,
    /// <see cref="NodeOptions.TimeProvider"/>, <see cref="NodeOptions.Identity"/>, <see cref="NodeOptions.Seed"/> and <see cref="NodeOptions.PeerStore"/> are the simulation's. Null: no change.</param>
    /// <param name="behind">The router they are behind; null: none.</param>
    /// <param name="withFolder">Whether each has a <see cref="NodeOptions.DataDirectory"/>: a real folder, which is deleted with the network.</param>
    /// <exception cref="InvalidOperationException">An option was changed that is the simulation's.</exception>
    /// <exception cref="MesharaException">A node cannot start.</exception>
    public async Task<IReadOnlyList<SimulatedNode>> StartNodesAsync(
        int count, Func<NodeOptions, NodeOptions>? configure = null, SimulatedNat? behind = null, bool withFolder = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        Expected = _nodes.Count + count;
        SimulatedNode[] nodes = [.. Enumerable.Range(0, count).Select(_ => Add($"n{_nodes.Count + 1}", configure, behind, withFolder))];
        Task[] starting = new Task[count];
        TimeSpan pause = TimeSpan.FromSeconds(10) / count;
        for (int i = 0; i < count; i++)
        {
            starting[i] = nodes[i].StartAsync(null);
            await Task.Delay(pause, Time).ConfigureAwait(false);
        }

        await Task.WhenAll(starting).ConfigureAwait(false);
        return nodes;
    }

    /// <summary>Starts one node.</summary>
    /// <param name="name">Its name in reports, and part of what its identity and its chances are made from; each once.</param>
    /// <param name="configure">Changes its options, as for <see cref="StartNodesAsync"/>. Null: no change.</param>
    /// <param name="behind">The router it is behind; null: none.</param>
    /// <param name="withFolder">Whether it has a <see cref="NodeOptions.DataDirectory"/>: a real folder, which is deleted with the network.</param>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    /// <exception cref="InvalidOperationException">An option was changed that is the simulation's.</exception>
    /// <exception cref="MesharaException">The node cannot start.</exception>
    public async Task<SimulatedNode> StartNodeAsync(string name, Func<NodeOptions, NodeOptions>? configure = null, SimulatedNat? behind = null, bool withFolder = false)
    {
        Expected = Math.Max(Expected, _nodes.Count + 1);
        SimulatedNode node = Add(name, configure, behind, withFolder);
        await node.StartAsync(null).ConfigureAwait(false);
        return node;
    }

    /// <summary>Adds a router with one public address, for nodes behind it.</summary>
    public SimulatedNat AddNat()
    {
        SimulatedNat nat = _plan.NextNat();
        Internet.Add(nat);
        return nat;
    }

    /// <summary>Lets virtual time go on.</summary>
    /// <param name="duration">How long; 0 or more.</param>
    /// <exception cref="SimulationException">An invariant did not hold meanwhile.</exception>
    public Task RunForAsync(TimeSpan duration)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(duration, TimeSpan.Zero);
        return Task.Delay(duration, Time);
    }

    /// <summary>Lets virtual time go on until something is so; looked at each 50 ms.</summary>
    /// <param name="condition">What is waited for.</param>
    /// <param name="atMost">How long at most.</param>
    /// <param name="what">What is waited for, for the error. Default: the text of the condition.</param>
    /// <exception cref="SimulationException">It was not so in time, or an invariant did not hold meanwhile.</exception>
    public async Task RunUntilAsync(
        Func<bool> condition, TimeSpan atMost, [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(condition))] string? what = null)
    {
        ArgumentNullException.ThrowIfNull(condition);
        TimeSpan end = Elapsed + atMost;
        while (!condition())
        {
            if (Elapsed >= end)
            {
                throw new SimulationException($"Waited {atMost} of virtual time in vain for: {what}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), Time).ConfigureAwait(false);
        }
    }

    /// <summary>Does real input and output: virtual time stands still until it has ended.</summary>
    /// <remarks>The same seed tells the same story only if what comes back is the same each time.</remarks>
    public Task<T> OutsideAsync<T>(Func<Task<T>> work) => Engine.OutsideAsync(work);

    /// <summary>Does real input and output: virtual time stands still until it has ended.</summary>
    public Task OutsideAsync(Func<Task> work) => Engine.OutsideAsync(async () =>
    {
        await work().ConfigureAwait(false);
        return true;
    });

    /// <summary>Writes a line of the scenario's own into the trace; it counts for the hash.</summary>
    /// <param name="text">The same in every run of this seed.</param>
    public void Note(string text) => Trace.Add(text);

    /// <summary>Ends the run: the checks look a last time, and all nodes are killed.</summary>
    public ValueTask DisposeAsync()
    {
        Close();
        return ValueTask.CompletedTask;
    }

    /// <summary>The machine's next address.</summary>
    internal IPAddress NextAddress(SimulatedNat? behind) => behind is null ? _plan.Next() : _plan.Next(behind);

    /// <summary>The name of an id; of a stranger its short form.</summary>
    internal string NameOf(NodeId id) => _byId.TryGetValue(id, out SimulatedNode? node) ? node.Name : id.ToShortString();

    /// <summary>Whose machine it is.</summary>
    internal SimulatedNode? NodeOf(Machine? machine) => machine is null ? null : _byMachine.GetValueOrDefault(machine);

    /// <summary>Adds a check. It sees what happens from now on.</summary>
    internal void Add(ISimulationCheck check) => _checks.Add(check);

    /// <summary>Takes the checks that every network has out, for others that hold more.</summary>
    internal void WatchWith(CheckHub hub)
    {
        _checks.RemoveAll(static c => c is EssentialChecks);
        _checks.Add(hub);
    }

    /// <summary>An invariant does not hold: the run ends with it; the first one counts.</summary>
    internal void Violated(Violation violation)
    {
        string time = Elapsed.ToString("c");
        Engine.Fail(new SimulationException($"At {time} of virtual time: {violation.Invariant}: {violation.What}") { Violation = violation });
    }

    /// <summary>A node did something.</summary>
    internal void Tell(SimulatedNode node, NodeFact fact)
    {
        foreach (ISimulationCheck check in _checks)
        {
            check.OnEvent(node, fact);
        }
    }

    /// <summary>The scenario did something to a node: in the trace, and the clock of peace begins anew.</summary>
    internal void Happened(SimulatedNode node, string what)
    {
        // At the end all nodes go: no event of the mesh, and no reason of what went wrong.
        if (!_closed)
        {
            Faulted($"{node} {what}");
            Trace.Add(node.Name, what);
        }
    }

    /// <summary>The clock of peace begins anew; and the report of a scenario that has no plan of faults names the last one.</summary>
    private void Faulted(string what)
    {
        LastFault = Elapsed;
        if (Running.SimulationRun.Current is { PlannedFaults: 0 } run)
        {
            run.LastFault = $"{Elapsed:c} {what}";
        }
    }

    /// <summary>Ends the run, once.</summary>
    internal void Close()
    {
        if (_closed)
        {
            return;
        }

        _closed = true;
        Engine.Time.Cancel(_tick);
        if (!Engine.HasFailed)
        {
            foreach (Violation violation in _checks.SelectMany(c => c.AtEnd()))
            {
                Violated(violation);
                break;
            }
        }

        foreach (SimulatedNode node in _nodes)
        {
            node.Die(SimulatedNodeState.Killed);
        }

        _folders.Delete();
    }

    private SimulatedNode Add(string name, Func<NodeOptions, NodeOptions>? configure, SimulatedNat? behind, bool withFolder)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (_nodes.Exists(n => n.Name == name))
        {
            throw new ArgumentException($"There is a node named {name} already.", nameof(name));
        }

        Machine machine = new(name, NextAddress(behind), behind, SeededIdentity.Random(Seed, $"{name}/machine"));
        SimulatedNode node = new(this, name, machine, configure ?? (static o => o)) { HasFolder = withFolder };
        Internet.Add(machine);
        _nodes.Add(node);
        _byId.Add(node.Id, node);
        _byMachine.Add(machine, node);
        return node;
    }

    /// <summary>Each virtual second the checks look; each minute the number of steps goes into the trace.</summary>
    private sealed class SecondTick(SimulatedNetwork network) : Scheduled
    {
        public static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

        private int _seconds;

        public override void Fire()
        {
            if (++_seconds % 60 == 0)
            {
                network.Trace.Mix(0, network.Engine.Time.Fired);
            }

            foreach (ISimulationCheck check in network._checks)
            {
                check.OnSecond();
            }

            // Where nothing else will ever come the engine has to see that.
            if (network.Engine.Time.Pending > 0)
            {
                network.Engine.Time.Schedule(this, network.Elapsed + Every);
            }
        }
    }

    private sealed class StoreBook(TimeProvider time)
    {
        private readonly Dictionary<SimulatedNode, IPeerStore> _stores = [];

        public IPeerStore? Of(SimulatedNode node)
        {
            if (!_stores.TryGetValue(node, out IPeerStore? store))
            {
                _stores.Add(node, store = new MemoryPeerStore(time));
            }

            return store;
        }
    }
}
