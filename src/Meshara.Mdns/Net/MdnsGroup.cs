using System.Net;

namespace Meshara.Mdns.Net;

/// <summary>The addresses of multicast DNS (RFC 6762 section 3).</summary>
internal static class MdnsGroup
{
    public static readonly IPAddress IPv4 = new([224, 0, 0, 251]);

    public static readonly IPAddress IPv6 = IPAddress.Parse("ff02::fb");

    /// <summary>Whether a packet's destination is the group itself, whatever scope the system wrote on it.</summary>
    public static bool Is(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int size);
        Span<byte> group = stackalloc byte[16];
        (size == 4 ? IPv4 : IPv6).TryWriteBytes(group, out int same);
        return bytes[..size].SequenceEqual(group[..same]);
    }
}
