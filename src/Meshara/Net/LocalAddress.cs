using System.Net;
using System.Net.NetworkInformation;
using System.Runtime.InteropServices;

namespace Meshara.Net;

/// <summary>An address of an interface of this machine.</summary>
/// <param name="Interface">The interface's name.</param>
/// <param name="Address">The address; link-local ones with their scope.</param>
/// <param name="IsUp">Whether the interface can carry something: it is switched on, and its cable is in.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct LocalAddress(string Interface, IPAddress Address, bool IsUp)
{
    /// <summary>The addresses of this machine now; null: the system does not tell, as in some sandboxes.</summary>
    public static IReadOnlySet<LocalAddress>? Scan()
    {
        try
        {
            HashSet<LocalAddress> found = [];
            foreach (NetworkInterface one in NetworkInterface.GetAllNetworkInterfaces())
            {
                foreach (UnicastIPAddressInformation address in one.GetIPProperties().UnicastAddresses)
                {
                    found.Add(new LocalAddress(one.Name, address.Address, CanCarry(one.OperationalStatus)));
                }
            }

            return found;
        }
        catch (Exception)
        {
            // Also when an interface goes while it is looked at; from a timer's thread any fault would end the process. The next look is soon.
            return null;
        }
    }

    // Tunnels do not tell their state.
    private static bool CanCarry(OperationalStatus status) => status is OperationalStatus.Up or OperationalStatus.Unknown;
}
