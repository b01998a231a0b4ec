using System.Net;
using Meshara.Testing.Network;

namespace Meshara.Testing;

/// <summary>A router with one public address and nodes behind it: they reach everybody, among themselves too, and nobody outside reaches them first.</summary>
/// <remarks>Made by <see cref="SimulatedNetwork.AddNat"/>. Others see all nodes behind it at <see cref="PublicAddress"/>, each connection with a port of its own.</remarks>
public sealed class SimulatedNat
{
    private readonly Dictionary<int, Machine> _mapped = [];
    private int _lastPort = IPEndPoint.MaxPort;

    internal SimulatedNat(IPAddress publicAddress, IPNetwork inside) => (PublicAddress, Inside) = (publicAddress, inside);

    /// <summary>Where the nodes behind it seem to be.</summary>
    public IPAddress PublicAddress { get; }

    /// <summary>The private network behind it, a /24.</summary>
    public IPNetwork Inside { get; }

    /// <summary>A port on the outside for a connection of this machine; the oldest of 16,384 is given away again.</summary>
    internal int Map(Machine machine)
    {
        _lastPort = _lastPort >= IPEndPoint.MaxPort ? 49152 : _lastPort + 1;
        _mapped[_lastPort] = machine;
        return _lastPort;
    }

    /// <summary>Whose connection it is that comes from this port; null: nobody's.</summary>
    internal Machine? WhoIs(int port) => _mapped.GetValueOrDefault(port);
}
