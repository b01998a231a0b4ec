using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Meshara.Core.Policy;

namespace Meshara.Discovery;

/// <summary>The interfaces of this machine and what is on-link to them.</summary>
internal static class LanScan
{
    /// <summary>Those that are up, loopback and lines between two points not among them.</summary>
    public static IReadOnlyList<LanInterface> Now()
    {
        try
        {
            return Of(NetworkInterface.GetAllNetworkInterfaces());
        }
        catch (Exception)
        {
            // A sandbox may hide them, by whatever error; nothing is near then.
            return [];
        }
    }

    /// <summary>The same of these.</summary>
    public static IReadOnlyList<LanInterface> Of(IEnumerable<NetworkInterface> interfaces) => [.. interfaces.Select(Of).OfType<LanInterface>()];

    private static LanInterface? Of(NetworkInterface n)
    {
        try
        {
            if (n.OperationalStatus is not (OperationalStatus.Up or OperationalStatus.Unknown) || n.NetworkInterfaceType is NetworkInterfaceType.Loopback or NetworkInterfaceType.Ppp)
            {
                return null;
            }

            IPInterfaceProperties properties = n.GetIPProperties();
            UnicastIPAddressInformation[] addresses = [.. properties.UnicastAddresses];
            int? index = IndexOf(n, properties);
            return index is null ? null : new LanInterface(
                index.Value,
                OperatingSystem.IsWindows() ? index.Value.ToString(System.Globalization.CultureInfo.InvariantCulture) : n.Name,
                [.. addresses.Select(static a => a.Address)],
                [.. addresses.Select(static a => Network(a.Address, a.PrefixLength))]);
        }
        catch (Exception)
        {
            // It went while it was looked at, or its driver throws what no documentation names: that must not end the search on the others.
            return null;
        }
    }

    private static int? IndexOf(NetworkInterface n, IPInterfaceProperties properties)
    {
        try
        {
            return n.Supports(NetworkInterfaceComponent.IPv4) ? properties.GetIPv4Properties().Index : properties.GetIPv6Properties().Index;
        }
        catch (NetworkInformationException)
        {
            return null;
        }
    }

    private static IPNetwork Network(IPAddress address, int length)
    {
        byte[] bytes = address.GetAddressBytes();
        length = Math.Clamp(length, 0, bytes.Length * 8);
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] &= (byte)(0xFF00 >> Math.Clamp(length - (8 * i), 0, 8));
        }

        return new IPNetwork(new IPAddress(bytes), address.AddressFamily == AddressFamily.InterNetwork ? Math.Min(length, 32) : length);
    }
}
