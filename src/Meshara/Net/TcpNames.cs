using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Meshara.Net;

/// <summary>Asks for the addresses of one family that a name has, in the order in which they are to be tried (RFC 6724). May throw <see cref="SocketException"/>.</summary>
internal delegate Task<IPAddress[]> LookUp(string host, AddressFamily family);

/// <summary>What a look-up brought; an error is not thrown, so that nobody has to wait for a look-up that nobody needs any more.</summary>
internal sealed record NameAnswer(IPAddress[] Addresses, SocketException? Error);

/// <summary>Host names to addresses.</summary>
internal static class TcpNames
{
    // RFC 1035 section 2.3.4; the framework throws ArgumentException beyond.
    private const int MaxName = 255;

    // A host of containers has hundreds; a message is one line.
    private const int MostNames = 8;

    /// <summary>The resolver of the system.</summary>
    public static Task<IPAddress[]> SystemLookUp(string host, AddressFamily family) => Dns.GetHostAddressesAsync(host, family);

    /// <summary>The addresses of a host that needs no look-up: an IP address, or <c>localhost</c>. Null: a name.</summary>
    /// <param name="host">A name or an address; IPv6 without brackets.</param>
    /// <param name="wrong">A link-local address whose interface is missing or not here: what to do, a sentence. Null: nothing is wrong.</param>
    public static IPAddress[]? WithoutLookUp(string host, out string? wrong)
    {
        wrong = null;
        int percent = host.IndexOf('%', StringComparison.Ordinal);
        if (IPAddress.TryParse(host, out IPAddress? literal) || (percent > 0 && IPAddress.TryParse(host.AsSpan(0, percent), out literal)))
        {
            wrong = WrongScope(host, literal);
            return [literal.IsIPv4MappedToIPv6 ? literal.MapToIPv4() : literal];
        }

        return !host.TrimEnd('.').Equals("localhost", StringComparison.OrdinalIgnoreCase) ? null
            : Socket.OSSupportsIPv6 ? [IPAddress.Loopback, IPAddress.IPv6Loopback]
            : [IPAddress.Loopback];
    }

    /// <summary>All addresses of both families, at least one.</summary>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.NameNotResolved"/>.</exception>
    public static async ValueTask<IPAddress[]> ResolveAllAsync(string host, LookUp lookUp, CancellationToken cancellationToken)
    {
        if (WithoutLookUp(host, out string? wrong) is { } known)
        {
            return wrong is null ? known : throw new MesharaException(MesharaErrorCode.NameNotResolved, wrong);
        }

        NameAnswer[] answers = await Task.WhenAll(StartLookUps(host, lookUp)).WaitAsync(cancellationToken).ConfigureAwait(false);
        IPAddress[] addresses = [.. answers.SelectMany(a => a.Addresses)];
        return addresses.Length > 0 ? addresses : throw NotResolved(host, answers);
    }

    /// <summary>Asks for the IPv6 and the IPv4 addresses, in this order, at the same time (RFC 8305 section 3). The tasks never fault.</summary>
    /// <remarks>A look-up cannot be cancelled on Unix: one that nobody waits for any more ends alone.</remarks>
    public static Task<NameAnswer>[] StartLookUps(string host, LookUp lookUp) => Socket.OSSupportsIPv6
        ? [AskAsync(host, AddressFamily.InterNetworkV6, lookUp), AskAsync(host, AddressFamily.InterNetwork, lookUp)]
        : [AskAsync(host, AddressFamily.InterNetwork, lookUp)];

    /// <summary>The error of a name for which no look-up brought an address.</summary>
    public static MesharaException NotResolved(string host, IEnumerable<NameAnswer> answers)
    {
        // One family without an address says little if the other could not be asked for.
        SocketException[] errors = [.. answers.Select(a => a.Error).OfType<SocketException>()];
        return TcpErrors.NameNotResolved(host, errors.FirstOrDefault(e => TcpErrors.IsSilentNameServer(e.SocketErrorCode)) ?? errors.FirstOrDefault());
    }

    private static async Task<NameAnswer> AskAsync(string host, AddressFamily family, LookUp lookUp)
    {
        if (host.Length > MaxName)
        {
            return new NameAnswer([], null);
        }

        try
        {
            IPAddress[] found = await lookUp(host, family).ConfigureAwait(false);
            return new NameAnswer([.. found.Where(a => a.AddressFamily == family).Distinct()], null);
        }
        catch (SocketException e)
        {
            return new NameAnswer([], e);
        }
        catch (ArgumentException)
        {
            // Not a name at all.
            return new NameAnswer([], null);
        }
    }

    // RFC 4007 section 6: every network has fe80::/10, so the address alone says nothing.
    private static string? WrongScope(string host, IPAddress address)
    {
        int percent = host.IndexOf('%', StringComparison.Ordinal);
        if (!address.IsIPv6LinkLocal || (address.ScopeId != 0 && Interfaces.Exists(address.ScopeId)))
        {
            return null;
        }

        string[] names = [.. Interfaces.Names()];
        string here = names.Length > MostNames ? $"{string.Join(", ", names.Take(MostNames))} and {names.Length - MostNames} more" : string.Join(", ", names);
        string bare = percent < 0 ? host : host[..percent];
        return percent < 0
            ? string.Create(CultureInfo.InvariantCulture, $"{bare} is a link-local address, which every network has. Name the interface of this machine that leads there, as in [{bare}%{Interfaces.Example()}]. It has: {here}.")
            : string.Create(CultureInfo.InvariantCulture, $"this machine has no interface {Printable.Quote(host.AsSpan(percent + 1))}. It has: {here}.");
    }
}
