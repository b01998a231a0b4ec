using System.Net;

namespace Meshara.Testing.Network;

/// <summary>Where one process takes connections. Its system takes them too while the process is frozen, as many as wait at most.</summary>
internal sealed class SimulatedListener(HostProcess process, IPAddress address, int port) : TransportListener, IWakeable
{
    /// <summary>So many wait to be taken; to others the system gives no answer.</summary>
    public const int Backlog = 128;

    private readonly Queue<TransportConnection> _waiting = new();
    private TaskCompletionSource<TransportConnection?>? _accepting;
    private CancellationTokenRegistration _cancelled;
    private bool _closed;

    public override string Host { get; } = address.ToString();

    public override int Port => port;

    /// <summary>Connections that wait, and those whose dialler is about to be answered.</summary>
    public int Expected { get; set; }

    /// <summary>Whether there is a place for one more.</summary>
    public bool HasRoom => Expected + _waiting.Count < Backlog;

    /// <summary>Whether a connection to this address is for it.</summary>
    public bool Takes(IPEndPoint at) => at.Port == port && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) || address.Equals(at.Address));

    /// <summary>A connection has come.</summary>
    public void Offer(TransportConnection connection)
    {
        Expected--;
        if (_closed || process.IsGone)
        {
            connection.Stream.Dispose();
            return;
        }

        _waiting.Enqueue(connection);
        process.Wake(this);
    }

    public override async ValueTask<TransportConnection?> AcceptAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_closed)
        {
            return null;
        }

        if (process.Runs && _waiting.TryDequeue(out TransportConnection? next))
        {
            return next;
        }

        TaskCompletionSource<TransportConnection?> accepting = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _accepting = accepting;
        _cancelled = cancellationToken.UnsafeRegister(static (source, token) => ((TaskCompletionSource<TransportConnection?>)source!).TrySetCanceled(token), accepting);
        if (_waiting.Count > 0)
        {
            process.Wake(this);
        }

        return await accepting.Task.ConfigureAwait(false);
    }

    public void WakeNow()
    {
        if (_waiting.Count > 0 && _accepting is { Task.IsCompleted: false } accepting)
        {
            _cancelled.Unregister();
            _accepting = null;
            accepting.TrySetResult(_waiting.Dequeue());
        }
    }

    public override async ValueTask DisposeAsync()
    {
        _closed = true;
        process.Listeners.Remove(this);
        _accepting?.TrySetResult(null);
        while (_waiting.TryDequeue(out TransportConnection? connection))
        {
            await connection.DisposeAsync().ConfigureAwait(false);
        }
    }
}
