using System.Net;
using System.Net.NetworkInformation;

namespace Meshara.Cli.Rendering;

/// <summary>The scope of link-local addresses by the name of their interface, as the node's own lines and <c>ip</c> have it, and not by its number. Windows knows numbers only.</summary>
/// <param name="names">Of interfaces, by their numbers.</param>
internal sealed class Scope(IReadOnlyDictionary<int, string> names)
{
    private static Scope _latest = new(new Dictionary<int, string>());

    /// <summary>The interfaces of this machine now; where they cannot be seen, numbers stay.</summary>
    public static Scope OfThisMachine()
    {
        Dictionary<int, string> names = [];
        try
        {
            foreach (NetworkInterface one in OperatingSystem.IsWindows() ? [] : NetworkInterface.GetAllNetworkInterfaces())
            {
                foreach (IPAddress address in one.GetIPProperties().UnicastAddresses.Select(static a => a.Address).Where(static a => a is { IsIPv6LinkLocal: true, ScopeId: not 0 }))
                {
                    names[(int)address.ScopeId] = one.Name;
                }
            }
        }
        catch (Exception)
        {
            // A sandbox hides them, or one of them goes while it is looked at.
            return new Scope(new Dictionary<int, string>());
        }

        return new Scope(names);
    }

    /// <summary><c>[fe80::1%eth0]:4040</c>.</summary>
    public string Show(IPEndPoint end) =>
        end.Address is { IsIPv6LinkLocal: true } address && names.TryGetValue((int)address.ScopeId, out string? name) ? $"[{Bare(address)}%{name}]:{end.Port}" : end.ToString();

    /// <summary>The same of an address as the library writes it; what is no link-local address with a number stays as it is.</summary>
    public string Show(string address) => LinkLocalOf(address) is { } end ? Show(end) : address;

    /// <summary>As <see cref="Show(string)"/>, by the interfaces of this machine, which are looked at again for a number that is new.</summary>
    public static string ShowHere(string address)
    {
        if (LinkLocalOf(address) is not { } end)
        {
            return address;
        }

        Scope scope = Volatile.Read(ref _latest);
        if (!scope.Knows(end.Address))
        {
            scope = OfThisMachine();
            Volatile.Write(ref _latest, scope);
        }

        return scope.Show(end);
    }

    /// <summary>Whether nothing is missing to show it.</summary>
    public bool Knows(IPAddress address) => !address.IsIPv6LinkLocal || names.ContainsKey((int)address.ScopeId);

    /// <summary>The address without its scope.</summary>
    public static IPAddress Bare(IPAddress address) => address.IsIPv6LinkLocal ? new IPAddress(address.GetAddressBytes()) : address;

    private static IPEndPoint? LinkLocalOf(string address) =>
        address.Contains('%', StringComparison.Ordinal) && IPEndPoint.TryParse(address, out IPEndPoint? end) && end.Address is { IsIPv6LinkLocal: true, ScopeId: not 0 } ? end : null;
}
