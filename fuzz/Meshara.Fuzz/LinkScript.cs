using Meshara.Net;
using Meshara.Wire;

namespace Meshara.Fuzz;

/// <summary>A whole link but for its two loops: the peer's frames go to its dispatch, what it would write goes to <see cref="LinkLedger"/>. A finding is: an exception other than WireException,
/// a frame that section 7 or 8 forbids, and anything that is held after the end. Two frames of types that nobody knows stand for what is no frame: time, and what the application does.</summary>
internal sealed class LinkScript
{
    /// <summary>The payload's first byte: seconds that pass.</summary>
    public const byte Passes = 0xA0;

    /// <summary>The payload's first byte: what this side does.</summary>
    public const byte Does = 0xA1;

    // So few that no handler has to wait with an ACK, which it would do on another thread.
    private const int MaxFrames = 60;
    private const int MaxStreams = 8, Window = 4096, MaxMessage = 64 << 10;

    private static readonly MesharaException Gone = new(MesharaErrorCode.LinkClosed, "The link is gone.");
    private static readonly LinkLimits Limits = new() { MaxStreams = MaxStreams, InitialWindow = Window, MaxMessage = MaxMessage, LinkReassembly = 2 * MaxMessage, NodeReassembly = 2 * MaxMessage };

    private readonly Frozen _time = new();
    private readonly List<IThreadPoolWorkItem> _work = [];
    private readonly TaskTracker _tasks;
    private readonly Dictionary<ulong, List<IThreadPoolWorkItem>> _pumps = [];
    private readonly List<ByteStream> _bytes = [];
    private readonly List<RequestOut> _requests = [];
    private readonly LinkLedger _ledger = new(Window, MaxStreams);
    private readonly FrameReader _reader = new(Stream.Null);
    private readonly NodePlaces _places = NodePlaces.From(Limits);
    private readonly Link _link;
    private readonly int _free, _freeReplies;
    private int _frames;
    private bool _ended;

    public LinkScript()
    {
        Handlers handlers = new();
        handlers.AddMessages("m", static (message, _) => message.Payload.Span is [0xEE, ..] ? throw new InvalidOperationException() : ValueTask.CompletedTask);
        handlers.AddRequests("r", static (message, _) => message.Payload.Span switch
        {
            [0xEE, ..] => throw new InvalidOperationException(),
            [0xED, ..] => ValueTask.FromResult<ReadOnlyMemory<byte>>(new byte[MaxMessage + 1]),
            var body => ValueTask.FromResult<ReadOnlyMemory<byte>>(body[..Math.Min(16, body.Length)].ToArray()),
        });
        handlers.AddStreams("b", static (stream, ct) => stream.WriteAsync(new byte[] { 1, 2, 3 }, ct));
        _link = new Link(new LinkParameters
        {
            Stream = Stream.Null,
            Reader = _reader,
            PeerKey = ToySigner.Key,
            Address = "peer:1",
            Inbound = true,
            Remote = new Hello { MinVersion = 1, MaxVersion = 1, Id = ToySigner.Key.Id, Instance = 1, Nonce = new byte[32], Mesh = "m", MaxMessage = MaxMessage, InitialWindow = Window, MaxStreams = MaxStreams },
            Limits = Limits,
            Timeouts = new NodeTimeouts(),
            Clock = new NodeClock(_time),
            Turns = new Turns(_work.Add),
            Handlers = handlers,
            Tasks = _tasks = new TaskTracker(static fault => throw new FindingException($"A handler's task failed: {fault}"), _work.Add),
            NodePlaces = _places,
            Stopping = CancellationToken.None,
            OnPong = static _ => { },
            OnIdentityInUse = static _ => { },
            OnOverLimit = static _ => { },
            OnHandlerFault = static (_, _) => { },
        });
        (_free, _freeReplies) = (_link.Streams.Places.Link.Free, _link.Streams.ReplyPlaces.Link.Free);
    }

    /// <summary>One frame of the peer, whole and decoded by others; nothing once the link has ended.</summary>
    public void Play(ReadOnlySpan<byte> bytes)
    {
        if (_ended || _frames++ >= MaxFrames)
        {
            return;
        }

        FrameCodec.TryReadHeader(bytes, FrameCodec.MaxPayload, out FrameHeader header);
        ReadOnlySpan<byte> payload = bytes.Slice(FrameCodec.HeaderSize, header.Length);
        try
        {
            switch ((byte)header.Type)
            {
                case Passes when payload.Length > 0:
                    _time.Pass(TimeSpan.FromSeconds(payload[0]));
                    _link.CheckLiveness();
                    break;
                case Does when payload.Length > 0:
                    Do(payload[0]);
                    break;
                default:
                    _link.Dispatch(header, payload);
                    _ledger.Heard(header, payload);
                    _ended = header.Type == FrameType.Done;
                    break;
            }
        }
        catch (WireException)
        {
            // Nothing but last words follows.
            _ended = true;
            return;
        }

        RunWork(header, payload);
        Write();
        if (_link.Streams.PeerPlaces.Live > MaxStreams)
        {
            throw new FindingException($"{_link.Streams.PeerPlaces.Live} streams of the peer at a time.");
        }
    }

    /// <summary>The link is gone: nothing is held any more.</summary>
    public long End()
    {
        _link.Streams.LinkDown(Gone);
        foreach (IThreadPoolWorkItem pump in _pumps.OrderBy(static p => p.Key).SelectMany(static p => p.Value))
        {
            Run(pump);
        }

        _pumps.Clear();
        RunQueue();
        StreamTable table = _link.Streams;
        (string What, long Held)[] held =
        [
            ("streams", table.Count),
            ("protocols", table.MessageProtocols),
            ("unopened", table.Unopened),
            ("window", table.Windows.Used),
            ("places", _free - table.Places.Link.Free),
            ("reply places", _freeReplies - table.ReplyPlaces.Link.Free),
            ("waiting", table.Places.Link.Waiting + table.ReplyPlaces.Link.Waiting),
        ];
        foreach ((string what, long count) in held)
        {
            if (count != 0)
                throw new FindingException($"After the end: {count} {what}.");
        }

        _reader.Dispose();
        return _ledger.Hash;
    }

    /// <summary>Links that go well, to be changed.</summary>
    public static IEnumerable<byte[]> Seeds()
    {
        byte[] buffer = new byte[ControlFrames.MaxFrame];
        byte[] close = buffer[..ControlFrames.WriteGoodbye(buffer, new Goodbye { Code = GoodbyeCode.Shutdown })], done = Frame((byte)FrameType.Done, []);
        yield return [.. Open(0, 1, "r"), .. Data(0, 2, 5), .. Open(2, 1, "r"), .. Data(2, 0, 5, 6), .. Pair(FrameType.Reset, 2, 1), .. Open(4, 1, "?"), .. close];
        yield return [.. Open(0, 0, "m"), .. Data(0, 1, 1), .. Data(0, 5, 2), .. Data(0, 0, 3), .. Data(0, 5, 0xEE), .. Data(0, 2), .. Open(2, 0, "m"), .. Data(2, 7, 1)];
        yield return [.. Open(0, 2, "b"), .. Data(0, 0, 1, 2), .. Pair(FrameType.Window, 0, 90), .. Pair(FrameType.StopSending, 0, 1), .. Data(0, 2), .. close, .. done];
        yield return [.. Act(0), .. Act(1), .. Act(2), .. Data(1, 2, 7), .. Pair(FrameType.Ack, 3, 0), .. Pair(FrameType.Window, 3, 4000), .. Act(1), .. Act(3), .. Pair(FrameType.Ack, 3, 3), .. Act(7)];
        yield return [.. Act(0), .. Act(0), .. Pair(FrameType.Reset, 1, 5), .. Act(4), .. Data(3, 2, 1), .. Act(2), .. Act(5), .. Act(2), .. Act(6), .. Frame(Passes, [35]), .. close];
        yield return [.. Open(0, 1, "r"), .. Data(0, 0, [.. new byte[2000]]), .. Data(0, 0, [.. new byte[1990]]), .. Frame(Passes, [11]), .. Data(0, 2, 1), .. Frame((byte)FrameType.MaxStreams, [40])];
        yield return [.. Act(8), .. Act(8), .. Pair(FrameType.Window, 1, 9000), .. Act(7), .. close, .. Pair(FrameType.Ack, 1, 0), .. Pair(FrameType.Ack, 1, 0), .. done];
    }

    private static byte[] Act(byte what) => Frame(Does, [what]);

    private static byte[] Frame(byte type, ReadOnlySpan<byte> payload) => [0, 0, (byte)(payload.Length >> 8), (byte)payload.Length, type, 0, .. payload];

    private static byte[] Open(ulong id, byte kind, string protocol)
    {
        byte[] frame = new byte[StreamFrames.MaxControlFrame];
        return frame[..StreamFrames.WriteOpen(frame, id, (StreamKind)kind, protocol)];
    }

    private static byte[] Data(ulong id, byte flags, params byte[] body)
    {
        byte[] frame = new byte[StreamFrames.MaxDataOverhead + body.Length];
        return frame[..StreamFrames.WriteData(frame, (FrameFlags)flags, id, body)];
    }

    private static byte[] Pair(FrameType type, ulong id, long value)
    {
        byte[] frame = new byte[StreamFrames.MaxControlFrame];
        int length = type switch
        {
            FrameType.Reset => StreamFrames.WriteReset(frame, id, value),
            FrameType.StopSending => StreamFrames.WriteStopSending(frame, id, value),
            FrameType.Ack => StreamFrames.WriteAck(frame, id, value),
            _ => StreamFrames.WriteWindow(frame, id, value),
        };
        return frame[..length];
    }

    // What the application does. Nobody waits for what comes of it.
    private void Do(byte what)
    {
        try
        {
            switch (what % 9)
            {
                case 0:
                    RequestOut request = new(_link.Streams, "r");
                    _link.Streams.Open(request);
                    _requests.Add(request);
                    Write(request, 40, FrameFlags.Fin);
                    break;
                case 1:
                    Write(_link.Streams.MessagesOf("m"), 100, FrameFlags.EndOfMessage | FrameFlags.Acknowledge, new AckWaiter());
                    break;
                case 2:
                    ByteStream bytes = new(_link.Streams, "b", opener: true);
                    bytes.Open();
                    _bytes.Add(bytes);
                    Write(bytes, 3000, FrameFlags.None);
                    break;
                case 3 when _bytes is [.., var open] && !open.IsClosed && !open.SendEnded:
                    Write(open, 3000, FrameFlags.None);
                    break;
                case 4 when _requests is [.., var asked]:
                    asked.Reset(StreamCode.Cancelled, Gone);
                    break;
                case 5 when _bytes is [.., var ending]:
                    ending.Close();
                    break;
                case 6 when _bytes is [var aborted, ..]:
                    aborted.Abort(300);
                    break;
                case 7:
                    _link.Close(DisconnectReason.LocalShutdown, "");
                    break;
                case 8:
                    Write(_link.Streams.MessagesOf("m"), 6000, FrameFlags.EndOfMessage | FrameFlags.Acknowledge, new AckWaiter());
                    break;
            }
        }
        catch (MesharaException)
        {
            // The link is closing, the stream was ended, or the protocol has just been refused.
        }
    }

    private void Write(LinkStream stream, int bytes, FrameFlags flags, AckWaiter? ack = null)
    {
        Task written = _link.Outgoing.WriteAsync(stream, new byte[bytes], flags, ack, CancellationToken.None).AsTask();
        if (written.Exception is { InnerException: not MesharaException } fault)
            throw new FindingException($"A write failed: {fault}");
    }

    private void Write()
    {
        ReadOnlyMemory<byte> chunk;
        while (!(chunk = _link.Outgoing.TakeNext()).IsEmpty)
        {
            _ledger.Said(chunk.Span);
            _link.Streams.OpenWaitingStreams();
        }
    }

    // Handlers of messages run when their stream has ended, since one that waits would go on on another thread; others at once.
    private void RunWork(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.Type == FrameType.Open && _work.Count > 0)
        {
            StreamFrames.ParseOpen(payload, out ulong opened, out StreamKind kind, out string _, out bool _);
            if (kind == StreamKind.Messages)
            {
                _pumps[opened] = [.. _work];
                _work.Clear();
            }
        }

        RunQueue();
        ulong id = header.Type switch
        {
            FrameType.Data when header.Flags.HasFlag(FrameFlags.Fin) => LinkLedger.IdOf(payload),
            FrameType.Reset => LinkLedger.IdOf(payload),
            _ => ulong.MaxValue,
        };
        if (_pumps.Remove(id, out List<IThreadPoolWorkItem>? pumps))
        {
            pumps.ForEach(Run);
            RunQueue();
        }
    }

    private void RunQueue()
    {
        while (_work.Count > 0)
        {
            IThreadPoolWorkItem[] now = [.. _work];
            _work.Clear();
            foreach (IThreadPoolWorkItem work in now)
            {
                Run(work);
            }
        }
    }

    private void Run(IThreadPoolWorkItem work)
    {
        int others = _tasks.Count - 1 - _work.Count;
        work.Execute();
        if (_tasks.Count - _work.Count > others)
            throw new FindingException("A handler waits, and nothing is to wait for.");
    }

    private sealed class Frozen : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddTicks(_now);

        public void Pass(TimeSpan time) => _now += time.Ticks;
    }
}
