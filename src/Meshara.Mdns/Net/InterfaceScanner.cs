using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Meshara.Mdns.Wire;
using Microsoft.Extensions.Logging;

namespace Meshara.Mdns.Net;

/// <summary>Finds the interfaces that multicast DNS is to use: up, with multicast, neither loopback nor point-to-point nor a port of a bridge.</summary>
internal sealed class InterfaceScanner(Func<NetworkInterface, bool>? filter, ILogger log)
{
    /// <summary>Most addresses of a family that are looked at of one interface. Fewer are told (<see cref="Engine.LinkZone.MaxAddresses"/>), of those that a service may tell: its own may be among the last.</summary>
    public const int MaxAddresses = 64;

    // Those that could not be looked at the last time, and why.
    private Dictionary<string, string> _faults = [];

    /// <summary>What there is; false: an address is not ready yet.</summary>
    /// <exception cref="NetworkInformationException">The system does not list its interfaces; that says nothing of those that are known.</exception>
    public (IReadOnlyList<LocalInterface> Interfaces, bool IsSettled) Scan()
    {
        LinuxInterfaces? linux = OperatingSystem.IsLinux() ? LinuxInterfaces.Read() : null;
        List<(int Rank, LocalInterface Interface)> found = [];
        Dictionary<string, string> faults = [];
        bool isSettled = true;
        foreach (NetworkInterface candidate in NetworkInterface.GetAllNetworkInterfaces())
        {
            try
            {
                IPInterfaceProperties properties = candidate.GetIPProperties();
                int? index = IndexOf(candidate, properties) ?? linux?.Index(candidate.Name);
                if (index is null || !CarriesMulticast(candidate) || linux?.IsUsable(candidate.Name, index.Value) == false || (filter is not null && !filter(candidate)))
                    continue;
                if (Read(candidate, properties, index.Value, linux, ref isSettled) is { Addresses.Count: > 0 } local)
                    found.Add((linux?.Rank(candidate.Name) ?? Rank(candidate), local));
            }
            catch (NetworkInformationException)
            {
                // Gone between being listed and being read; the next scan will say.
            }
            catch (Exception e)
            {
                // The program's filter, or a system that tells of this one in words that the framework does not know: the others are used.
                faults[candidate.Name] = e.Message;
                if (_faults.GetValueOrDefault(candidate.Name) != e.Message)
                    Log.InterfaceFailed(log, candidate.Name, e.Message);
            }
        }

        _faults = faults;
        return ([.. found.OrderBy(static f => f.Rank).ThenBy(static f => f.Interface.Index).Select(static f => f.Interface)], isSettled);
    }

    // Some kinds (dummy, tap) do not tell whether they are up: they count as up when their flags do not say otherwise.
    private static bool CarriesMulticast(NetworkInterface candidate) =>
        candidate.SupportsMulticast
        && candidate.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown
        && candidate.NetworkInterfaceType is not (NetworkInterfaceType.Loopback or NetworkInterfaceType.Ppp or NetworkInterfaceType.Slip);

    private static LocalInterface Read(NetworkInterface candidate, IPInterfaceProperties properties, int index, LinuxInterfaces? linux, ref bool isSettled)
    {
        List<(int Rank, LocalAddress Address)> addresses = [];
        foreach (UnicastIPAddressInformation unicast in properties.UnicastAddresses)
        {
            bool isIPv6 = unicast.Address.AddressFamily == AddressFamily.InterNetworkV6;
            if ((isIPv6 && linux is not null) || unicast.Address.IsIPv4MappedToIPv6 || IPAddress.IsLoopback(unicast.Address))
                continue;
            if (OperatingSystem.IsWindows() && unicast.DuplicateAddressDetectionState != DuplicateAddressDetectionState.Preferred)
            {
                isSettled &= unicast.DuplicateAddressDetectionState != DuplicateAddressDetectionState.Tentative;
                continue;
            }

            addresses.Add((RankOf(unicast), new LocalAddress(unicast.Address.OnInterface(index), unicast.PrefixLength)));
        }

        foreach (LinuxAddress address in linux?.IPv6Of(candidate.Name) ?? [])
        {
            isSettled &= !address.IsTentative;
            if (address.IsUsable)
                addresses.Add((address.Rank, new LocalAddress(address.Address.OnInterface(index), address.PrefixLength)));
        }

        IEnumerable<LocalAddress> sorted = addresses.OrderBy(static a => a.Rank).Select(static a => a.Address).Distinct();
        return new LocalInterface(index, candidate.Name, [.. sorted.GroupBy(static a => a.IsIPv6).SelectMany(static family => family.Take(MaxAddresses))]);
    }

    private static int? IndexOf(NetworkInterface candidate, IPInterfaceProperties properties) =>
        candidate.Supports(NetworkInterfaceComponent.IPv4) ? properties.GetIPv4Properties().Index
        : candidate.Supports(NetworkInterfaceComponent.IPv6) ? properties.GetIPv6Properties().Index
        : null;

    // Link-local first for IPv6, addresses that will stay before temporary ones.
    private static int RankOf(UnicastIPAddressInformation address) =>
        address.Address.IsIPv6LinkLocal ? 0 : OperatingSystem.IsWindows() && address.SuffixOrigin == SuffixOrigin.Random ? 2 : 1;

    private static int Rank(NetworkInterface candidate) =>
        candidate.GetIPProperties().GatewayAddresses.Count > 0 ? 0
        : candidate.NetworkInterfaceType is NetworkInterfaceType.Ethernet or NetworkInterfaceType.Wireless80211 ? 1
        : 2;
}
