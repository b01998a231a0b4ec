namespace Meshara;

/// <summary>One place where a transport accepts connections; disposing stops it.</summary>
public abstract class TransportListener : IAsyncDisposable
{
    /// <summary>The host that is listened on, as it can be dialled or shown: an IP address (IPv6 without brackets) or a wildcard.</summary>
    public abstract string Host { get; }

    /// <summary>The port that is really listened on.</summary>
    public abstract int Port { get; }

    /// <summary>The next connection; null once the listener is disposed.</summary>
    /// <remarks>A fault of one connection is never thrown here; it ends that connection only.</remarks>
    public abstract ValueTask<TransportConnection?> AcceptAsync(CancellationToken cancellationToken);

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();
}
