using System.Net;
using Meshara.Core.Policy;

namespace Meshara.Tests.Core.Policy;

/// <summary>One interface of this machine (10.0.0.1/16, fe80::1), and what is announced on it.</summary>
internal static class LanBed
{
    public static LanInterface Eth { get; } = new(
        2,
        "eth0",
        [IPAddress.Parse("10.0.0.1"), IPAddress.Parse("fe80::1%2"), IPAddress.Parse("2001:db8::1")],
        [IPNetwork.Parse("10.0.0.0/16"), IPNetwork.Parse("fe80::/64"), IPNetwork.Parse("2001:db8::/64")]);

    public static LanInterface Wlan { get; } = new(3, "wlan0", [IPAddress.Parse("192.168.7.1"), IPAddress.Parse("fe80::1%3")], [IPNetwork.Parse("192.168.7.0/24"), IPNetwork.Parse("fe80::/64")]);

    public static IReadOnlySet<int> OwnPorts { get; } = new HashSet<int> { 4040 };

    /// <summary>A node that is announced at one address, by itself unless somebody else is named.</summary>
    public static LanFound Found(NodeId id, string address, int port = 4040, string? from = null, int @interface = 2, string? service = null) =>
        Found(id, service ?? id.ToShortString(), At(address, port, from, @interface));

    public static LanFound Found(NodeId id, string service, params LanAddress[] addresses) => new(service, id, "", addresses);

    public static LanAddress At(string address, int port = 4040, string? from = null, int @interface = 2) =>
        new(IPAddress.Parse(address), port, @interface, IPAddress.Parse(from ?? address));

    /// <summary>An id for each number.</summary>
    public static NodeId Id(int number)
    {
        byte[] bytes = new byte[NodeId.Size];
        BitConverter.TryWriteBytes(bytes.AsSpan(4), number);
        bytes[0] = 0x77;
        return NodeId.FromBytes(bytes);
    }
}
