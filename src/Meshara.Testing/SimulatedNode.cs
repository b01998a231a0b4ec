using System.Net;
using Meshara.Testing.Checks;
using Meshara.Testing.Engine;
using Meshara.Testing.Network;

namespace Meshara.Testing;

/// <summary>What has become of a node.</summary>
public enum SimulatedNodeState
{
    /// <summary>It runs, or is starting.</summary>
    Running,

    /// <summary>Its process is stopped (SIGSTOP) and does nothing.</summary>
    Frozen,

    /// <summary>Its machine sleeps, the lid is closed.</summary>
    Suspended,

    /// <summary>It was stopped in good order.</summary>
    Stopped,

    /// <summary>Its process was killed (SIGKILL).</summary>
    Killed,

    /// <summary>Its machine lost power.</summary>
    PoweredOff,
}

/// <summary>One node of a simulated network, with its machine: a real <see cref="Meshara.Node"/>, which can be killed, frozen, moved and started again.</summary>
/// <remarks>All members are for the scenario, on the simulation's thread.</remarks>
public sealed partial class SimulatedNode
{
    private readonly SimulatedNetwork _network;
    private readonly Func<NodeOptions, NodeOptions> _configure;
    private HostProcess? _process;
    private Node? _node;
    private CancellationTokenSource _lifetime = new();
    private TaskCompletionSource _gone = new();
    private TimeSpan _clockOffset;

    internal SimulatedNode(SimulatedNetwork network, string name, Machine machine, Func<NodeOptions, NodeOptions> configure)
    {
        (_network, Name, Machine, _configure) = (network, name, machine, configure);
        Identity = SeededIdentity.Create(network.Seed, name);
        Index = network.Nodes.Count;
    }

    /// <summary>Its name in the trace and in reports.</summary>
    public string Name { get; }

    /// <summary>The node: another object after each restart.</summary>
    /// <exception cref="InvalidOperationException">Its start has not come to an end.</exception>
    public Node Node => _node ?? throw new InvalidOperationException($"{Name} has not been started yet.");

    /// <summary>Its id; the same after a restart.</summary>
    public NodeId Id => Identity.PublicKey.Id;

    /// <summary>The clock of its machine: another object after each restart. For what the program of this node does; the scenario's own is <see cref="SimulatedNetwork.Time"/>.</summary>
    public TimeProvider Time => _process?.Time ?? throw new InvalidOperationException($"{Name} has not been started yet.");

    /// <summary>The address of its machine; behind a NAT a private one.</summary>
    public IPAddress Address => Machine.Address;

    /// <summary>What has become of it.</summary>
    public SimulatedNodeState State { get; private set; } = SimulatedNodeState.Stopped;

    /// <summary>Cancelled when the node is stopped, killed or powered off. Give it to calls on <see cref="Node"/>: those of a process that was killed never end.</summary>
    public CancellationToken Lifetime => _lifetime.Token;

    /// <summary>The router it is behind; null: none.</summary>
    public SimulatedNat? Nat => Machine.Nat;

    /// <summary>The node where its process runs and its start has come to an end; else null.</summary>
    internal Node? Live => State == SimulatedNodeState.Running && _node is { State: NodeState.Running } node ? node : null;

    internal Machine Machine { get; }

    internal NodeIdentity Identity { get; }

    /// <summary>Its number, from 0.</summary>
    internal int Index { get; }

    /// <summary>Whether it has a folder.</summary>
    internal bool HasFolder { get; init; }

    /// <summary>How often it was started.</summary>
    internal int Starts { get; private set; }

    /// <summary>Whether its process is there, running or not.</summary>
    internal bool IsUp => State is SimulatedNodeState.Running or SimulatedNodeState.Frozen or SimulatedNodeState.Suspended;

    /// <summary>Kills its process (SIGKILL): it does nothing more. Its machine resets all its connections. What its <see cref="Node"/> still says is how it was at that moment. A node that is not there: nothing happens.</summary>
    public void Kill() => Die(SimulatedNodeState.Killed);

    /// <summary>Takes the power from its machine: it falls silent, and nobody is told. A node that is not there: nothing happens.</summary>
    public void PowerOff() => Die(SimulatedNodeState.PoweredOff);

    /// <summary>Starts it again after <see cref="Kill"/>, <see cref="PowerOff"/> or <see cref="StopAsync"/>: the same identity, store and folder.</summary>
    /// <param name="configure">Options for this start, made from those of the first; null: the same.</param>
    /// <exception cref="InvalidOperationException">It is running.</exception>
    /// <exception cref="MesharaException">The node cannot start.</exception>
    /// <remarks>Ends when the node has started, or was killed meanwhile.</remarks>
    public Task RestartAsync(Func<NodeOptions, NodeOptions>? configure = null)
    {
        if (IsUp)
        {
            throw new InvalidOperationException($"{Name} is {State}: kill, power off or stop it before.");
        }

        return StartAsync(configure);
    }

    /// <summary>Stops it in good order: it says goodbye.</summary>
    /// <exception cref="InvalidOperationException">It is frozen or asleep: it would wait for ever.</exception>
    public async Task StopAsync()
    {
        if (State is SimulatedNodeState.Frozen or SimulatedNodeState.Suspended)
        {
            throw new InvalidOperationException($"{Name} is {State} and cannot stop in good order: thaw or resume it before, or kill it.");
        }

        if (State == SimulatedNodeState.Running)
        {
            _network.Happened(this, "is stopped");
            HostProcess process = _process!;
            await Node.DisposeAsync().ConfigureAwait(false);
            if (_process == process && State == SimulatedNodeState.Running)
            {
                End(SimulatedNodeState.Stopped, silent: false);
            }
        }
    }

    /// <summary>Stops its process (SIGSTOP): it does nothing, its machine still takes connections and data for it.</summary>
    /// <exception cref="InvalidOperationException">It is not running.</exception>
    public void Freeze() => Pause(ClockState.Frozen, SimulatedNodeState.Frozen);

    /// <summary>Lets a frozen process go on: timers that were due meanwhile come now.</summary>
    /// <exception cref="InvalidOperationException">It is not frozen.</exception>
    public void Thaw() => GoOn(SimulatedNodeState.Frozen);

    /// <summary>Closes the lid: the machine does nothing and hears nothing; its monotonic time stands still, its wall clock goes on.</summary>
    /// <exception cref="InvalidOperationException">It is not running.</exception>
    public void Suspend() => Pause(ClockState.Suspended, SimulatedNodeState.Suspended);

    /// <summary>Opens the lid: timers go on where they were.</summary>
    /// <exception cref="InvalidOperationException">It is not suspended.</exception>
    public void Resume()
    {
        GoOn(SimulatedNodeState.Suspended);
        _network.Internet.ReleaseAll();
    }

    /// <summary>Sets its wall clock forward or back. Monotonic time, and with it every deadline, goes on as before. The machine keeps it over a restart.</summary>
    public void JumpClock(TimeSpan by)
    {
        _network.Happened(this, $"its clock jumps by {by}");
        _clockOffset += by;
        _process?.Time.Jump(by);
    }

    /// <summary>Gives its machine another address, as another network does: its connections lead nowhere from now on, and nobody is told.</summary>
    /// <param name="address">A free one; null: the next of the plan, behind <paramref name="behind"/> or, if that is null, in the public network.</param>
    /// <param name="behind">The router it is behind from now on; null: none.</param>
    /// <exception cref="ArgumentException">Another node has the address.</exception>
    public void MoveTo(IPAddress? address = null, SimulatedNat? behind = null)
    {
        IPAddress next = address ?? _network.NextAddress(behind);
        if (!_network.Internet.IsFree(next))
        {
            throw new ArgumentException($"{next} is another node's address.", nameof(address));
        }

        _network.Happened(this, $"moves from {Address} to {next}");
        Machine.Nat = behind;
        _network.Internet.Move(Machine, next);
    }

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>Starts its process.</summary>
    internal async Task StartAsync(Func<NodeOptions, NodeOptions>? configure)
    {
        Starts++;
        Machine.IsOff = false;

        if (Starts > 1 && !_network.Internet.IsFree(Address))
        {
            // Somebody else has it by now.
            _network.Internet.Move(Machine, _network.NextAddress(Nat));
        }

        // Somebody else may have had it, and is gone.
        _network.Internet.Add(Machine);

        NodeTime time = new(_network.Engine.Time);
        time.Jump(_clockOffset);
        HostProcess process = new(Machine, time);
        _process = Machine.Process = process;
        _lifetime = new CancellationTokenSource();
        _gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        State = SimulatedNodeState.Running;
        _network.Happened(this, "starts");
        NodeOptions defaults = NodeDefaults.Of(_network, this, new SimulatedTransport(_network.Internet, process));
        NodeOptions options = (configure ?? _configure)(defaults);
        if (configure is not null)
        {
            options = configure(_configure(defaults));
        }

        NodeDefaults.Check(options, defaults);
        _network.Internet.ReleaseAll();
        Task<Node> starting = Node.StartAsync(options with { Seams = NodeDefaults.SeamsOf(_network, this, new Observer(this, process), node => _node = node) });

        // A process that is killed while it starts never comes to the end of that.
        await Task.WhenAny(starting, _gone.Task).ConfigureAwait(false);
        if (starting.IsFaulted && _process == process && IsUp)
        {
            End(SimulatedNodeState.Stopped, silent: false);
        }

        if (starting.IsCompleted)
        {
            await starting.ConfigureAwait(false);
        }
    }

    /// <summary>Its process is no more, whatever it was doing.</summary>
    internal void Die(SimulatedNodeState how)
    {
        if (IsUp)
        {
            _network.Happened(this, how == SimulatedNodeState.Killed ? "is killed" : "loses its power");
            Machine.IsOff = how == SimulatedNodeState.PoweredOff;
            End(how, silent: Machine.IsOff);
            _node?.Abandon();
        }
    }

    private void End(SimulatedNodeState how, bool silent)
    {
        State = how;
        _process!.Die();
        _network.Internet.Bury(_process, silent);
        _network.Tell(this, new NodeFact.Gone());
        _gone.TrySetResult();
        _lifetime.Cancel();
    }

    private void Pause(ClockState clock, SimulatedNodeState state)
    {
        if (State != SimulatedNodeState.Running)
        {
            throw new InvalidOperationException($"{Name} is {State}, not {SimulatedNodeState.Running}.");
        }

        _network.Happened(this, clock == ClockState.Frozen ? "freezes" : "goes to sleep");
        State = state;
        _process!.Time.Stop(clock);
    }

    private void GoOn(SimulatedNodeState from)
    {
        if (State != from)
        {
            throw new InvalidOperationException($"{Name} is {State}, not {from}.");
        }

        _network.Happened(this, from == SimulatedNodeState.Frozen ? "thaws" : "wakes up");
        State = SimulatedNodeState.Running;
        _process!.Continue();
    }
}
