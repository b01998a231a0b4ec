using System.Net;
using System.Text;

namespace Meshara.Mdns;

/// <summary>A service to publish: its name, its type, where it listens and what it says of itself.</summary>
/// <remarks>RFC 6763 sections 4 to 7. Immutable; change one with <c>with</c>. Every property throws <see cref="ArgumentException"/> for a value out of its range.</remarks>
public sealed record ServiceProfile
{
    private const int MaxLabel = 63;

    /// <summary>A service.</summary>
    /// <param name="instanceName"><see cref="InstanceName"/>.</param>
    /// <param name="serviceType"><see cref="ServiceType"/>.</param>
    /// <param name="port"><see cref="Port"/>.</param>
    /// <exception cref="ArgumentException">One of them is out of its range.</exception>
    public ServiceProfile(string instanceName, string serviceType, int port)
    {
        InstanceName = instanceName;
        ServiceType = serviceType;
        Port = port;
    }

    /// <summary>The name for people: 1 to 63 bytes of UTF-8 without control characters; spaces, dots and any script are welcome. When somebody on the network has it already, " (2)" is added, then " (3)".</summary>
    /// <remarks>RFC 6763 section 4.1.1. What it has become: <see cref="ServicePublished.InstanceName"/>.</remarks>
    public string InstanceName
    {
        get;
        init => field = IsInstanceName(value)
            ? value
            : throw new ArgumentException("The name of a service instance is 1 to 63 bytes of UTF-8 without control characters (RFC 6763 section 4.1.1).", nameof(value));
    }

    /// <summary>What it speaks, as <c>_ipp._tcp</c>: a name of 1 to 15 letters, digits and hyphens after an underscore, then <c>_tcp</c> or <c>_udp</c>.</summary>
    /// <remarks>RFC 6763 section 7. <c>_udp</c> stands for everything that is not TCP. <c>.local</c> at the end is passed over. Longer names, up to 63, and underscores in them are taken too, because they are in use; they cannot be registered.</remarks>
    public string ServiceType
    {
        get;
        init => field = ServiceTypes.TryNormalize(value, out string? type)
            ? type
            : throw new ArgumentException($"\"{value}\" is no service type: write it as _name._tcp or _name._udp, the name 1 to 15 letters, digits and hyphens (RFC 6763 section 7).", nameof(value));
    }

    /// <summary>The port it listens on: 0 to 65535. 0 holds the name and offers nothing (RFC 6763 section 8).</summary>
    public int Port
    {
        get;
        init => field = value is >= 0 and <= ushort.MaxValue ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A port is 0 to 65535.");
    }

    /// <summary>What it says of itself. Default: <see cref="TxtRecord.Empty"/>.</summary>
    public TxtRecord Txt
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(value));
    }

    = TxtRecord.Empty;

    /// <summary>Narrower kinds under which it can be found too, as <c>_color</c>: each 1 to 63 bytes, at most 16. Default: none.</summary>
    /// <remarks>RFC 6763 section 7.1.</remarks>
    public IReadOnlyList<string> Subtypes
    {
        get;
        init => field = value is { Count: <= 16 } && value.All(IsInstanceName)
            ? [.. value]
            : throw new ArgumentException("At most 16 subtypes, each 1 to 63 bytes of UTF-8 without control characters (RFC 6763 section 7.1).", nameof(value));
    }

    = [];

    /// <summary>The first label of the host's name under <c>local</c>: 1 to 63 letters, digits and hyphens. Null (the default): one of the program's own, drawn at random.</summary>
    /// <remarks>Not the machine's name, where another responder (Avahi, mDNSResponder) runs: it would defend its records against these.</remarks>
    public string? HostName
    {
        get;
        init => field = value is null || IsHostLabel(value)
            ? value
            : throw new ArgumentException($"\"{value}\" is no host label: 1 to 63 letters, digits and hyphens, with no hyphen at either end.", nameof(value));
    }

    /// <summary>Which of the host's addresses are told: those in one of these networks, at most 64. On an interface that has none of them, nothing is told of the service. Default: none, which stands for all addresses.</summary>
    /// <remarks>For a server that does not listen everywhere: <c>192.168.1.5/32</c> for one address, <c>0.0.0.0/0</c> for IPv4 alone. Where <see cref="HostName"/> is null, services of the same networks have one host name, and those of others another;
    /// services that share a name share what is told of it. Of each interface and family at most 8 addresses are told, of services that share a name in turn.</remarks>
    /// <exception cref="ArgumentException">More than 64 networks, or null.</exception>
    public IReadOnlyList<IPNetwork> Networks
    {
        get;
        init => field = value is { Count: <= 64 } ? [.. value] : throw new ArgumentException("At most 64 networks.", nameof(value));
    }

    = [];

    /// <summary>Which of several servers is asked first: the lowest. Default 0; 0 to 65535 (RFC 2782).</summary>
    public int Priority
    {
        get;
        init => field = value is >= 0 and <= ushort.MaxValue ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A priority is 0 to 65535.");
    }

    /// <summary>The share among servers of one priority. Default 0; 0 to 65535 (RFC 2782).</summary>
    public int Weight
    {
        get;
        init => field = value is >= 0 and <= ushort.MaxValue ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A weight is 0 to 65535.");
    }

    /// <summary>Whether it can be one label of a name: 1 to 63 bytes of UTF-8 without control characters.</summary>
    internal static bool IsInstanceName(string? value)
    {
        if (string.IsNullOrEmpty(value) || value.Any(char.IsControl))
        {
            return false;
        }

        int bytes = Encoding.UTF8.GetByteCount(value);
        return bytes <= MaxLabel && !HasLoneSurrogate(value);
    }

    private static bool HasLoneSurrogate(string value)
    {
        foreach (Rune rune in value.EnumerateRunes())
        {
            if (rune == Rune.ReplacementChar && !value.Contains('\uFFFD', StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsHostLabel(string value) =>
        value.Length is > 0 and <= MaxLabel && value.All(c => char.IsAsciiLetterOrDigit(c) || c == '-') && value[0] != '-' && value[^1] != '-';
}
