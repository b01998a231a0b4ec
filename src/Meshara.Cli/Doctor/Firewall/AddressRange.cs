using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Meshara.Cli.Doctor.Firewall;

/// <summary>Addresses of one family, from the first to the last.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct AddressRange(bool IsIPv6, UInt128 First, UInt128 Last)
{
    /// <summary>All addresses of a family.</summary>
    public static AddressRange All(bool isIPv6) => new(isIPv6, UInt128.Zero, isIPv6 ? UInt128.MaxValue : uint.MaxValue);

    /// <summary>A network, of which one address is known.</summary>
    public static AddressRange Network(IPAddress address, int length)
    {
        bool isIPv6 = address.AddressFamily == AddressFamily.InterNetworkV6;
        int bits = isIPv6 ? 128 : 32;
        UInt128 host = length >= bits ? UInt128.Zero : (All(isIPv6).Last >> Math.Max(0, length));
        UInt128 first = Bits(address) & ~host;
        return new(isIPv6, first, first | host);
    }

    /// <summary><c>10.0.0.1</c>, <c>10.0.0.0/8</c>, <c>10.0.0.0/255.0.0.0</c>, <c>10.0.0.1-10.0.0.9</c>, and the same of IPv6.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out AddressRange? range)
    {
        range = null;
        if (text.Split('-') is [var low, var high])
        {
            if (IPAddress.TryParse(low, out IPAddress? first) && IPAddress.TryParse(high, out IPAddress? last) && first.AddressFamily == last.AddressFamily)
            {
                range = new AddressRange(first.AddressFamily == AddressFamily.InterNetworkV6, Bits(first), Bits(last));
            }

            return range is not null;
        }

        string[] parts = text.Split('/');
        if (parts.Length > 2 || !IPAddress.TryParse(parts[0], out IPAddress? address))
        {
            return false;
        }

        int most = address.AddressFamily == AddressFamily.InterNetworkV6 ? 128 : 32;
        int length = parts.Length == 1 ? most
            : int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number
            : IPAddress.TryParse(parts[1], out IPAddress? mask) && mask.AddressFamily == address.AddressFamily ? MaskLength(Bits(mask), most) : -1;
        range = length >= 0 && length <= most ? Network(address, length) : null;
        return range is not null;
    }

    /// <summary>Whether an address of this range is in another.</summary>
    public Truth IsIn(AddressRange other) =>
        IsIPv6 != other.IsIPv6 || Last < other.First || First > other.Last ? Truth.No
        : First >= other.First && Last <= other.Last ? Truth.Yes
        : Truth.Maybe;

    // -1: a mask with holes, of which nothing is said.
    private static int MaskLength(UInt128 mask, int most)
    {
        int length = BitOperations.PopCount((ulong)(mask >> 64)) + BitOperations.PopCount((ulong)mask);
        return mask == (All(most == 128).Last & ~(length >= most ? UInt128.Zero : All(most == 128).Last >> length)) ? length : -1;
    }

    private static UInt128 Bits(IPAddress address)
    {
        UInt128 bits = UInt128.Zero;
        foreach (byte part in address.GetAddressBytes())
        {
            bits = (bits << 8) | part;
        }

        return bits;
    }
}
