using System.Threading.Channels;
using Meshara.Net;

namespace Meshara;

/// <summary>A network inside this process: one instance, one network. For tests and for several nodes in one program.</summary>
/// <remarks>
/// Names are taken as they are, without regard to case: <c>alice:4040</c> is reached only as <c>alice:4040</c>, and there are no
/// wildcards. Nothing is lost, reordered or delayed; nothing depends on a clock. As with TCP, a connection buffers a bounded amount
/// each way and then lets its writer wait, and disposing one end resets the connection: the other end reads what was written
/// before, then gets an <see cref="IOException"/>.
/// </remarks>
public sealed class MemoryTransport : ITransport
{
    private const int FirstEphemeralPort = 49152;

    // As TCP's: what waits to be accepted is bounded, and beyond it the dialer is refused.
    private const int Backlog = 128;

    private readonly Lock _gate = new();
    private readonly Dictionary<(string Host, int Port), Listener> _listeners = [];
    private int _lastListenPort = FirstEphemeralPort - 1;
    private int _lastDialerPort = FirstEphemeralPort - 1;

    /// <summary>Starts to listen.</summary>
    /// <param name="host">Any name.</param>
    /// <param name="port">0 to 65535; 0 chooses the next free port from 49152 on.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.ListenFailed"/>: taken.</exception>
    public ValueTask<TransportListener> ListenAsync(string host, int port, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(host);
        ArgumentOutOfRangeException.ThrowIfNegative(port);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, 65535);
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
        {
            if (port == 0)
            {
                port = ChoosePort(host);
            }

            var listener = new Listener(this, host, port);
            return _listeners.TryAdd(Key(host, port), listener)
                ? ValueTask.FromResult<TransportListener>(listener)
                : throw new MesharaException(
                    MesharaErrorCode.ListenFailed,
                    $"Cannot listen on {PeerAddress.Join(host, port)}: another listener of this in-memory network has it. Stop it, or choose another port.",
                    isTransient: true);
        }
    }

    /// <summary>Connects; done as soon as the connection waits to be accepted.</summary>
    /// <param name="host">The name that is listened on.</param>
    /// <param name="port">1 to 65535.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.ConnectFailed"/>: nobody listens there, or too many wait to be accepted.</exception>
    public ValueTask<TransportConnection> ConnectAsync(string host, int port, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(host);
        ArgumentOutOfRangeException.ThrowIfLessThan(port, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, 65535);
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
        {
            if (!_listeners.TryGetValue(Key(host, port), out Listener? listener))
            {
                throw Refused(host, port, "nobody listens there in this in-memory network. Check the name and port");
            }

            (MemoryStreamEnd dialer, MemoryStreamEnd acceptor) = MemoryStreamEnd.CreatePair();
            if (!listener.TryOffer(new TransportConnection(acceptor, "memory", NextPort(ref _lastDialerPort))))
            {
                throw Refused(host, port, "too many connections wait there to be accepted. Try again later");
            }

            return ValueTask.FromResult(new TransportConnection(dialer, host, port));
        }
    }

    private static MesharaException Refused(string host, int port, string why) =>
        new(MesharaErrorCode.ConnectFailed, $"Cannot connect to {PeerAddress.Join(host, port)}: {why}.", isTransient: true);

    private static (string Host, int Port) Key(string host, int port) => (host.ToUpperInvariant(), port);

    // 49152 to 65535, then from the start again: ports depend on the order of calls only.
    private static int NextPort(ref int last) => last = last >= 65535 ? FirstEphemeralPort : last + 1;

    private int ChoosePort(string host)
    {
        for (int tries = 65536 - FirstEphemeralPort; tries > 0; tries--)
        {
            int port = NextPort(ref _lastListenPort);
            if (!_listeners.ContainsKey(Key(host, port)))
            {
                return port;
            }
        }

        throw new MesharaException(MesharaErrorCode.ListenFailed, $"Cannot listen on {host}: every port from {FirstEphemeralPort} on is taken. Name a port.", isTransient: true);
    }

    private void Remove(Listener listener)
    {
        lock (_gate)
        {
            (string, int) key = Key(listener.Host, listener.Port);
            if (_listeners.GetValueOrDefault(key) == listener)
            {
                _listeners.Remove(key);
            }
        }
    }

    private sealed class Listener(MemoryTransport network, string host, int port) : TransportListener
    {
        private readonly Channel<TransportConnection> _waiting =
            Channel.CreateBounded<TransportConnection>(new BoundedChannelOptions(Backlog) { FullMode = BoundedChannelFullMode.Wait });

        public override string Host { get; } = host;

        public override int Port { get; } = port;

        public bool TryOffer(TransportConnection connection) => _waiting.Writer.TryWrite(connection);

        public override async ValueTask<TransportConnection?> AcceptAsync(CancellationToken cancellationToken)
        {
            while (await _waiting.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
            {
                if (_waiting.Reader.TryRead(out TransportConnection? connection))
                {
                    return connection;
                }
            }

            return null;
        }

        public override async ValueTask DisposeAsync()
        {
            network.Remove(this);
            _waiting.Writer.TryComplete();
            while (_waiting.Reader.TryRead(out TransportConnection? connection))
            {
                // Nobody will take it: its dialer learns so.
                await connection.DisposeAsync().ConfigureAwait(false);
            }
        }
    }
}
