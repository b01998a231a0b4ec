using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Meshara;

/// <summary>Reads the written forms of an address; see <see cref="PeerAddress.Parse(string)"/>. Never throws: peers send such text too.</summary>
internal static class PeerAddressParser
{
    private const int MaxLength = 512;
    private const string ManyColons = "it has several colons; IPv6 addresses stand in brackets: [address]:port";

    /// <summary>Reads an address, or says why not.</summary>
    /// <param name="text">The address, blanks around it allowed.</param>
    /// <param name="address">What was read.</param>
    /// <param name="why">What is wrong, a clause without a full stop.</param>
    public static bool TryParse(ReadOnlySpan<char> text, [NotNullWhen(true)] out PeerAddress? address, [NotNullWhen(false)] out string? why)
    {
        address = null;
        ReadOnlySpan<char> trimmed = text.Trim();
        why = trimmed.IsEmpty ? "it is empty"
            : trimmed.Length > MaxLength ? $"it has {trimmed.Length} characters, {MaxLength} are the most"
            : trimmed[0] == '/' ? ParseMultiaddr(trimmed, out address)
            : ParsePlain(trimmed, out address);
        return address is not null;
    }

    /// <summary>Reads an address to listen on: <c>host[:port]</c> without an id, IPv6 without a port also without brackets; port 0 lets the system choose.</summary>
    /// <param name="text">The address, blanks around it allowed.</param>
    /// <param name="host">The host in its normal form, IPv6 without brackets.</param>
    /// <param name="port">0 to 65535; null where none is written.</param>
    /// <param name="why">What is wrong, a clause without a full stop.</param>
    public static bool TryParseListen(ReadOnlySpan<char> text, [NotNullWhen(true)] out string? host, out int? port, [NotNullWhen(false)] out string? why)
    {
        host = null;
        port = null;
        ReadOnlySpan<char> trimmed = text.Trim();
        if (trimmed.StartsWith('/'))
        {
            why = ParseMultiaddr(trimmed, out PeerAddress? address);
            why = address?.Id is null ? why : "an id does not belong to an address to listen on";
            host = why is null ? address?.Host : null;
            port = address?.Port;
            return host is not null;
        }

        if (trimmed.Count(':') > 1 && !trimmed.StartsWith('['))
        {
            why = WhyNotBare(trimmed, out host);
            return host is not null;
        }

        why = SplitPort(trimmed, lowest: 0, out ReadOnlySpan<char> written, out int read);
        port = trimmed.Length == written.Length || trimmed.EndsWith(']') ? null : read;
        return why is null && HostName.TryNormalize(written, out host, out why);
    }

    // IPv6 without brackets: an address alone, unless its last part could be meant as a port.
    private static string? WhyNotBare(ReadOnlySpan<char> text, out string? host)
    {
        if (!HostName.TryNormalize(text, out host, out _))
            return ManyColons;

        ReadOnlySpan<char> shorter = text[..text.LastIndexOf(':')], last = text[(shorter.Length + 1)..];
        if (ParsePort(last, lowest: 0, out _) is not null || !HostName.TryNormalize(shorter, out _, out _))
            return null;

        host = null;
        return $"it is an IPv6 address, and also one with a port: write [{text}] or [{shorter}]:{last}";
    }

    private static string? ParsePlain(ReadOnlySpan<char> text, out PeerAddress? address)
    {
        address = null;
        if (text.Contains("://", StringComparison.Ordinal))
            return "it is a URL; write host:port without a scheme";

        NodeId? id = null;
        ReadOnlySpan<char> rest = text;
        int at = text.IndexOf('@');
        if (at >= 0)
        {
            if (!NodeId.TryParse(text[..at], null, out NodeId parsed))
                return at == 0 ? "nothing stands before the '@'; a node id belongs there, or leave the '@' out" : NodeId.WhyNot(text[..at]);

            id = parsed;
            rest = text[(at + 1)..];
        }
        else if (NodeId.IsForeignId(text) || NodeId.TryParse(text, null, out _))
        {
            return NodeId.IsForeignId(text) ? NodeId.WhyNot(text) : "it is a node id alone; write id@host:port";
        }

        return SplitPort(rest, lowest: 1, out ReadOnlySpan<char> host, out int port) is { } wrong ? wrong : Build(host, port, id, out address);
    }

    private static string? SplitPort(ReadOnlySpan<char> text, int lowest, out ReadOnlySpan<char> host, out int port)
    {
        port = PeerAddress.DefaultPort;
        host = text;
        ReadOnlySpan<char> after;
        if (text.StartsWith('['))
        {
            int end = text.IndexOf(']');
            if (end < 0)
                return "the ']' after the IPv6 address is missing";

            host = text[1..end];
            after = text[(end + 1)..];
            if (!host.Contains(':'))
                return "only IPv6 addresses stand in brackets";

            if (!after.IsEmpty && after[0] != ':')
                return "after ']' only ':port' can follow";
        }
        else
        {
            int colon = text.IndexOf(':');
            if (colon >= 0 && colon != text.LastIndexOf(':'))
                return ManyColons;

            host = colon < 0 ? text : text[..colon];
            after = colon < 0 ? "" : text[colon..];
        }

        return after.IsEmpty ? null : ParsePort(after[1..], lowest, out port);
    }

    private static string? ParsePort(ReadOnlySpan<char> text, int lowest, out int port)
    {
        // Styles None: digits only, so no sign, blank or group separator.
        bool digits = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port);
        return digits && port >= lowest && port <= 65535 ? null
            : text.IsEmpty ? "the port after ':' is missing"
            : $"port {Printable.Quote(text)} is not a number from {lowest} to 65535";
    }

    private static string? ParseMultiaddr(ReadOnlySpan<char> text, out PeerAddress? address)
    {
        address = null;
        string[] parts = text.TrimEnd('/').ToString().Split('/');
        int next = 1;
        string scope = "";
        if (Take("ip6zone") is { } zone)
        {
            scope = $"%{zone}";
            if (next >= parts.Length || parts[next] != "ip6")
                return "after /ip6zone/SCOPE comes /ip6";
        }

        string kind = next < parts.Length ? parts[next] : "";
        if (kind is not ("ip4" or "ip6" or "dns" or "dns4" or "dns6"))
            return $"a multiaddr begins with /ip4, /ip6, /ip6zone, /dns, /dns4 or /dns6, not with {Printable.Quote($"/{kind}")}";

        if (Take(kind) is not { } host)
            return $"the value after /{kind} is missing";

        if (Take("tcp") is not { } portText)
            return next < parts.Length ? $"{Printable.Quote($"/{parts[next]}")} is not supported here: /tcp/PORT must follow" : "/tcp/PORT is missing";

        if (ParsePort(portText, lowest: 1, out int port) is { } wrongPort)
            return wrongPort;

        NodeId? id = null;
        if ((Take("p2p") ?? Take("ipfs")) is { } idText)
        {
            if (!NodeId.TryParse(idText, null, out NodeId parsed))
                return NodeId.WhyNot(idText);

            id = parsed;
        }

        if (next < parts.Length)
            return $"{Printable.Quote($"/{parts[next]}")} is not supported here: only /p2p/NODE-ID can follow the port";

        string? wrong = Build(host + scope, port, id, out PeerAddress? built);
        if (built is not null && Mismatch(kind, built.Host) is { } mismatch)
            return mismatch;

        address = built;
        return wrong;

        string? Take(string name)
        {
            if (next + 1 >= parts.Length || parts[next] != name)
                return null;

            next += 2;
            return parts[next - 1];
        }
    }

    private static string? Mismatch(string kind, string host)
    {
        string actual = HostName.IsIPv6(host) ? "ip6" : HostName.IsIPv4(host) ? "ip4" : "dns";
        return kind.StartsWith(actual, StringComparison.Ordinal) ? null : $"{Printable.Quote(host)} does not belong after /{kind}";
    }

    private static string? Build(ReadOnlySpan<char> host, int port, NodeId? id, out PeerAddress? address)
    {
        address = HostName.TryNormalize(host, out string? normalized, out string? why) ? new PeerAddress(normalized, port, id) : null;
        return why;
    }
}
