namespace Meshara.Tests.Support;

/// <summary>A stream whose writes wait while its gate is shut: a peer that does not read, as seen from here.</summary>
internal sealed class GatedStream(Stream inner) : Stream
{
    private readonly Lock _sync = new();
    private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource? _gate;
    private int _reads;
    private TaskCompletionSource _waits = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Reads that were begun and have not given what they were to: a byte, or of an empty one the word that there is some.</summary>
    public int ReadsInVain => Volatile.Read(ref _reads);

    /// <summary>Ends when a write waits at the gate.</summary>
    public Task WriteWaits
    {
        get
        {
            lock (_sync)
            {
                return _waits.Task;
            }
        }
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public void Shut()
    {
        lock (_sync)
        {
            _gate ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    public void Open()
    {
        lock (_sync)
        {
            _gate?.TrySetResult();
            _gate = null;
            _waits = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref _reads);
        int read = await inner.ReadAsync(buffer, cancellationToken);
        if (read > 0 || buffer.IsEmpty)
        {
            Interlocked.Decrement(ref _reads);
        }

        return read;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Task? gate;
        lock (_sync)
        {
            gate = _gate?.Task;
            if (gate is not null)
            {
                _waits.TrySetResult();
            }
        }

        ObjectDisposedException.ThrowIf(gate is not null && await Task.WhenAny(gate, _disposed.Task) != gate, this);

        await inner.WriteAsync(buffer, cancellationToken);
    }

    public override async ValueTask DisposeAsync()
    {
        _disposed.TrySetResult();
        await inner.DisposeAsync();
        await base.DisposeAsync();
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
