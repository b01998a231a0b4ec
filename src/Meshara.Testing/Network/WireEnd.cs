using System.Net;
using System.Threading.Tasks.Sources;

namespace Meshara.Testing.Network;

/// <summary>One end of a connection, with the manners of a TCP socket. One reader and one writer at a time; disposing it resets the connection.</summary>
internal sealed class WireEnd : Stream, IValueTaskSource<int>, IValueTaskSource, IWakeable
{
    private readonly Internet _net;
    private ManualResetValueTaskSourceCore<int> _reader = new() { RunContinuationsAsynchronously = true };
    private ManualResetValueTaskSourceCore<bool> _writer = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _readCancelled;
    private CancellationTokenRegistration _writeCancelled;
    private Memory<byte> _readInto;
    private ReadOnlyMemory<byte> _toWrite;
    private bool _reading;
    private bool _writing;
    private bool _wakeReader;
    private bool _wakeWriter;
    private bool _reset;

    /// <summary>Creates one end; both are joined by <see cref="Cable"/>.</summary>
    public WireEnd(Internet net, Cable cable, HostProcess process, IPEndPoint local)
    {
        (_net, Cable, Process, Local) = (net, cable, process, local);
    }

    public Cable Cable { get; }

    /// <summary>Whose it is.</summary>
    public HostProcess Process { get; }

    /// <summary>Its address on its own machine.</summary>
    public IPEndPoint Local { get; }

    /// <summary>To the other end.</summary>
    public Direction Out { get; set; } = null!;

    /// <summary>From the other end.</summary>
    public Direction In { get; set; } = null!;

    /// <summary>Whether its process has let go of it.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Whether its process is gone.</summary>
    public bool IsOrphan => Process.IsGone;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        cancellationToken.ThrowIfCancellationRequested();
        if (_reading)
        {
            throw new InvalidOperationException("One read at a time.");
        }

        if (In.HasArrived && Process.Runs)
        {
            return ValueTask.FromResult(In.Read(buffer.Span));
        }

        if (_reset && !In.HasArrived)
        {
            return ValueTask.FromException<int>(Gone());
        }

        _reading = true;
        _readInto = buffer;
        _reader.Reset();
        short version = _reader.Version;
        _readCancelled = cancellationToken.UnsafeRegister(static (end, token) => ((WireEnd)end!).CancelRead(token), this);
        if (In.HasArrived)
        {
            // Its process does not run: later.
            Arrived();
        }

        return new ValueTask<int>(this, version);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        cancellationToken.ThrowIfCancellationRequested();
        if (_writing)
        {
            throw new InvalidOperationException("One write at a time.");
        }

        if (_reset)
        {
            return ValueTask.FromException(Gone());
        }

        if (Out.HasRoom && Process.Runs)
        {
            Send(buffer.Span);
            return ValueTask.CompletedTask;
        }

        _writing = true;
        _toWrite = buffer;
        _writer.Reset();
        short version = _writer.Version;
        _writeCancelled = cancellationToken.UnsafeRegister(static (end, token) => ((WireEnd)end!).CancelWrite(token), this);
        if (Out.HasRoom)
        {
            RoomMade();
        }

        return new ValueTask(this, version);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Nobody blocks in a simulation: use ReadAsync.");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("Nobody blocks in a simulation: use WriteAsync.");

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Bytes have arrived.</summary>
    public void Arrived()
    {
        if (_reading && !_wakeReader)
        {
            _wakeReader = true;
            Process.Wake(this);
        }
    }

    /// <summary>The other side has read, or the other system has taken more.</summary>
    public void RoomMade()
    {
        if (_writing && !_wakeWriter)
        {
            _wakeWriter = true;
            Process.Wake(this);
        }
    }

    /// <summary>The other end is gone: what arrived before can be read, and then nothing more.</summary>
    public void ResetArrived()
    {
        if (_reset)
        {
            return;
        }

        _reset = true;
        Out.Clear();
        _net.Forget(Cable);
        Arrived();
        RoomMade();
    }

    /// <summary>Its system answers for a process that is gone.</summary>
    public void RefuseOrphan()
    {
        In.Clear();
        Out.SendReset();
    }

    /// <summary>Its process runs, and there is something for it.</summary>
    public void WakeNow()
    {
        if (_wakeReader)
        {
            _wakeReader = false;
            FinishRead();
        }

        if (_wakeWriter)
        {
            _wakeWriter = false;
            FinishWrite();
        }
    }

    int IValueTaskSource<int>.GetResult(short token) => _reader.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _reader.GetStatus(token);

    void IValueTaskSource<int>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _reader.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource.GetResult(short token) => _writer.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _writer.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _writer.OnCompleted(continuation, state, token, flags);

    protected override void Dispose(bool disposing)
    {
        if (disposing && !IsClosed)
        {
            IsClosed = true;
            In.Discard();
            if (!_reset && !Process.IsGone)
            {
                Out.SendReset();
            }

            FailRead(new ObjectDisposedException(nameof(WireEnd)));
            FailWrite(new ObjectDisposedException(nameof(WireEnd)));
            Cable.ForgetIfOver();
        }

        base.Dispose(disposing);
    }

    private static IOException Gone() => new("The connection was reset by the other side.");

    private void Send(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > 0)
        {
            Out.Send(bytes);
        }
    }

    private void FinishRead()
    {
        if (!_reading)
        {
            return;
        }

        if (!In.HasArrived && _reset)
        {
            FailRead(Gone());
        }
        else if (In.HasArrived)
        {
            int count = In.Read(_readInto.Span);
            EndRead();
            _reader.SetResult(count);
        }
    }

    private void FinishWrite()
    {
        if (!_writing)
        {
            return;
        }

        if (_reset)
        {
            FailWrite(Gone());
        }
        else if (Out.HasRoom)
        {
            ReadOnlyMemory<byte> bytes = _toWrite;
            EndWrite();
            Send(bytes.Span);
            _writer.SetResult(true);
        }
    }

    private void FailRead(Exception why)
    {
        if (_reading)
        {
            EndRead();
            _reader.SetException(why);
        }
    }

    private void FailWrite(Exception why)
    {
        if (_writing)
        {
            EndWrite();
            _writer.SetException(why);
        }
    }

    private void CancelRead(CancellationToken token) => FailRead(new OperationCanceledException(token));

    private void CancelWrite(CancellationToken token) => FailWrite(new OperationCanceledException(token));

    private void EndRead()
    {
        _reading = false;
        _readInto = default;
        _readCancelled.Unregister();
        _readCancelled = default;
    }

    private void EndWrite()
    {
        _writing = false;
        _toWrite = default;
        _writeCancelled.Unregister();
        _writeCancelled = default;
    }
}
