using System.Net;
using System.Net.Sockets;

namespace Meshara.Net;

/// <summary>Accepts TCP connections until disposed, whatever happens to one of them.</summary>
internal sealed class TcpTransportListener : TransportListener
{
    // Out of file descriptors or memory: the queue waits in the kernel, asking again at once would only burn the processor.
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    private readonly Socket _socket;
    private readonly TimeProvider _timeProvider;
    private readonly Func<CancellationToken, ValueTask<Socket>> _accept;
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Takes over a socket.</summary>
    /// <param name="socket">Listening; owned from here on.</param>
    /// <param name="timeProvider">The clock of the pause after a failed accept.</param>
    /// <param name="accept">For a test: the call that fails as the kernel would.</param>
    public TcpTransportListener(Socket socket, TimeProvider timeProvider, Func<CancellationToken, ValueTask<Socket>>? accept = null)
    {
        _socket = socket;
        _timeProvider = timeProvider;
        _accept = accept ?? socket.AcceptAsync;
        var local = (IPEndPoint)socket.LocalEndPoint!;
        Host = local.Address.ToString();
        Port = local.Port;
        TakesIPv4 = socket.AddressFamily == AddressFamily.InterNetwork || socket.DualMode;
    }

    /// <summary>Whether IPv4 connections come here: on an IPv4 address, or on <c>::</c> for both families.</summary>
    public bool TakesIPv4 { get; }

    /// <summary>Called for each connection, before anything is made of it: whether it is to be closed.</summary>
    public Func<IPAddress, bool>? Refuses { get; set; }

    public override string Host { get; }

    public override int Port { get; }

    public override async ValueTask<TransportConnection?> AcceptAsync(CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stop.Token);
        TimeSpan pause = FirstPause;
        while (!_stop.IsCancellationRequested)
        {
            Socket? socket = null;
            try
            {
                socket = await _accept(either.Token).ConfigureAwait(false);
                if (Refuses is { } refuses && socket.RemoteEndPoint is IPEndPoint remote && refuses(TcpSockets.Plain(remote.Address)))
                {
                    // A reset: else each connection of a flood would leave a minute of TIME_WAIT behind.
                    socket.Close(0);
                    socket = null;
                    continue;
                }

                TransportConnection connection = TcpSockets.Wrap(socket);
                socket = null;
                return connection;
            }
            catch (SocketException e) when (socket is not null || e.SocketErrorCode is SocketError.ConnectionReset or SocketError.ConnectionAborted)
            {
                // This connection ended before we had it; the next one may wait already.
            }
            catch (SocketException) when (!_stop.IsCancellationRequested)
            {
                if (!await PauseAsync(pause, either.Token, cancellationToken).ConfigureAwait(false))
                {
                    return null;
                }

                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            }
            catch (Exception e) when (_stop.IsCancellationRequested && e is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                return null;
            }
            finally
            {
                socket?.Dispose();
            }
        }

        return null;
    }

    public override async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        _socket.Dispose();
    }

    // False: the listener was disposed meanwhile.
    private async ValueTask<bool> PauseAsync(TimeSpan pause, CancellationToken either, CancellationToken caller)
    {
        try
        {
            await Task.Delay(pause, _timeProvider, either).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException) when (!caller.IsCancellationRequested)
        {
            return false;
        }
    }
}
