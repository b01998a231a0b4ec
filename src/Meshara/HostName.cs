using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace Meshara;

/// <summary>Checks and normalises the host of an address: a DNS name, IPv4, or IPv6 with an optional scope.</summary>
internal static class HostName
{
    private const int MaxName = 253, MaxLabel = 63, MaxScope = 64;
    private static readonly SearchValues<char> IPv6Characters = SearchValues.Create("0123456789abcdefABCDEF:.");

    /// <summary>Normalises: names in lower case, IPv6 after RFC 5952, the scope as it is.</summary>
    /// <param name="text">The host, IPv6 without brackets.</param>
    /// <param name="host">The normal form.</param>
    /// <param name="why">What is wrong, a clause without a full stop.</param>
    public static bool TryNormalize(ReadOnlySpan<char> text, [NotNullWhen(true)] out string? host, [NotNullWhen(false)] out string? why)
    {
        host = null;
        why = text.IsEmpty ? "the host is missing"
            : text.Contains(':') ? NormalizeIPv6(text, out host)
            : EndsInNumber(text) ? NormalizeIPv4(text, out host)
            : NormalizeName(text, out host);
        return host is not null;
    }

    public static bool IsIPv6(string normalized) => normalized.Contains(':', StringComparison.Ordinal);

    public static bool IsIPv4(string normalized) => !IsIPv6(normalized) && EndsInNumber(normalized);

    private static string? NormalizeIPv6(ReadOnlySpan<char> text, out string? host)
    {
        host = null;
        int percent = text.IndexOf('%');
        ReadOnlySpan<char> address = percent < 0 ? text : text[..percent];
        ReadOnlySpan<char> scope = percent < 0 ? "" : text[percent..];

        // The framework's parser also takes brackets, a port and a prefix length; those are not a host.
        if (address.ContainsAnyExcept(IPv6Characters)
            || !IPAddress.TryParse(address, out IPAddress? ip)
            || ip.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return $"{Printable.Quote(address)} is not an IPv6 address";
        }

        if (percent >= 0 && !IsScope(scope[1..]))
            return $"{Printable.Quote(scope)} is not a scope: the name or number of an interface is expected after '%'";

        host = string.Concat(ip.ToString(), scope);
        return null;
    }

    private static bool IsScope(ReadOnlySpan<char> scope)
    {
        if (scope.IsEmpty || scope.Length > MaxScope)
            return false;

        foreach (char c in scope)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('.' or '-' or '_' or '~' or ':'))
                return false;
        }

        return true;
    }

    // "127.1", "0x7f000001" and "010.0.0.1" mean different hosts to different parsers: only the canonical form passes.
    private static string? NormalizeIPv4(ReadOnlySpan<char> text, out string? host)
    {
        host = IPAddress.TryParse(text, out IPAddress? ip) && text.SequenceEqual(ip.ToString()) ? ip.ToString() : null;
        return host is null ? $"{Printable.Quote(text)} is not an IPv4 address: four numbers from 0 to 255 without leading zeros are expected" : null;
    }

    private static bool EndsInNumber(ReadOnlySpan<char> text)
    {
        ReadOnlySpan<char> trimmed = text.EndsWith('.') ? text[..^1] : text;
        ReadOnlySpan<char> last = trimmed[(trimmed.LastIndexOf('.') + 1)..];
        return !last.IsEmpty && (!last.ContainsAnyExceptInRange('0', '9') || last.StartsWith("0x", StringComparison.OrdinalIgnoreCase));
    }

    private static string? NormalizeName(ReadOnlySpan<char> text, out string? host)
    {
        host = null;
        ReadOnlySpan<char> rest = text.EndsWith('.') ? text[..^1] : text;
        if (rest.Length > MaxName)
            return $"a host name has at most {MaxName} characters, this one has {rest.Length}";

        foreach (Range range in rest.Split('.'))
        {
            ReadOnlySpan<char> label = rest[range];
            if (label.IsEmpty || label.Length > MaxLabel || label[0] == '-' || label[^1] == '-')
                return $"{Printable.Quote(text)} is not a host name: each part between dots has 1 to {MaxLabel} characters and no hyphen at its ends";

            foreach (char c in label)
            {
                if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_'))
                    return $"{Printable.Quote(text)} is not a host name: letters a to z, digits, '-', '_' and dots are expected (international names in their xn-- form)";
            }
        }

        host = text.ToString().ToLowerInvariant();
        return null;
    }
}
