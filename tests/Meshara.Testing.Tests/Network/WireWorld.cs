using System.Net;
using Meshara.Testing.Engine;
using Meshara.Testing.Network;

#pragma warning disable CA2012, VSTHRD002 // The wire is stepped by hand on a virtual clock: nothing is waited for, and what is read has ended.
namespace Meshara.Testing.Tests.Network;

/// <summary>Two machines with a process each, and no engine: the tests fire what is due.</summary>
internal sealed class WireWorld : IDisposable
{
    private const int Port = 4040;

    public WireWorld(int seed = 1)
    {
        Trace = new Trace(Time);
        Net = new Internet(Time, Trace, new Random(seed));
        (A, ProcessA) = Machine("a", "20.0.0.10", seed);
        (B, ProcessB) = Machine("b", "20.1.0.10", seed + 1);
        Net.Everywhere.Jitter = TimeSpan.Zero;
        Net.Everywhere.Latency = TimeSpan.FromMilliseconds(10);
        Listener = new SimulatedListener(ProcessB, IPAddress.Any, Port);
        ProcessB.Listeners.Add(Listener);
    }

    public VirtualTime Time { get; } = new();

    public Trace Trace { get; }

    public Internet Net { get; }

    public Machine A { get; }

    public Machine B { get; }

    public HostProcess ProcessA { get; }

    public HostProcess ProcessB { get; }

    public SimulatedListener Listener { get; }

    /// <summary>A connection from A to B that is there.</summary>
    public (Stream A, Stream B) Connect()
    {
        Listener.Expected++;
        TransportConnection a = Net.Join(ProcessA, ProcessB, Listener, new IPEndPoint(B.Address, Port));
        Run(TimeSpan.FromSeconds(1));

        // It waits there already.
        return (a.Stream, Listener.AcceptAsync(CancellationToken.None).Result!.Stream);
    }

    /// <summary>Fires what is due within a time from now.</summary>
    public void Run(TimeSpan time)
    {
        bool there = false;
        using ITimer stop = Time.CreateTimer(_ => there = true, null, time, Timeout.InfiniteTimeSpan);
        while (!there)
        {
            Time.FireNext();
        }
    }

    /// <summary>Fires what is due until something is so, and tells how long that took.</summary>
    public TimeSpan RunUntil(Func<bool> condition)
    {
        TimeSpan began = Time.Now;
        while (!condition())
        {
            if (!Time.FireNext())
            {
                throw new InvalidOperationException("It will never be so.");
            }
        }

        return Time.Now - began;
    }

    public void Dispose() => Trace.Dispose();

    private (Machine, HostProcess) Machine(string name, string address, int seed)
    {
        Machine machine = new(name, IPAddress.Parse(address), nat: null, new Random(seed));
        HostProcess process = new(machine, new NodeTime(Time));
        machine.Process = process;
        Net.Add(machine);
        return (machine, process);
    }
}
