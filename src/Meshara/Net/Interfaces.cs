using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Meshara.Net;

/// <summary>The network interfaces of this machine. A sandbox may hide them; then nothing is known, and nothing refused.</summary>
internal static class Interfaces
{
    /// <summary>Addresses of interfaces that are up, link-local ones with the number of their interface as scope.</summary>
    public static IEnumerable<IPAddress> Addresses() =>
        [.. All()
            .Where(n => n.OperationalStatus == OperationalStatus.Up || n.NetworkInterfaceType == NetworkInterfaceType.Loopback)
            .SelectMany(n => n.GetIPProperties().UnicastAddresses)
            .Select(a => a.Address)];

    /// <summary>The networks that interfaces other than loopback are on.</summary>
    public static IReadOnlyList<IPNetwork> Networks()
    {
        List<IPNetwork> networks = [];
        foreach (NetworkInterface one in All())
        {
            if (one.OperationalStatus != OperationalStatus.Up || one.NetworkInterfaceType == NetworkInterfaceType.Loopback)
                continue;

            foreach (UnicastIPAddressInformation address in one.GetIPProperties().UnicastAddresses)
                networks.Add(new IPNetwork(Masked(address.Address, address.PrefixLength), address.PrefixLength));
        }

        return networks;
    }

    /// <summary>Names, of those that are up.</summary>
    public static IEnumerable<string> Names() => All().Where(n => n.OperationalStatus == OperationalStatus.Up).Select(n => n.Name);

    /// <summary>The name of an interface that leads somewhere, for an example.</summary>
    public static string Example() =>
        All().FirstOrDefault(n => n.OperationalStatus == OperationalStatus.Up && n.NetworkInterfaceType != NetworkInterfaceType.Loopback)?.Name ?? "eth0";

    /// <summary>Whether there is an interface of this number; true where they are hidden.</summary>
    public static bool Exists(long number)
    {
        NetworkInterface[] all = All();
        return all.Length == 0 || all.Any(n => NumberOf(n) == number);
    }

    /// <summary>Whether this machine has any IPv6 address. A kernel whose IPv6 is switched off still makes sockets of it.</summary>
    public static bool HaveIPv6() => Socket.OSSupportsIPv6
        && (CanBindLoopback() || Addresses().Any(a => a.AddressFamily == AddressFamily.InterNetworkV6));

    private static IPAddress Masked(IPAddress address, int length)
    {
        byte[] bytes = address.GetAddressBytes();
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] &= (byte)(0xFF00 >> Math.Clamp(length - (8 * i), 0, 8));
        }

        return new IPAddress(bytes);
    }

    private static bool CanBindLoopback()
    {
        try
        {
            using Socket probe = new(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
            probe.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static int NumberOf(NetworkInterface n)
    {
        try
        {
            return n.GetIPProperties().GetIPv6Properties().Index;
        }
        catch (NetworkInformationException)
        {
            // One without IPv6.
            return -1;
        }
    }

    private static NetworkInterface[] All()
    {
        try
        {
            return NetworkInterface.GetAllNetworkInterfaces();
        }
        catch (NetworkInformationException)
        {
            return [];
        }
    }
}
