using Meshara.Net;

namespace Meshara;

/// <summary>Bytes both ways between two nodes, over the link they share; each side ends its direction by itself.</summary>
/// <remarks>
/// One reader and one writer at a time. Writing completes when the bytes are copied under the peer's credit; a peer that does not read makes it wait.
/// Wire protocol section 8, kind 2.
/// </remarks>
public sealed class MeshStream : Stream
{
    private readonly ByteStream _stream;

    internal MeshStream(ByteStream stream) => _stream = stream;

    /// <summary>The other side: the id proven in the TLS handshake.</summary>
    public NodeId Peer => _stream.Peer;

    /// <summary>The protocol the stream was opened for.</summary>
    public string Protocol => _stream.Protocol;

    /// <summary>True until the stream is disposed.</summary>
    public override bool CanRead => !_stream.IsClosed;

    /// <summary>True until the stream is disposed, also after <see cref="CompleteWrites"/>.</summary>
    public override bool CanWrite => !_stream.IsClosed;

    /// <summary>Always false.</summary>
    public override bool CanSeek => false;

    /// <summary>Not supported.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    public override long Length => throw new NotSupportedException();

    /// <summary>Not supported.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Cancelled when either side aborts the stream or the link is lost, also for who neither reads nor writes at the moment; a write then throws
    /// the reason. Not cancelled by an end of both directions.</summary>
    public CancellationToken Aborted => _stream.Aborted;

    /// <summary>Ends this node's direction after what was written: the peer reads to the end of the stream. Reading goes on. Throws nothing; a second call does nothing.</summary>
    public void CompleteWrites() => _stream.Finish();

    /// <summary>Ends both directions at once; what was not read yet is lost. Reads and writes, those that wait among them, throw <see cref="MesharaErrorCode.StreamReset"/>
    /// with this code in <see cref="MesharaException.StreamCode"/>, here and at the peer. Does nothing when both directions have ended.</summary>
    /// <param name="code">For the application at the other end: 0, or 256 and above.</param>
    /// <exception cref="ArgumentOutOfRangeException">Another code, which the protocol keeps for itself, or above 2^62 - 1.</exception>
    public void Abort(long code = 0)
    {
        if (code is (not 0 and < Wire.StreamCode.FirstApplication) or > (1L << 62) - 1)
        {
            throw new ArgumentOutOfRangeException(nameof(code), code, "A code of the application is 0, or 256 to 2^62 - 1.");
        }

        _stream.Abort(code == 0 ? Wire.StreamCode.Cancelled : code);
    }

    /// <summary>Reads what is there, at least one byte; 0 at the end of the peer's direction.</summary>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.StreamReset"/>: either side aborted it (<see cref="MesharaException.StreamCode"/> is what it gave), or, for a
    /// write, the peer disposed its end and reads no more. <see cref="MesharaErrorCode.HandlerFailed"/>, <see cref="MesharaErrorCode.UnknownProtocol"/>,
    /// <see cref="MesharaErrorCode.RemoteBusy"/>, <see cref="MesharaErrorCode.GoingAway"/>: the other side did not take it or
    /// did not finish. <see cref="MesharaErrorCode.LinkClosed"/>.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; nothing was read.</exception>
    /// <exception cref="ObjectDisposedException">The stream is disposed, or was while the read waited.</exception>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => _stream.ReadAsync(buffer, cancellationToken);

    /// <inheritdoc cref="ReadAsync(Memory{byte}, CancellationToken)"/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        ValidateBufferArguments(buffer, offset, count);
        return _stream.ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }

    /// <summary>Writes all of it: done when the bytes are copied under the peer's credit.</summary>
    /// <exception cref="MesharaException">As for reading.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled. It is unknown how much was sent: abort the stream then.</exception>
    /// <exception cref="InvalidOperationException">After <see cref="CompleteWrites"/>.</exception>
    /// <exception cref="ObjectDisposedException">The stream is disposed. A write that waits while it is disposed goes on.</exception>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => _stream.WriteAsync(buffer, cancellationToken);

    /// <inheritdoc cref="WriteAsync(ReadOnlyMemory{byte}, CancellationToken)"/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        ValidateBufferArguments(buffer, offset, count);
        return _stream.WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }

    /// <summary>Does nothing and throws nothing: what is written goes out by itself.</summary>
    public override void Flush()
    {
    }

    /// <inheritdoc cref="Flush"/>
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

#pragma warning disable VSTHRD002 // The contract of Stream; these block the application's thread, never one of ours.
    /// <summary>As <see cref="ReadAsync(Memory{byte}, CancellationToken)"/>, blocking the caller's thread. Prefer that.</summary>
    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer, offset, count, CancellationToken.None).GetAwaiter().GetResult();

    /// <summary>As <see cref="WriteAsync(ReadOnlyMemory{byte}, CancellationToken)"/>, blocking the caller's thread. Prefer that.</summary>
    public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer, offset, count, CancellationToken.None).GetAwaiter().GetResult();
#pragma warning restore VSTHRD002

    /// <summary>Not supported.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <summary>Not supported.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Ends this direction as <see cref="CompleteWrites"/> does, and tells the peer that nothing more is read. A read that waits ends with <see cref="ObjectDisposedException"/>.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _stream.Close();
        }

        base.Dispose(disposing);
    }
}
