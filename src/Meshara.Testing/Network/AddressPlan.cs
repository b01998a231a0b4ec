using System.Net;

namespace Meshara.Testing.Network;

/// <summary>Gives out addresses so that no limit by network is met by chance: two in a /24, sixteen in a /16. Private networks are 10.x.y.0/24.</summary>
internal sealed class AddressPlan
{
    /// <summary>Public addresses in a network of 256.</summary>
    public const int InA24 = 2;

    /// <summary>Public addresses in a network of 65,536.</summary>
    public const int InA16 = 16;

    // 20.0.0.0 is public, and so are the next 10 networks of that size.
    private const int First = 20;
    private const int Most = 10 * 256;
    private const int MostInside = 200;

    private readonly Dictionary<SimulatedNat, int> _inside = [];
    private int _given;
    private int _nats;

    /// <summary>Public addresses in a network of 65,536 of this run, at most <see cref="InA16"/>. Set before the first is given out.</summary>
    public int Neighbours { get; set; } = InA16;

    /// <summary>The next public address.</summary>
    public IPAddress Next()
    {
        if (_given == Most * Neighbours)
        {
            throw new InvalidOperationException($"A simulation has {Most * Neighbours} public addresses.");
        }

        int index = _given++;
        int network = index / Neighbours, within = index % Neighbours;
        return new IPAddress([(byte)(First + network / 256), (byte)(network % 256), (byte)(within / InA24), (byte)(10 + within % InA24)]);
    }

    /// <summary>A router with a network behind it.</summary>
    public SimulatedNat NextNat()
    {
        int index = _nats++;
        return new SimulatedNat(Next(), new IPNetwork(new IPAddress([10, (byte)(index / 256), (byte)(index % 256), 0]), 24));
    }

    /// <summary>The next private address behind a router.</summary>
    public IPAddress Next(SimulatedNat nat)
    {
        int index = _inside.GetValueOrDefault(nat);
        if (index == MostInside)
        {
            throw new InvalidOperationException($"A network behind a NAT has {MostInside} addresses.");
        }

        _inside[nat] = index + 1;
        byte[] bytes = nat.Inside.BaseAddress.GetAddressBytes();
        bytes[3] = (byte)(10 + index);
        return new IPAddress(bytes);
    }
}
