using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Meshara.Wire;

namespace Meshara.Net;

// What arrives: the read loop, and who each frame is for.
internal sealed partial class Link
{
    private readonly HandOver _handOver = new();
    private long _receivedAtLook;

    // Since others last had the thread (Turns).
    private int _work;

    private async Task ReadAsync()
    {
        // Not on the thread of who starts the link: what came with the greeting would be handed over there.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            bool more = true;
            while (more)
            {
                // What is here already comes first.
                for (Stop stop = ProcessBuffered(); stop != Stop.Empty && !_peerDone; stop = ProcessBuffered())
                {
                    if (stop == Stop.Turn)
                    {
                        _work = 0;
                        await _streams.Turns.NextAsync();
                    }
                    else if (!await _rates.PauseAsync(_closed.Token).ConfigureAwait(false))
                    {
                        break;
                    }
                }

                IAwaited? arrived = _streams.TakeLone();
                if (_peerDone)
                {
                    // Nothing may follow, and a peer that has closed already would answer a read with an exception.
                    arrived?.Queue();
                    return;
                }

#pragma warning disable CA2012 // Its result is taken once; until then it is only asked, and told where to go on.
                ValueTask<bool> filling = FillAsync();
#pragma warning restore CA2012
                if (arrived is not null)
                {
                    if (Thread.CurrentThread.IsThreadPoolThread)
                    {
                        await _handOver.To(arrived, filling);
                    }
                    else
                    {
                        // A transport's own thread, which is not for the application's code.
                        arrived.Queue();
                    }
                }

                more = await filling.ConfigureAwait(false);
            }

            End(DisconnectReason.ConnectionLost, _p.Reader.HasPartial ? "the connection ended within a frame" : "the connection ended without a goodbye");
        }
        catch (WireException error)
        {
            if (EndForViolation(error))
            {
                await DiscardAsync().ConfigureAwait(false);
            }
        }
        catch (Exception fault)
        {
            _p.OnHandlerFault("(link)", fault);
            Close(DisconnectReason.InternalError, fault.GetType().Name);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> FillAsync()
    {
        try
        {
            ValueTask<bool> filling = _p.Reader.FillAsync(CancellationToken.None);
            if (filling.IsCompleted)
            {
                return await filling.ConfigureAwait(false);
            }

            _work = 0;
            bool more = await filling.ConfigureAwait(false);

            // Sockets that are ready are served one after the other, for 15 ms at a stretch: much work must not be done there.
            if (_p.Reader.Buffered >= Turns.Much && _streams.Turns.AreWaited)
            {
                await _streams.Turns.NextAsync();
            }

            return more;
        }
        catch (Exception error) when (error is IOException or InvalidOperationException)
        {
            End(DisconnectReason.ConnectionLost, error.Message);
            return false;
        }
    }

    // After a protocol error the peer shall be able to read why: what it sends meanwhile is thrown away unread.
    private async Task DiscardAsync()
    {
        try
        {
            byte[] waste = new byte[4096];
            while (await _p.Stream.ReadAsync(waste).ConfigureAwait(false) > 0)
            {
            }
        }
        catch (Exception error) when (error is IOException or InvalidOperationException)
        {
            // The end that was waited for.
        }
    }

    // From one look to the next nothing has come: it keeps no memory for what may.
    private void RestWhenQuiet()
    {
        long received = Volatile.Read(ref _bytesReceived);
        if (received == _receivedAtLook)
        {
            _p.Reader.Rest();
            _streams.DropSpares();
        }
        else
        {
            _streams.TrimSpares();
        }

        _receivedAtLook = received;
    }

    // A peer that sends without a break must not keep a thread from the others; one that is over a limit has to wait. What is left waits too.
    private Stop ProcessBuffered()
    {
        bool alive = false;
        bool taken = false;
        bool over = false;
        bool goesOn = false;
        bool turn = false;
        TimeSpan now;
        try
        {
            while (!over && !(turn = _streams.Turns.IsOver(_work)) && _p.Reader.TryTake(FrameCodec.MaxPayload, out FrameHeader header, out ReadOnlySpan<byte> payload))
            {
                _bytesReceived += FrameCodec.HeaderSize + payload.Length;
                _work += Turns.CostOf(payload.Length);
                if (_peerDone)
                {
                    throw new WireException(isViolation: false, "A frame after DONE.");
                }

                taken = true;
                alive |= Take(header, payload);
                over = _rates.IsDue(_bytesReceived) && _rates.Look(_bytesReceived, _p.Clock.Now);
            }

            now = _p.Clock.Now;
            over |= _rates.Look(_bytesReceived, now);
            goesOn = !over && !turn;
        }
        finally
        {
            _streams.Flush(keepsLone: goesOn);
        }

        if (alive)
        {
            Volatile.Write(ref _lastFrame, now.Ticks);
        }

        // While this side does not read, the other is not late with the rest of a frame.
        if (over || turn || !_p.Reader.HasPartial)
        {
            Volatile.Write(ref _partialSince, -1);
        }
        else if (taken || _partialSince < 0)
        {
            Volatile.Write(ref _partialSince, now.Ticks);
        }

        return over ? Stop.Limit : turn ? Stop.Turn : Stop.Empty;
    }

    /// <summary>Takes one frame of the peer; for who drives the link by hand.</summary>
    internal void Dispatch(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        Take(header, payload);
        _streams.Flush();
    }

    // Whether it is a sign of life.
    private bool Take(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        switch (header.Type)
        {
            case FrameType.Data:
                _streams.ReceiveData(header.Flags, payload);
                return true;
            case FrameType.Open:
                _streams.ReceiveOpen(payload);
                return true;
            case FrameType.Window:
                _rates.CountAnswer();
                StreamFrames.ParseWindow(payload, out ulong windowId, out long increment);
                _streams.Find(windowId)?.ReceiveCredit(increment);
                return true;
            case FrameType.Reset:
                _rates.CountAnswer();
                StreamFrames.ParseReset(payload, out ulong resetId, out long resetCode);
                _streams.Find(resetId)?.ReceiveReset(resetCode);
                return true;
            case FrameType.StopSending:
                _rates.CountAnswer();
                StreamFrames.ParseStopSending(payload, out ulong stopId, out long stopCode);
                _streams.Find(stopId)?.ReceiveStopSending(stopCode);
                return true;
            case FrameType.Ack:
                _rates.CountAnswer();
                StreamFrames.ParseAck(payload, out ulong ackId, out long ackCode);
                _streams.Find(ackId)?.ReceiveAck(ackCode);
                return true;
            case FrameType.MaxStreams:
                _rates.CountAnswer();
                StreamFrames.ParseMaxStreams(payload, out long count);
                _streams.ReceiveMaxStreams(count);
                return true;
            default:
                return DispatchLinkFrame(header.Type, payload);
        }
    }

    private bool DispatchLinkFrame(FrameType type, ReadOnlySpan<byte> payload)
    {
        switch (type)
        {
            case FrameType.Ping:
                _rates.CountControl();
                ulong ping = ReadNonce(payload);
                if (!_outbox.TrySayPong(ping))
                {
                    _rates.CountUnansweredPing();
                }

                return true;
            case FrameType.Pong:
                ulong pong = ReadNonce(payload);
                if (!_pings.TrySettle(pong))
                {
                    throw new WireException(isViolation: true, "A PONG that answers no PING.");
                }

                _p.OnPong(pong);
                return true;
            case FrameType.Goodbye:
                ReceiveGoodbye(Goodbye.Parse(payload));
                return true;
            case FrameType.Done:
                ControlFrames.ParseDone(payload);
                if (!_peerSaidGoodbye || _streams.Count > 0)
                {
                    throw new WireException(isViolation: false, "DONE out of place.");
                }

                _peerDone = true;
                return true;
            case FrameType.Notice:
                _rates.CountControl();
                Notice notice = Notice.Parse(payload);
                if (notice.Code == NoticeCode.IdentityInUse)
                {
                    _p.OnIdentityInUse(PeerText.Clean(notice.Message));
                }

                return true;
            case FrameType.Hello or FrameType.Proof or FrameType.Ready or FrameType.Refuse:
                throw new WireException(isViolation: true, $"{type} on a live link.");
            default:
                _rates.CountControl();
                _counters.AddIgnored();
                return false;
        }
    }

    private static ulong ReadNonce(ReadOnlySpan<byte> payload) =>
        payload.Length == sizeof(ulong)
            ? BinaryPrimitives.ReadUInt64BigEndian(payload)
            : throw new WireException(isViolation: true, $"A PING or PONG of {payload.Length} bytes instead of 8.");

    // Why frames are taken no further.
    private enum Stop
    {
        Empty,
        Turn,
        Limit,
    }
}
