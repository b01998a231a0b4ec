using System.Diagnostics.CodeAnalysis;

namespace Meshara;

/// <summary>Where a node can be dialled and, if known, who must answer there: <c>id@host:port</c>.</summary>
/// <remarks>Two addresses are equal when id, host and port are; names are kept in lower case, IPv6 in the form of RFC 5952.</remarks>
public sealed record PeerAddress : IParsable<PeerAddress>
{
    /// <summary>The port that is meant where none is written: 4040.</summary>
    public const int DefaultPort = 4040;

    /// <summary>Creates an address.</summary>
    /// <param name="host">A name or an IP address; IPv6 without brackets, with <c>%scope</c> where it is link-local.</param>
    /// <param name="port">1 to 65535.</param>
    /// <param name="id">The id that must answer there; null: no pin.</param>
    /// <exception cref="ArgumentException">The host is neither a name nor an IP address, or the port is out of range.</exception>
    public PeerAddress(string host, int port, NodeId? id = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(host);
        ArgumentOutOfRangeException.ThrowIfLessThan(port, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, 65535);
        Host = HostName.TryNormalize(host, out string? normalized, out string? why) ? normalized : throw new ArgumentException($"Not a host: {why}.", nameof(host));
        Port = port;
        Id = id;
    }

    /// <summary>The id that must answer; null: whoever answers.</summary>
    public NodeId? Id { get; init; }

    /// <summary>A name or an IP address; IPv6 without brackets.</summary>
    public string Host { get; }

    /// <summary>1 to 65535.</summary>
    public int Port { get; }

    /// <summary><c>host:port</c> without the id, IPv6 in brackets.</summary>
    public string HostAndPort => Join(Host, Port);

    /// <summary>Reads an address in one of the forms below; blanks around it are dropped.</summary>
    /// <remarks>
    /// <list type="bullet">
    /// <item><c>[id@]host[:port]</c>, <c>[id@]1.2.3.4[:port]</c>, <c>[id@][ipv6%scope][:port]</c> with the brackets; without a port
    /// <see cref="DefaultPort"/> is meant. The id is 64 hex digits of either case.</item>
    /// <item>Multiaddr: <c>/ip4/…</c>, <c>/ip6/…</c>, <c>/ip6zone/SCOPE/ip6/…</c>, <c>/dns/…</c>, <c>/dns4/…</c> or <c>/dns6/…</c>, then
    /// <c>/tcp/PORT</c>, then <c>/p2p/NODE-ID</c> or nothing. <c>dns4</c> and <c>dns6</c> are read as <c>dns</c>. A libp2p peer id
    /// (<c>12D3Koo…</c>, <c>Qm…</c>) is refused: it names another kind of key.</item>
    /// </list>
    /// </remarks>
    /// <exception cref="FormatException">Anything else; the message says what was wrong.</exception>
    public static PeerAddress Parse(string s)
    {
        ArgumentNullException.ThrowIfNull(s);
        return PeerAddressParser.TryParse(s, out PeerAddress? address, out string? why) ? address : throw new FormatException($"{Printable.Quote(s)} is not an address: {why}.");
    }

    /// <inheritdoc cref="Parse(string)"/>
    public static PeerAddress Parse(string s, IFormatProvider? provider) => Parse(s);

    /// <summary>Reads an address; false where <see cref="Parse(string)"/> throws.</summary>
    public static bool TryParse([NotNullWhen(true)] string? s, [NotNullWhen(true)] out PeerAddress? result) =>
        PeerAddressParser.TryParse(s, out result, out _);

    /// <inheritdoc cref="TryParse(string?, out PeerAddress?)"/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, [NotNullWhen(true)] out PeerAddress? result) =>
        TryParse(s, out result);

    /// <summary><c>id@host:port</c>, or <c>host:port</c> where there is no id; <see cref="Parse(string)"/> reads it.</summary>
    public override string ToString() => Id is { } id ? $"{id}@{HostAndPort}" : HostAndPort;

    internal static string Join(string host, int port) => host.Contains(':', StringComparison.Ordinal) ? $"[{host}]:{port}" : $"{host}:{port}";
}
