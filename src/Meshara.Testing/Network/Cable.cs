using System.Net;
using Meshara.Testing.Engine;

namespace Meshara.Testing.Network;

/// <summary>One connection between two processes: two ends, two ways.</summary>
internal sealed class Cable : Scheduled
{
    private readonly Internet _net;

    /// <summary>Creates a connection.</summary>
    /// <param name="net">The network it is part of.</param>
    /// <param name="id">Its number.</param>
    /// <param name="dialer">Who dialled, and its address on its own machine.</param>
    /// <param name="acceptor">Who is dialled, and its address.</param>
    public Cable(Internet net, long id, (HostProcess Process, IPEndPoint Local) dialer, (HostProcess Process, IPEndPoint Local) acceptor)
    {
        _net = net;
        Id = id;
        Dialer = new WireEnd(net, this, dialer.Process, dialer.Local);
        Acceptor = new WireEnd(net, this, acceptor.Process, acceptor.Local);
        Dialer.Out = Acceptor.In = new Direction(net, Dialer, Acceptor, id << 1);
        Acceptor.Out = Dialer.In = new Direction(net, Acceptor, Dialer, (id << 1) | 1);
    }

    public long Id { get; }

    public WireEnd Dialer { get; }

    public WireEnd Acceptor { get; }

    /// <summary>Whether one of the machines has moved: nothing goes through any more, and nobody is told.</summary>
    public bool IsSevered { get; set; }

    /// <summary>Both ends get an error, at once.</summary>
    public void Reset()
    {
        _net.Trace.Add(Dialer.Process.Machine.Name, $"reset of connection {Id} with {Acceptor.Process.Machine.Name}");
        Dialer.In.Clear();
        Acceptor.In.Clear();
        Dialer.ResetArrived();
        Acceptor.ResetArrived();
    }

    /// <summary>Nobody is left at either end: what is under way matters to nobody.</summary>
    public void ForgetIfOver()
    {
        if ((Dialer.IsClosed || Dialer.IsOrphan) && (Acceptor.IsClosed || Acceptor.IsOrphan))
        {
            Dialer.In.Clear();
            Acceptor.In.Clear();
            _net.Forget(this);
        }
    }

    /// <summary>Its life has ended by chance.</summary>
    public override void Fire() => Reset();
}
