using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Meshara.Wire;

namespace Meshara.Core.Policy;

/// <summary>A group of addresses: a prefix of IPv4 or IPv6, or one DNS name. The default value is this machine itself.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct AddressKey
{
    /// <summary>What <see cref="Write"/> writes, in bytes.</summary>
    public const int Size = 18;

    private const string NamePrefix = "name:";

    private AddressKey(Bits128 bits, byte length, AddressKeyKind kind)
    {
        Bits = bits;
        Length = length;
        Kind = kind;
    }

    public AddressKeyKind Kind { get; }

    /// <summary>Of a prefix: its bits, from the highest on. Of a name: 128 bits of its SHA-256.</summary>
    public Bits128 Bits { get; }

    /// <summary>Bits of the prefix.</summary>
    public byte Length { get; }

    /// <summary>The first bits of an address, which is taken as it is: no tunnel is decoded.</summary>
    /// <param name="address">IPv4 or IPv6.</param>
    /// <param name="length">At most the bits of the address.</param>
    public static AddressKey Prefix(IPAddress address, int length)
    {
        bool v4 = address.AddressFamily == AddressFamily.InterNetwork;
        return new(BitsOf(address) & Bits128.Ones(length), (byte)length, v4 ? AddressKeyKind.IPv4 : AddressKeyKind.IPv6);
    }

    /// <summary>A DNS name in its normal form.</summary>
    public static AddressKey Name(string name)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(name), hash);
        return new(Bits128.Read(hash), 128, AddressKeyKind.Name);
    }

    /// <summary>Reads what <see cref="ToString"/> wrote; anything else is null.</summary>
    public static AddressKey? TryParse(string text)
    {
        if (text.Length == 0)
        {
            return default(AddressKey);
        }

        if (text.StartsWith(NamePrefix, StringComparison.Ordinal))
        {
            return Bits128.TryParse(text.AsSpan(NamePrefix.Length)) is { } bits
                ? new AddressKey(bits, 128, AddressKeyKind.Name)
                : null;
        }

        return IPNetwork.TryParse(text, out IPNetwork network) ? Prefix(network.BaseAddress, network.PrefixLength) : null;
    }

    /// <summary>The bits of an address, from the highest on: those of IPv4 are the first 32.</summary>
    public static Bits128 BitsOf(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[Bits128.Size];
        bytes.Clear();
        address.TryWriteBytes(bytes, out _);
        return Bits128.Read(bytes);
    }

    /// <summary>What is hashed for it.</summary>
    /// <param name="destination">At least <see cref="Size"/> bytes.</param>
    public void Write(Span<byte> destination)
    {
        Bits.Write(destination);
        destination[Bits128.Size] = Length;
        destination[Bits128.Size + 1] = (byte)Kind;
    }

    /// <summary>The prefix in CIDR notation, or the hash of a name; empty: this machine. At most 64 characters, as stores want it.</summary>
    public override string ToString()
    {
        switch (Kind)
        {
            case AddressKeyKind.Self:
                return "";
            case AddressKeyKind.Name:
                return NamePrefix + Bits;
            default:
                Span<byte> bytes = stackalloc byte[Bits128.Size];
                Bits.Write(bytes);
                return $"{new IPAddress(Kind == AddressKeyKind.IPv4 ? bytes[..4] : bytes)}/{Length}";
        }
    }
}

internal enum AddressKeyKind : byte
{
    Self,
    IPv4,
    IPv6,
    Name,
}

/// <summary>The groups of one address, from narrow to wide.</summary>
/// <param name="Address">One customer: IPv4 /32, IPv6 /56.</param>
/// <param name="Network">One network: IPv4 /24, IPv6 /48.</param>
/// <param name="Wide">One provider: IPv4 /16, IPv6 /32.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct AddressKeys(AddressKey Address, AddressKey Network, AddressKey Wide);
