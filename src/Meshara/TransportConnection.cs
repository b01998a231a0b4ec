using System.Net;

namespace Meshara;

/// <summary>One connection of a transport, before TLS.</summary>
public sealed class TransportConnection : IAsyncDisposable
{
    /// <summary>Wraps a stream.</summary>
    /// <param name="stream">Reliable, ordered, two-way. Disposing it aborts the connection.</param>
    /// <param name="remoteHost">The other side's IP address, or another name by which limits may group it.</param>
    /// <param name="remotePort">The other side's port.</param>
    public TransportConnection(Stream stream, string remoteHost, int remotePort)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentException.ThrowIfNullOrEmpty(remoteHost);
        Stream = stream;
        RemoteHost = remoteHost;
        RemotePort = remotePort;
    }

    /// <summary>The bytes.</summary>
    public Stream Stream { get; }

    /// <summary>The other side's IP address or name; IPv6 without brackets, IPv4-mapped addresses as IPv4.</summary>
    public string RemoteHost { get; }

    /// <summary>The other side's port.</summary>
    public int RemotePort { get; }

    /// <summary>This machine's address of the connection, where the transport is TCP: when it goes, so does the connection.</summary>
    internal IPAddress? LocalAddress { get; init; }

    /// <summary><c>host:port</c>, IPv6 in brackets.</summary>
    public string RemoteAddress => PeerAddress.Join(RemoteHost, RemotePort);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Stream.DisposeAsync();
}
