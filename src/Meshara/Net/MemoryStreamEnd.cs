using System.Buffers;
using System.IO.Pipelines;

namespace Meshara.Net;

/// <summary>One end of a connection in memory: two pipes crosswise, with the manners of a TCP socket.</summary>
/// <remarks>One reader and one writer at a time. Dispose may be called from anywhere, also while they wait: they then fail.</remarks>
internal sealed class MemoryStreamEnd : Stream
{
    // A writer waits when this much is unread; a chunk more may be on its way in.
    private const int Window = 64 << 10;
    private const int Chunk = 16 << 10;

    private readonly Lock _gate = new();
    private readonly Direction _in;
    private readonly Direction _out;
    private bool _reading;
    private bool _writing;
    private bool _writesCompleted;
    private bool _disposed;

    private MemoryStreamEnd(Direction incoming, Direction outgoing)
    {
        _in = incoming;
        _out = outgoing;
    }

    public static (MemoryStreamEnd Dialer, MemoryStreamEnd Acceptor) CreatePair()
    {
        Direction there = new(), back = new();
        return (new MemoryStreamEnd(back, there), new MemoryStreamEnd(there, back));
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Half-close, as a TCP socket's FIN: the other end reads what was written and then the end; it may go on writing.</summary>
    public void CompleteWrites()
    {
        lock (_gate)
        {
            if (_writing)
            {
                throw new InvalidOperationException("A write is under way.");
            }

            if (!_disposed && !_writesCompleted)
            {
                _writesCompleted = true;
                _out.Writer.Complete();
            }
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Begin(ref _reading);
        try
        {
            ReadResult result = await _in.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            int count = (int)Math.Min(buffer.Length, result.Buffer.Length);
            result.Buffer.Slice(0, count).CopyTo(buffer.Span);
            _in.Reader.AdvanceTo(result.Buffer.GetPosition(count));

            // Only Dispose cancels; and only at the end is there a result without bytes.
            ObjectDisposedException.ThrowIf(result.IsCanceled, this);
            return result.Buffer.IsEmpty && _in.IsAborted ? throw Gone() : count;
        }
        finally
        {
            EndRead();
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Begin(ref _writing);
        try
        {
            for (int at = 0; at < buffer.Length; at += Chunk)
            {
                ReadOnlyMemory<byte> chunk = buffer.Slice(at, Math.Min(Chunk, buffer.Length - at));
                FlushResult result = await _out.Writer.WriteAsync(chunk, cancellationToken).ConfigureAwait(false);
                ObjectDisposedException.ThrowIf(result.IsCanceled, this);
                if (result.IsCompleted)
                {
                    throw Gone();
                }
            }
        }
        finally
        {
            EndWrite();
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Nobody blocks: use ReadAsync.");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("Nobody blocks: use WriteAsync.");

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        lock (_gate)
        {
            if (_disposed || !disposing)
            {
                return;
            }

            _disposed = true;
            _out.IsAborted = !_writesCompleted;

            // Whoever reads or writes now completes the pipe after it: its memory must not go back to the pool under them.
            if (_reading)
            {
                _in.Reader.CancelPendingRead();
            }
            else
            {
                _in.Reader.Complete();
            }

            if (_writing)
            {
                _out.Writer.CancelPendingFlush();
            }
            else
            {
                _out.Writer.Complete();
            }
        }

        base.Dispose(disposing);
    }

    private static IOException Gone() => new("The other end of the in-memory connection was disposed.");

    private void Begin(ref bool busy)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            busy = !busy ? true : throw new InvalidOperationException("One read and one write at a time.");
        }
    }

    private void EndRead()
    {
        lock (_gate)
        {
            _reading = false;
            if (_disposed)
            {
                _in.Reader.Complete();
            }
        }
    }

    private void EndWrite()
    {
        lock (_gate)
        {
            _writing = false;
            if (_disposed)
            {
                _out.Writer.Complete();
            }
        }
    }

    /// <summary>One way of the connection.</summary>
    private sealed class Direction
    {
        // Continuations on the pool, not in the other end's stack: its caller may hold what ours wants.
        private readonly Pipe _pipe = new(new PipeOptions(pauseWriterThreshold: Window, resumeWriterThreshold: Window / 2, useSynchronizationContext: false));
        private volatile bool _isAborted;

        public PipeReader Reader => _pipe.Reader;

        public PipeWriter Writer => _pipe.Writer;

        /// <summary>Whether the writing end was disposed without completing: its reader gets an error instead of the end.</summary>
        public bool IsAborted { get => _isAborted; set => _isAborted = value; }
    }
}
