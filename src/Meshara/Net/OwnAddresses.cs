using System.Net;
using System.Net.Sockets;

namespace Meshara.Net;

/// <summary>Where this node believes it can be dialled; replaced as a whole when the network changes, read by everybody.</summary>
internal sealed class OwnAddresses
{
    private volatile IReadOnlyList<PeerAddress> _current = [];
    private volatile IReadOnlyList<string> _hostsAndPorts = [];
    private volatile IReadOnlyList<(int Port, AddressFamily Family)> _everywhere = [];

    public IReadOnlyList<PeerAddress> Current
    {
        get => _current;
        set
        {
            _current = value;
            _hostsAndPorts = [.. value.Where(ListenAddresses.MeansTheSameElsewhere).Select(a => a.HostAndPort)];
        }
    }

    /// <summary>Ports on which this node listens at all of its addresses of a family; empty where the operator said what to advertise.</summary>
    public IReadOnlyList<(int Port, AddressFamily Family)> Everywhere
    {
        set => _everywhere = value;
    }

    /// <summary>As HELLO tells them on one connection: the address that the connection has here comes first, as it is right even in the moment before the others are looked up anew.</summary>
    /// <param name="local">This machine's address of the connection; null: unknown.</param>
    public IReadOnlyList<string> On(IPAddress? local)
    {
        IReadOnlyList<string> all = _hostsAndPorts;
        if (local is null || local.IsIPv6LinkLocal)
        {
            return all;
        }

        string[] here = [.. _everywhere.Where(e => e.Family == local.AddressFamily).Select(e => PeerAddress.Join(local.ToString(), e.Port))];
        return here.Length == 0 ? all : [.. here, .. all.Except(here)];
    }
}
