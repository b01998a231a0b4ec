using System.Buffers;
using Meshara.Wire;

namespace Meshara.Net;

/// <summary>Both directions of a byte stream (wire protocol section 8.1, kind 2); <see cref="MeshStream"/> is what the application holds.</summary>
internal sealed class ByteStream(StreamTable table, string protocol, bool opener) : LinkStream(table, StreamKind.Bytes, protocol, opener)
{
    private const int SegmentSize = 16 << 10;

    private readonly Queue<Piece> _pieces = new();
    private readonly AsyncSignal _signal = new();
    private readonly CancellationTokenSource _ended = new();
    private Piece? _tail;
    private long _overhead;
    private bool _finished;
    private MesharaException? _error;
    private bool _aborted;
    private bool _closed;
    private int _letGo;

    public NodeId Peer => Table.PeerId;

    /// <summary>RESET was sent or came, or the link is gone.</summary>
    public CancellationToken Aborted => _ended.Token;

    /// <summary>The application has let go of it.</summary>
    public bool IsClosed => Volatile.Read(ref _closed);

    public async ValueTask<int> ReadAsync(Memory<byte> destination, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(static signal => ((AsyncSignal)signal!).Set(), _signal);
        while (true)
        {
            // First, so that a handler whose token ends with the stream hears why: the peer's code, not a bare cancellation.
            if (TryRead(destination.Span, out int read, out long giveBack))
            {
                if (giveBack > 0)
                {
                    Table.Counters.AddUseful();
                    GiveBack(giveBack);
                }
                else if (!destination.IsEmpty)
                {
                    LetGo();
                }

                return read;
            }

            cancellationToken.ThrowIfCancellationRequested();
            await _signal.WaitAsync().ConfigureAwait(false);
        }
    }

    public ValueTask WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken) =>
        IsClosed ? ValueTask.FromException(Closed())
        : data.IsEmpty ? ValueTask.CompletedTask : Outbox.WriteAsync(this, data, FrameFlags.None, null, cancellationToken);

    public void Abort(long code) =>
        Reset(code, new MesharaException(MesharaErrorCode.StreamReset, "The stream was aborted on this side.") { StreamCode = StreamErrors.OfApplication(code) });

    /// <summary>Ends this direction after what was written, and wants no more of the other: a read that waits ends, too.</summary>
    public void Close()
    {
        Finish();
        bool finished;
        lock (Window.Sync)
        {
            finished = _finished;
            Volatile.Write(ref _closed, true);
            Drop();
        }

        _signal.Set();

        if (!finished)
        {
            StopSending(StreamCode.Cancelled);
        }

        LetGo();
    }

    /// <summary>Opens it: what it holds counts until the application has read to the end or closed it.</summary>
    public void Open()
    {
        HandlerStarts();
        Table.Open(this);
    }

    /// <summary>Runs the application's handler; its end is the stream's.</summary>
    public void Serve(Func<MeshStream, CancellationToken, ValueTask> handler)
    {
        HandlerStarts();
        Table.Tasks.Start(() => ServeAsync(handler));
    }

    protected override void OnData(FrameFlags flags, ReadOnlySpan<byte> data)
    {
        lock (Window.Sync)
        {
            if (_closed)
            {
                return;
            }

            _overhead += StreamFrames.DataCost;
            while (!data.IsEmpty)
            {
                if (_tail is null || _tail.End == _tail.Buffer.Length)
                {
                    _tail = new Piece(ArrayPool<byte>.Shared.Rent(SegmentSize));
                    _pieces.Enqueue(_tail);
                }

                int length = Math.Min(data.Length, _tail.Buffer.Length - _tail.End);
                data[..length].CopyTo(_tail.Buffer.AsSpan(_tail.End));
                _tail.End += length;
                data = data[length..];
            }
        }

        _signal.Set();
    }

    protected override void OnFinished()
    {
        lock (Window.Sync)
        {
            _finished = true;
        }

        _signal.Set();
    }

    protected override void OnAborted(MesharaException error)
    {
        lock (Window.Sync)
        {
            _aborted = true;

            // The link may go after the peer ended its direction properly: that end, and what came before it, stands.
            if (!_finished || WasReset)
            {
                // The peer's answer to this side's own RESET must not hide its code.
                _error ??= error;
                _finished = true;
                Drop();
            }
        }

        _signal.Set();
        LetGo();
        Table.Tasks.Start(_ended.CancelAsync);
    }

    private async Task ServeAsync(Func<MeshStream, CancellationToken, ValueTask> handler)
    {
        MeshStream stream = new(this);
        try
        {
            await handler(stream, _ended.Token).ConfigureAwait(false);
        }
        catch (Exception fault)
        {
            if (!IsFaultOfThePeer(fault))
            {
                Table.OnHandlerFault(Protocol, fault);
            }

            Reset(StreamCode.HandlerFailed, StreamErrors.Local(MesharaErrorCode.HandlerFailed, "The handler threw."));
        }
        finally
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            HandlerDone();
        }
    }

    // The peer ended the stream or wants no more of it, or the link is gone: the handler could not but fail.
    private bool IsFaultOfThePeer(Exception fault)
    {
        lock (Window.Sync)
        {
            return _aborted || ReferenceEquals(fault, SendFailure?.Error);
        }
    }

    // The acceptor's handler lets go by returning.
    private void LetGo()
    {
        if (IsOpener && Interlocked.Exchange(ref _letGo, 1) == 0)
        {
            HandlerDone();
        }
    }

    private bool TryRead(Span<byte> destination, out int read, out long giveBack)
    {
        read = 0;
        giveBack = 0;
        lock (Window.Sync)
        {
            if (_closed)
            {
                throw Closed();
            }

            if (_error is not null)
            {
                throw _error;
            }

            while (_pieces.TryPeek(out Piece? piece) && read < destination.Length)
            {
                int length = Math.Min(destination.Length - read, piece.End - piece.Start);
                piece.Buffer.AsSpan(piece.Start, length).CopyTo(destination[read..]);
                piece.Start += length;
                read += length;
                if (piece.Start < piece.End)
                {
                    break;
                }

                Free(_pieces.Dequeue());
            }

            if (read > 0)
            {
                giveBack = read + _overhead;
                _overhead = 0;
                return true;
            }

            return _finished || (destination.IsEmpty && _pieces.Count > 0);
        }
    }

    private static ObjectDisposedException Closed() => new(nameof(MeshStream));

    private void Drop()
    {
        while (_pieces.TryDequeue(out Piece? piece))
        {
            Free(piece);
        }
    }

    private void Free(Piece piece)
    {
        if (ReferenceEquals(piece, _tail))
        {
            _tail = null;
        }

        ArrayPool<byte>.Shared.Return(piece.Buffer);
    }

    private sealed class Piece(byte[] buffer)
    {
        public byte[] Buffer { get; } = buffer;

        public int Start { get; set; }

        public int End { get; set; }
    }
}
