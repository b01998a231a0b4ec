namespace Meshara;

/// <summary>Where a node can be dialled and, if known, who must answer there: <c>id@host:port</c>.</summary>
public sealed record PeerAddress
{
    /// <summary>Creates an address.</summary>
    /// <param name="host">A name or an IP address; IPv6 without brackets.</param>
    /// <param name="port">1 to 65535.</param>
    /// <param name="id">The id that must answer there; null: no pin.</param>
    public PeerAddress(string host, int port, NodeId? id = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(host);
        ArgumentOutOfRangeException.ThrowIfLessThan(port, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, 65535);
        Host = host;
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

    /// <summary><c>id@host:port</c>, or <c>host:port</c> where there is no id.</summary>
    public override string ToString() => Id is { } id ? $"{id}@{HostAndPort}" : HostAndPort;

    internal static string Join(string host, int port) => host.Contains(':', StringComparison.Ordinal) ? $"[{host}]:{port}" : $"{host}:{port}";
}
