using System.Net;
using Meshara.Testing.Engine;

namespace Meshara.Testing.Network;

/// <summary>One run of a node's program, from its start to its end or to the moment at which it is killed.</summary>
internal sealed class HostProcess(Machine machine, NodeTime time)
{
    private readonly Queue<IWakeable> _asleep = new();

    /// <summary>Where it runs.</summary>
    public Machine Machine => machine;

    /// <summary>Its clock.</summary>
    public NodeTime Time => time;

    /// <summary>Where it listens.</summary>
    public List<SimulatedListener> Listeners { get; } = [];

    /// <summary>Whether it has ended.</summary>
    public bool IsGone => time.State == ClockState.Dead;

    /// <summary>Whether it runs at this moment.</summary>
    public bool Runs => time.State == ClockState.Running;

    /// <summary>Tells it, now or when it runs again; a process that is gone hears nothing.</summary>
    public void Wake(IWakeable what)
    {
        if (Runs)
        {
            what.WakeNow();
        }
        else if (!IsGone)
        {
            _asleep.Enqueue(what);
        }
    }

    /// <summary>It runs again, and hears what happened meanwhile.</summary>
    public void Continue()
    {
        time.Continue();
        while (_asleep.TryDequeue(out IWakeable? what))
        {
            what.WakeNow();
        }
    }

    /// <summary>It is gone.</summary>
    public void Die()
    {
        time.Stop(ClockState.Dead);
        _asleep.Clear();
        Listeners.Clear();
    }

    /// <summary>Who takes a connection to this address; null: nobody.</summary>
    public SimulatedListener? ListenerAt(IPEndPoint at) => Listeners.Find(l => l.Takes(at));
}
