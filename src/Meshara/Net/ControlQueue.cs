using System.Buffers.Binary;
using Meshara.Wire;

namespace Meshara.Net;

/// <summary>
/// Frames that go before bulk (wire protocol section 7.4), kept as what is to be said rather than as bytes, so that they cannot pile up:
/// one PONG, a few PINGs, one increment for each stream. Guarded by the outbox's gate.
/// </summary>
internal sealed class ControlQueue
{
    /// <summary>Section 7.1.</summary>
    public const int MaxPings = 4;

    // Header and two varints: the longest of the frames that are not built elsewhere.
    private const int PairSize = FrameCodec.HeaderSize + (2 * Varint.MaxLength);

    private readonly Queue<ulong> _pings = new();
    private readonly Queue<LinkStream> _windows = new();
    private readonly Queue<LinkStream> _endings = new();
    private ulong? _pong;
    private byte[]? _goodbye;
    private bool _goodbyeSaid;
    private byte[]? _notice;
    private long _maxStreams;

    /// <summary>DONE goes out when everything else has.</summary>
    public bool DonePending { get; set; }

    /// <summary>DONE is written: nothing may follow.</summary>
    public bool DoneWritten { get; private set; }

    public bool HasHead => _pong is not null || _pings.Count > 0 || _goodbye is not null || _notice is not null || _maxStreams > 0 || _windows.Count > 0;

    public bool HasTail => _endings.Count > 0 || DonePending;

    /// <summary>A newer PING takes the place of one that was not answered yet: false then.</summary>
    public bool TryPong(ulong nonce)
    {
        bool first = _pong is null;
        _pong = nonce;
        return first;
    }

    public void Ping(ulong nonce)
    {
        if (_pings.Count < MaxPings)
        {
            _pings.Enqueue(nonce);
        }
    }

    /// <summary>GOODBYE is said once: the first.</summary>
    public void Goodbye(byte[] frame)
    {
        if (!_goodbyeSaid)
        {
            _goodbyeSaid = true;
            _goodbye = frame;
        }
    }

    public void Notice(byte[] frame) => _notice = frame;

    public void MaxStreams(long count) => _maxStreams = count;

    public void Window(LinkStream stream, long increment)
    {
        if (stream.PendingWindow == 0)
        {
            _windows.Enqueue(stream);
        }

        stream.PendingWindow += increment;
    }

    /// <summary>The stream has a RESET or STOP_SENDING to send; these keep behind the stream's DATA.</summary>
    public void Ending(LinkStream stream)
    {
        if (!stream.InEndings)
        {
            stream.InEndings = true;
            _endings.Enqueue(stream);
        }
    }

    /// <summary>Writes what fits of the frames that overtake; returns the bytes written.</summary>
    /// <param name="room">Where to.</param>
    /// <param name="opens">An OPEN waits to be written: GOODBYE must not overtake it (section 7.2), and goes first in the tail instead.</param>
    public int WriteHead(Span<byte> room, bool opens)
    {
        int written = 0;
        if (_pong is { } pong)
        {
            written += WriteNonce(room[written..], FrameType.Pong, pong);
            _pong = null;
        }

        while (_pings.TryDequeue(out ulong ping))
        {
            written += WriteNonce(room[written..], FrameType.Ping, ping);
        }

        written += opens ? 0 : Take(ref _goodbye, room[written..]);
        written += Take(ref _notice, room[written..]);
        if (_maxStreams > 0 && room.Length - written >= PairSize)
        {
            written += StreamFrames.WriteMaxStreams(room[written..], _maxStreams);
            _maxStreams = 0;
        }

        while (room.Length - written >= PairSize && _windows.TryDequeue(out LinkStream? stream))
        {
            if (!stream.IsOver)
            {
                written += StreamFrames.WriteWindow(room[written..], stream.Id, stream.PendingWindow);
            }

            stream.PendingWindow = 0;
        }

        return written;
    }

    /// <summary>Writes what fits of the frames that keep behind DATA; returns the bytes written.</summary>
    public int WriteTail(Span<byte> room)
    {
        int written = Take(ref _goodbye, room);
        while (room.Length - written >= 3 * PairSize && _endings.TryDequeue(out LinkStream? stream))
        {
            stream.InEndings = false;
            written += WriteAcks(stream, room[written..]);
            if (stream.InEndings)
            {
                continue;
            }

            if (stream.TakeStopSending() is { } stop)
            {
                written += StreamFrames.WriteStopSending(room[written..], stream.Id, stop);
            }

            if (stream.TakeReset() is { } reset)
            {
                written += StreamFrames.WriteReset(room[written..], stream.Id, reset);
            }
        }

        if (DonePending && _endings.Count == 0 && _goodbye is null && room.Length - written >= FrameCodec.HeaderSize)
        {
            FrameCodec.WriteHeader(room[written..], FrameType.Done, FrameFlags.None, 0);
            written += FrameCodec.HeaderSize;
            DonePending = false;
            DoneWritten = true;
        }

        return written;
    }

    // What does not fit goes first next time; a RESET must not overtake it.
    private int WriteAcks(LinkStream stream, Span<byte> room)
    {
        int written = 0;
        while (stream.AcksQueued > 0)
        {
            if (room.Length - written < 3 * PairSize)
            {
                Ending(stream);
                break;
            }

            written += StreamFrames.WriteAck(room[written..], stream.Id, stream.TakeAck());
            stream.OnAckWritten();
        }

        return written;
    }

    private static int WriteNonce(Span<byte> room, FrameType type, ulong nonce)
    {
        FrameCodec.WriteHeader(room, type, FrameFlags.None, sizeof(ulong));
        BinaryPrimitives.WriteUInt64BigEndian(room[FrameCodec.HeaderSize..], nonce);
        return FrameCodec.HeaderSize + sizeof(ulong);
    }

    private static int Take(ref byte[]? frame, Span<byte> room)
    {
        if (frame is null || frame.Length > room.Length)
        {
            return 0;
        }

        int length = frame.Length;
        frame.CopyTo(room);
        frame = null;
        return length;
    }
}
