namespace Meshara;

/// <summary>An address of a peer as it is stored, with where it came from and how dialling it went.</summary>
/// <remarks>As <see cref="PeerRecord"/> it holds no wrong value.</remarks>
public sealed record StoredAddress
{
    /// <summary>The most characters of <see cref="SourceGroup"/>: 64.</summary>
    public const int MaxSourceGroup = 64;

    /// <summary>Creates an address.</summary>
    /// <param name="host">A name or an IP address, as in <see cref="PeerAddress.Host"/>.</param>
    /// <param name="port">1 to 65535.</param>
    /// <exception cref="ArgumentException">The host is neither a name nor an IP address, or the port is out of range.</exception>
    public StoredAddress(string host, int port)
    {
        PeerAddress address = new(host, port);
        Host = address.Host;
        Port = address.Port;
    }

    /// <summary>A name or an IP address in its normal form; IPv6 without brackets.</summary>
    public string Host { get; }

    /// <summary>1 to 65535.</summary>
    public int Port { get; }

    /// <summary>Who named the address. A value this version does not know becomes <see cref="AddressSource.PeerExchange"/>, which is believed least.</summary>
    public required AddressSource Source
    {
        get;
        init => field = Enum.IsDefined(value) ? value : AddressSource.PeerExchange;
    }

    /// <summary>The group of networks from which the address was named, so that one group cannot fill the address table; at most
    /// <see cref="MaxSourceGroup"/> characters, what is not printable replaced by <c>?</c>. Empty: this machine.</summary>
    public string SourceGroup
    {
        get;
        init => field = StoredValue.Text(value, MaxSourceGroup);
    } = "";

    /// <summary>When the address was first named.</summary>
    public required DateTimeOffset FirstSeen
    {
        get;
        init => field = StoredValue.Time(value);
    }

    /// <summary>When it was last dialled; null: never.</summary>
    public DateTimeOffset? LastTried
    {
        get;
        init => field = StoredValue.Time(value);
    }

    /// <summary>When a dial last led to the peer; null: never.</summary>
    public DateTimeOffset? LastSuccess
    {
        get;
        init => field = StoredValue.Time(value);
    }

    /// <summary>Dials that failed since the last success; not negative.</summary>
    public int Failures
    {
        get;
        init => field = Math.Max(0, value);
    }
}
