using System.Net;
using System.Net.Sockets;

namespace Meshara.Net;

/// <summary>Host names to addresses, in the order in which they are tried.</summary>
internal static class TcpNames
{
    // RFC 1035 section 2.3.4; the framework throws ArgumentException beyond.
    private const int MaxName = 255;

    /// <summary>At least one address; throws <see cref="MesharaErrorCode.NameNotResolved"/> otherwise.</summary>
    public static async ValueTask<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (IPAddress.TryParse(host, out IPAddress? literal))
        {
            return [literal.IsIPv4MappedToIPv6 ? literal.MapToIPv4() : literal];
        }

        if (host.TrimEnd('.').Equals("localhost", StringComparison.OrdinalIgnoreCase))
        {
            return Socket.OSSupportsIPv6 ? [IPAddress.Loopback, IPAddress.IPv6Loopback] : [IPAddress.Loopback];
        }

        // The look-up itself cannot be cancelled on Unix: it goes on alone and its outcome, which never faults, is dropped.
        (IPAddress[] addresses, SocketException? error) = await LookUpAsync(host).WaitAsync(cancellationToken).ConfigureAwait(false);
        return addresses.Length > 0 ? addresses : throw TcpErrors.NameNotResolved(host, error);
    }

    private static async Task<(IPAddress[] Addresses, SocketException? Error)> LookUpAsync(string host)
    {
        if (host.Length > MaxName)
        {
            return ([], null);
        }

        try
        {
            return (await Dns.GetHostAddressesAsync(host).ConfigureAwait(false), null);
        }
        catch (SocketException e)
        {
            return ([], e);
        }
        catch (ArgumentException)
        {
            // Not a name at all.
            return ([], null);
        }
    }
}
