using System.Net;
using Meshara.Testing.Engine;

namespace Meshara.Testing.Network;

/// <summary>All machines, what lies between them, and every connection.</summary>
internal sealed class Internet(VirtualTime time, Trace trace, Random random)
{
    // How long a sender's system waits at most before it tries again.
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(60);

    private readonly Dictionary<IPAddress, Machine> _machines = [];
    private readonly Dictionary<IPAddress, SimulatedNat> _nats = [];
    private readonly Dictionary<(Machine From, Machine To), NetworkConditions> _paths = [];
    private readonly Dictionary<long, Cable> _wires = [];
    private readonly List<Cut> _cuts = [];
    private long _lastWire;

    public VirtualTime Time => time;

    public Trace Trace => trace;

    /// <summary>Conditions of paths that have none of their own.</summary>
    public NetworkConditions Everywhere { get; } = new();

    /// <summary>Host names.</summary>
    public SimulatedNames Names { get; } = new();

    /// <summary>Connections that are there, the oldest first.</summary>
    public IReadOnlyList<Cable> Wires => [.. _wires.Values.OrderBy(w => w.Id)];

    /// <summary>Connections until now.</summary>
    public long Connections => _lastWire;

    /// <summary>Writes until now.</summary>
    public long Writes { get; set; }

    public void Add(Machine machine) => _machines[machine.Address] = machine;

    public void Add(SimulatedNat nat) => _nats[nat.PublicAddress] = nat;

    /// <summary>Which machine has an address now; null: none, or none that could be reached by it from there.</summary>
    public Machine? Find(IPAddress address, Machine from)
    {
        if (IPAddress.IsLoopback(address))
        {
            return from;
        }

        return _machines.GetValueOrDefault(address) is { } there && there.Address.Equals(address) && (there.Nat is null || there.Nat == from.Nat) ? there : null;
    }

    /// <summary>Whether an address is nobody's, or of somebody who is not there.</summary>
    public bool IsFree(IPAddress address) => !_nats.ContainsKey(address) && (!_machines.TryGetValue(address, out Machine? owner) || !owner.Address.Equals(address) || owner.Process is null or { IsGone: true });

    /// <summary>Who is at an address, or was there last.</summary>
    public Machine? WhoIs(string remoteAddress)
    {
        (IPAddress? address, int port) = IPEndPoint.TryParse(remoteAddress, out IPEndPoint? end) ? (end.Address, end.Port) : (null, 0);
        return address is null ? null : _nats.TryGetValue(address, out SimulatedNat? nat) ? nat.WhoIs(port) : _machines.GetValueOrDefault(address);
    }

    /// <summary>What lies between two machines, one way.</summary>
    public NetworkConditions PathOf(Machine from, Machine to) => _paths.Count > 0 && _paths.TryGetValue((from, to), out NetworkConditions? own) ? own : Everywhere;

    /// <summary>Gives the ways between two machines conditions of their own.</summary>
    public NetworkConditions PathBetween(Machine a, Machine b, bool bothWays)
    {
        NetworkConditions? there = _paths.GetValueOrDefault((a, b));
        if (there is not null && bothWays == (_paths.GetValueOrDefault((b, a)) == there))
        {
            return there;
        }

        NetworkConditions own = PathOf(a, b).Copy();
        _paths[(a, b)] = own;
        if (bothWays)
        {
            _paths[(b, a)] = own;
        }

        return own;
    }

    /// <summary>Whether a segment gets through at this moment.</summary>
    public bool Carries(Direction direction) =>
        !direction.From.Cable.IsSevered && direction.To.Process.Machine.Hears && CanPass(direction.From.Process.Machine, direction.To.Process.Machine);

    /// <summary>Whether no partition is between two machines, one way.</summary>
    public bool CanPass(Machine from, Machine to)
    {
        if (_cuts.Count > 0 && from != to)
        {
            foreach (Cut cut in _cuts)
            {
                if (cut.Stops(from, to))
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>Whether one can begin a connection to another now, both being there.</summary>
    public bool CanReach(Machine from, Machine to) =>
        from.Hears && to.Hears && to.Process is { IsGone: false } && CanPass(from, to) && CanPass(to, from) && (to.Nat is null || to.Nat == from.Nat);

    public void Apply(Cut cut) => _cuts.Add(cut);

    /// <summary>Takes a partition away; what it held comes after a while.</summary>
    public bool Remove(Cut cut)
    {
        bool was = _cuts.Remove(cut);
        if (was)
        {
            ReleaseAll();
        }

        return was;
    }

    /// <summary>What was held and need not be any more comes when its sender's system tries again.</summary>
    public void ReleaseAll()
    {
        foreach (Cable wire in Wires)
        {
            Release(wire.Dialer.Out);
            Release(wire.Acceptor.Out);
        }
    }

    /// <summary>Makes a connection that has been agreed to.</summary>
    public TransportConnection Join(HostProcess from, HostProcess to, SimulatedListener listener, IPEndPoint at)
    {
        Machine dialer = from.Machine, acceptor = to.Machine;
        IPEndPoint local = new(IPAddress.IsLoopback(at.Address) ? at.Address : dialer.Address, dialer.NextPort());
        Cable wire = new(this, ++_lastWire, (from, local), (to, at));
        _wires.Add(wire.Id, wire);
        bool translated = dialer.Nat is { } nat && nat != acceptor.Nat;
        IPEndPoint seen = translated ? new IPEndPoint(dialer.Nat!.PublicAddress, dialer.Nat.Map(dialer)) : local;
        trace.Add(dialer.Name, $"connection {wire.Id} to {acceptor.Name}");
        NetworkConditions path = PathOf(dialer, acceptor);
        if (path.MeanLifetime is { } mean)
        {
            time.Schedule(wire, time.Now + TimeSpan.FromSeconds(Math.Min(-Math.Log(1 - dialer.Random.NextDouble()) * mean.TotalSeconds, TimeSpan.FromDays(3650).TotalSeconds)));
        }

        TransportConnection inbound = new(wire.Acceptor, seen.Address.ToString(), seen.Port) { LocalAddress = at.Address };
        time.Schedule(new Arrival(listener, inbound), time.Now + path.Draw(dialer.Random));
        return new TransportConnection(wire.Dialer, at.Address.ToString(), at.Port) { LocalAddress = local.Address };
    }

    /// <summary>A connection is over.</summary>
    public void Forget(Cable wire)
    {
        time.Cancel(wire);
        _wires.Remove(wire.Id);
    }

    /// <summary>A process is gone.</summary>
    /// <param name="process">Already dead.</param>
    /// <param name="silent">Whether its machine is too: else its system tells the others.</param>
    public void Bury(HostProcess process, bool silent)
    {
        foreach (Cable wire in Of(process))
        {
            WireEnd end = wire.Dialer.Process == process ? wire.Dialer : wire.Acceptor;
            end.In.Discard();
            if (silent)
            {
                end.Out.TakeBack();
            }
            else if (!end.IsClosed)
            {
                end.Out.SendReset();
            }

            wire.ForgetIfOver();
        }
    }

    /// <summary>A machine has another address: its connections lead nowhere, and nobody is told.</summary>
    public void Move(Machine machine, IPAddress to)
    {
        if (machine.Process is { } process)
        {
            foreach (Cable wire in Of(process))
            {
                wire.IsSevered = true;
            }
        }

        machine.Address = to;
        _machines[to] = machine;
    }

    /// <summary>Connections of a process, the oldest first.</summary>
    public IEnumerable<Cable> Of(HostProcess process) => Wires.Where(w => w.Dialer.Process == process || w.Acceptor.Process == process);

    private void Release(Direction direction)
    {
        if (direction.HeldSince is { } since && Carries(direction))
        {
            TimeSpan outage = time.Now - since;
            direction.Release(TimeSpan.FromTicks(random.NextInt64((outage < LongestRetry ? outage : LongestRetry).Ticks + 1)));
        }
    }

    /// <summary>A connection comes to its listener.</summary>
    private sealed class Arrival(SimulatedListener listener, TransportConnection connection) : Scheduled
    {
        public override void Fire() => listener.Offer(connection);
    }
}
