using Meshara.Wire;

namespace Meshara.Fuzz;

/// <summary>What one side of a link may say by sections 7 and 8, from what both have said until now; written apart from the code that says it.</summary>
internal sealed class LinkLedger
{
    private readonly Dictionary<ulong, Entry> _streams = [];
    private readonly long _window, _maxStreams;
    private ulong _nextOwn = 1;
    private long _allowed, _saidAllowed, _ownOpened, _peerOpened;
    private int _pings;
    private bool _saidGoodbye, _heardGoodbye, _saidDone;

    /// <summary>A link that has just begun, of which nothing was said.</summary>
    /// <param name="window">The credit of each direction at first, the same on both sides.</param>
    /// <param name="maxStreams">How many streams each side allows at first.</param>
    public LinkLedger(long window, long maxStreams)
    {
        _window = window;
        _maxStreams = _allowed = _saidAllowed = maxStreams;
    }

    /// <summary>Of all that was said.</summary>
    public long Hash { get; private set; }

    /// <summary>The stream of a frame.</summary>
    public static ulong IdOf(ReadOnlySpan<byte> payload)
    {
        WireReader reader = new(payload);
        return reader.ReadVarint();
    }

    /// <summary>A frame of the peer's that was taken.</summary>
    public void Heard(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        switch (header.Type)
        {
            case FrameType.Open:
                StreamFrames.ParseOpen(payload, out ulong opened, out StreamKind kind, out string _, out bool _);
                Expect(++_peerOpened <= _saidAllowed, "an OPEN beyond MAX_STREAMS was taken");
                Expect(!_heardGoodbye, "an OPEN after GOODBYE was taken");
                Expect(_streams.TryAdd(opened, new Entry(kind, IsOwn: false) { Credit = _window }), "a stream was opened twice");
                break;
            case FrameType.Data:
                StreamFrames.ParseData(header.Flags, payload, out ulong id, out ReadOnlySpan<byte> _);
                Entry data = _streams[id];
                Expect(!data.PeerClosed, "DATA after its end was taken");
                data.PeerClosed = header.Flags.HasFlag(FrameFlags.Fin);
                data.AcksAsked += header.Flags.HasFlag(FrameFlags.Acknowledge) ? 1 : 0;
                break;
            case FrameType.Reset:
                Entry reset = _streams[IdOf(payload)];
                (reset.PeerClosed, reset.WasReset) = (true, true);
                break;
            case FrameType.Window:
                StreamFrames.ParseWindow(payload, out ulong toGrow, out long increment);
                Entry grown = _streams[toGrow];
                grown.Credit = increment > long.MaxValue - grown.Credit ? long.MaxValue : grown.Credit + increment;
                break;
            case FrameType.MaxStreams:
                StreamFrames.ParseMaxStreams(payload, out long count);
                _allowed = Math.Max(_allowed, count);
                break;
            case FrameType.Ping:
                _pings++;
                break;
            case FrameType.Goodbye:
                Expect(!_heardGoodbye, "a second GOODBYE was taken");
                _heardGoodbye = true;
                break;
        }
    }

    /// <summary>What the link writes, at once.</summary>
    public void Said(ReadOnlySpan<byte> bytes)
    {
        Hash = Verdict.With(Hash, Verdict.Of(bytes));
        while (!bytes.IsEmpty)
        {
            Expect(FrameCodec.TryReadHeader(bytes, FrameCodec.MaxPayload, out FrameHeader header) && bytes.Length - FrameCodec.HeaderSize >= header.Length, "no whole frame");
            Expect(!_saidDone, "a frame after DONE");
            Said(header, bytes.Slice(FrameCodec.HeaderSize, header.Length));
            bytes = bytes[(FrameCodec.HeaderSize + header.Length)..];
        }
    }

    private void Said(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        switch (header.Type)
        {
            case FrameType.Open:
                StreamFrames.ParseOpen(payload, out ulong opened, out StreamKind kind, out string _, out bool _);
                Expect(opened == _nextOwn && ++_ownOpened <= _allowed && !_saidGoodbye, "an OPEN out of order, beyond MAX_STREAMS or after GOODBYE");
                _nextOwn += 2;
                _streams.Add(opened, new Entry(kind, IsOwn: true) { Credit = _window });
                break;
            case FrameType.Data:
                SaidData(header.Flags, payload);
                break;
            case FrameType.Reset:
                Entry reset = _streams[IdOf(payload)];
                Expect(!reset.SaidReset && !IsOver(reset), "a second RESET, or one for a stream that is over");
                (reset.Closed, reset.SaidReset, reset.WasReset) = (true, true, true);
                break;
            case FrameType.StopSending:
                Entry stopped = _streams[IdOf(payload)];
                Expect(stopped.Kind == StreamKind.Bytes && !stopped.SaidStop, "STOP_SENDING for another kind, or twice");
                stopped.SaidStop = true;
                break;
            case FrameType.Window:
                StreamFrames.ParseWindow(payload, out ulong grown, out long increment);
                Expect(increment > 0 && !(_streams[grown] is { IsOwn: true, Kind: StreamKind.Messages }), "WINDOW for a direction without data");
                break;
            case FrameType.Ack:
                Entry acked = _streams[IdOf(payload)];
                Expect(acked is { IsOwn: false, Kind: StreamKind.Messages, WasReset: false } && ++acked.AcksSaid <= acked.AcksAsked, "an ACK that nobody asked for");
                break;
            case FrameType.MaxStreams:
                StreamFrames.ParseMaxStreams(payload, out long count);
                Expect(count > _saidAllowed && count <= _peerOpened + _maxStreams, "MAX_STREAMS that is no more, or too much");
                _saidAllowed = count;
                break;
            case FrameType.Pong:
                Expect(_pings-- > 0, "a PONG without PING");
                break;
            case FrameType.Goodbye:
                Expect(!_saidGoodbye, "a second GOODBYE");
                _saidGoodbye = true;
                break;
            case FrameType.Done:
                Expect(_saidGoodbye && _heardGoodbye && _streams.Values.All(IsOver), "DONE before both GOODBYEs and the end of all streams");
                _saidDone = true;
                break;
            default:
                Expect(header.Type == FrameType.Notice, $"a frame of type {header.Type}");
                break;
        }
    }

    private void SaidData(FrameFlags flags, ReadOnlySpan<byte> payload)
    {
        StreamFrames.ParseData(flags, payload, out ulong id, out ReadOnlySpan<byte> body);
        Entry data = _streams[id];
        Expect(!data.Closed, "DATA after FIN or RESET");
        Expect(data.IsOwn || data.Kind != StreamKind.Messages, "DATA from the acceptor of messages");
        Expect(data.Kind == StreamKind.Messages || (flags & ~FrameFlags.Fin) == FrameFlags.None, "a flag that the kind does not have");
        data.Credit -= StreamFrames.CostOf(flags, body.Length);
        Expect(data.Credit >= 0, "DATA beyond the credit");
        data.Closed = flags.HasFlag(FrameFlags.Fin);
    }

    private static bool IsOver(Entry e) => e.Kind != StreamKind.Messages ? e.Closed && e.PeerClosed
        : e.IsOwn ? e.Closed
        : e.PeerClosed && (e.WasReset || e.AcksSaid == e.AcksAsked);

    private static void Expect(bool condition, string what)
    {
        if (!condition)
            throw new FindingException($"Against the protocol: {what}.");
    }

    private sealed record Entry(StreamKind Kind, bool IsOwn)
    {
        public long Credit { get; set; }

        public int AcksAsked { get; set; }

        public int AcksSaid { get; set; }

        public bool Closed { get; set; }

        public bool PeerClosed { get; set; }

        public bool WasReset { get; set; }

        public bool SaidReset { get; set; }

        public bool SaidStop { get; set; }
    }
}
