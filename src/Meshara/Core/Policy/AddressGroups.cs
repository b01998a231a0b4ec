using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Meshara.Wire;

namespace Meshara.Core.Policy;

/// <summary>Which addresses belong together: what one party can have many of, counts as one. Immutable; when the interfaces change a new one is made.</summary>
/// <remarks>
/// A tunnel address (6to4, NAT64, Teredo) belongs to the IPv4 address in it: that is what it costs. Trust and on-link are judged of the
/// address itself, only IPv4-mapped ones are decoded: whoever writes 10.0.0.1 into a 6to4 address is not in this network.
/// </remarks>
internal sealed class AddressGroups
{
    // An interface with a wider prefix says nothing about who is near: a VPN that takes all has 0.0.0.0/0.
    private const int WidestOnLinkV4 = 8, WidestOnLinkV6 = 32;

    private readonly Prefix[] _trusted;
    private readonly Prefix[] _onLink;

    /// <summary>Groups as they are until the interfaces change.</summary>
    /// <param name="trusted">Ranges that no limit applies to, loopback among them if it is trusted.</param>
    /// <param name="interfaces">The prefixes of this machine's interfaces; none: nothing is on-link. Those of loopback are passed over.</param>
    public AddressGroups(IEnumerable<IPNetwork> trusted, IEnumerable<IPNetwork> interfaces)
    {
        _trusted = Prefixes(trusted, (0, 0));
        _onLink = Prefixes(interfaces, (WidestOnLinkV4, WidestOnLinkV6));
    }

    /// <summary>The loopback ranges of both families.</summary>
    public static IReadOnlyList<IPNetwork> Loopback { get; } = [new(IPAddress.Parse("127.0.0.0"), 8), new(IPAddress.IPv6Loopback, 128)];

    /// <summary>Whether the address is in a trusted range.</summary>
    public bool IsTrusted(IPAddress address) => Contains(_trusted, Unmap(address));

    /// <summary>Whether the address is on a network of an interface of this machine. Loopback never is.</summary>
    public bool IsOnLink(IPAddress address)
    {
        IPAddress plain = Unmap(address);
        return !IPAddress.IsLoopback(plain) && Contains(_onLink, plain);
    }

    /// <summary>The keys by which limits count an address, trusted or not.</summary>
    public static AddressKeys KeysOf(IPAddress address)
    {
        IPAddress real = Decode(address);
        return real.AddressFamily == AddressFamily.InterNetwork
            ? new(AddressKey.Prefix(real, 32), AddressKey.Prefix(real, 24), AddressKey.Prefix(real, 16))
            : new(AddressKey.Prefix(real, 56), AddressKey.Prefix(real, 48), AddressKey.Prefix(real, 32));
    }

    /// <summary>The address itself as a key. The scope does not count: link-local addresses are compared by their bits.</summary>
    public static AddressKey Whole(IPAddress address)
    {
        IPAddress plain = Unmap(address);
        return AddressKey.Prefix(plain, plain.AddressFamily == AddressFamily.InterNetwork ? 32 : 128);
    }

    /// <summary>The group in which an address counts for diversity: its provider; a trusted or on-link address is a group of its own.</summary>
    public AddressKey GroupOf(IPAddress address) => IsTrusted(address) || IsOnLink(address) ? Whole(address) : KeysOf(address).Wide;

    /// <summary>As <see cref="GroupOf(IPAddress)"/>; a DNS name is a group of its own.</summary>
    /// <param name="host">As in <see cref="PeerAddress.Host"/>.</param>
    public AddressKey GroupOf(string host) => TryParse(host, out IPAddress? address) ? GroupOf(address) : AddressKey.Name(host);

    /// <summary>The IP address that a host is, without its scope; false: it is a name.</summary>
    /// <param name="host">As in <see cref="PeerAddress.Host"/>.</param>
    /// <param name="address">The address.</param>
    public static bool TryParse(string host, [NotNullWhen(true)] out IPAddress? address)
    {
        // The framework would ask the system for the number of the interface.
        int scope = host.IndexOf('%', StringComparison.Ordinal);
        return IPAddress.TryParse(scope < 0 ? host : host.AsSpan(0, scope), out address);
    }

    /// <summary>The group of one who names addresses.</summary>
    /// <param name="from">Where its connection comes from; null: this machine.</param>
    /// <remarks>An on-link source counts by <see cref="AddressKeys.Address"/>: in its own /64 a machine has as many addresses as it likes.</remarks>
    public AddressKey SourceGroupOf(IPAddress? from) =>
        from is null ? default
        : IsTrusted(from) ? Whole(from)
        : IsOnLink(from) ? KeysOf(from).Address
        : KeysOf(from).Wide;

    /// <summary>The IPv4 address that is in an IPv4-mapped (RFC 4291), 6to4 (RFC 3056), NAT64 (RFC 6052) or Teredo (RFC 4380) address; else the address itself.</summary>
    public static IPAddress Decode(IPAddress address)
    {
        IPAddress plain = Unmap(address);
        if (plain.AddressFamily == AddressFamily.InterNetwork)
        {
            return plain;
        }

        Span<byte> b = stackalloc byte[16];
        plain.TryWriteBytes(b, out _);
        if (b is [0x20, 0x02, ..])
        {
            return new IPAddress(b[2..6]);
        }

        if (b is [0x00, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0, ..])
        {
            return new IPAddress(b[12..]);
        }

        if (b is [0x20, 0x01, 0, 0, ..])
        {
            ReadOnlySpan<byte> inverted = [(byte)~b[12], (byte)~b[13], (byte)~b[14], (byte)~b[15]];
            return new IPAddress(inverted);
        }

        return plain;
    }

    private static Prefix[] Prefixes(IEnumerable<IPNetwork> networks, (int V4, int V6) widest)
    {
        List<Prefix> prefixes = [];
        foreach (IPNetwork network in networks)
        {
            Prefix prefix = Prefix.Of(network);
            if (prefix.Length >= (prefix.V4 ? widest.V4 : widest.V6))
                prefixes.Add(prefix);
        }

        return [.. prefixes];
    }

    private static IPAddress Unmap(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private static bool Contains(Prefix[] prefixes, IPAddress address)
    {
        bool v4 = address.AddressFamily == AddressFamily.InterNetwork;
        Bits128 bits = AddressKey.BitsOf(address);
        foreach (Prefix prefix in prefixes)
        {
            if (prefix.V4 == v4 && (bits & Bits128.Ones(prefix.Length)) == prefix.Bits)
                return true;
        }

        return false;
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Prefix(Bits128 Bits, int Length, bool V4)
    {
        public static Prefix Of(IPNetwork network)
        {
            IPAddress start = network.BaseAddress;
            int length = network.PrefixLength;

            // ::ffff:10.0.0.0/104 means 10.0.0.0/8.
            if (start.IsIPv4MappedToIPv6 && length >= 96)
            {
                start = start.MapToIPv4();
                length -= 96;
            }

            return new(AddressKey.BitsOf(start) & Bits128.Ones(length), length, start.AddressFamily == AddressFamily.InterNetwork);
        }
    }
}
