namespace Meshara;

/// <summary>A way to reach other machines: gives streams of bytes; TLS is put on top of every one of them.</summary>
/// <remarks>Two ship: TCP and in memory.</remarks>
public interface ITransport
{
    /// <summary>Starts to listen.</summary>
    /// <param name="host">An address of this machine, or a wildcard.</param>
    /// <param name="port">A port; 0 lets the transport choose.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.ListenFailed"/>.</exception>
    ValueTask<TransportListener> ListenAsync(string host, int port, CancellationToken cancellationToken);

    /// <summary>Connects.</summary>
    /// <param name="host">A name or an address.</param>
    /// <param name="port">A port, 1 to 65535.</param>
    /// <param name="cancellationToken">Gives up; the node passes its connect deadline here.</param>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.ConnectFailed"/> or <see cref="MesharaErrorCode.NameNotResolved"/>.</exception>
    ValueTask<TransportConnection> ConnectAsync(string host, int port, CancellationToken cancellationToken);
}
