using Meshara.Wire;

namespace Meshara.Net;

// What arrives for the stream; the read loop calls it.
internal abstract partial class LinkStream
{
    /// <summary>DATA arrived. Called by the read loop, whose span it is.</summary>
    public void Receive(FrameFlags flags, ReadOnlySpan<byte> data)
    {
        CheckFlags(flags);
        if (RecvClosed)
        {
            throw new WireException(isViolation: true, $"DATA on stream {Id} after its end.");
        }

        int cost = StreamFrames.CostOf(flags, data.Length);
        if (!Window.TrySpend(cost))
        {
            throw new WireException(isViolation: true, $"DATA beyond the credit of stream {Id}.");
        }

        bool fin = flags.HasFlag(FrameFlags.Fin);
        bool ignore = flags.HasFlag(FrameFlags.Acknowledge) ? !TryOweAck() : IgnoresData;

        if (!ignore && cost > 0)
        {
            OnData(flags, data);
        }

        if (fin)
        {
            if (!ignore)
            {
                OnFinished();
            }

            CloseReceiving();
        }
    }

    public void ReceiveReset(long code)
    {
        MesharaException error = FromPeer(code);
        lock (Outbox.Gate)
        {
            if (IsOver)
            {
                return;
            }

            WasReset = true;
            RecvClosed = true;
            FailSending(error);
            _acksOwed = 0;
            _acks?.Clear();
            if (!SendClosed)
            {
                SendEnded = SendClosed = true;
                _reset = StreamCode.None;
                Outbox.End(this);
            }

            CheckOver();
        }

        OnAborted(error);
    }

    public void ReceiveStopSending(long code)
    {
        if (IsKind0Acceptor)
        {
            throw new WireException(isViolation: true, "STOP_SENDING for a direction without data.");
        }

        lock (Outbox.Gate)
        {
            if (SendClosed)
            {
                return;
            }

            MesharaException error = FromPeer(code);
            SendFailure ??= (error, Table.Clock.Now);
            FailPending(error);
            Outbox.Finish(this);
        }
    }

    public void ReceiveCredit(long increment)
    {
        if (IsKind0Acceptor)
        {
            throw new WireException(isViolation: true, "WINDOW for a direction without data.");
        }

        lock (Outbox.Gate)
        {
            const long Max = (1L << 62) - 1;
            if (SendClosed)
            {
                return;
            }

            if (increment > Max - SendCredit)
            {
                throw new WireException(isViolation: true, $"The credit of stream {Id} overflows.");
            }

            SendCredit += increment;
            Outbox.Resume(this);
        }
    }

    public void ReceiveAck(long code)
    {
        lock (Outbox.Gate)
        {
            if (_ackWaiters?.TryDequeue(out AckWaiter? waiter) != true)
            {
                throw new WireException(isViolation: true, $"An ACK on stream {Id} that nobody asked for.");
            }

            waiter!.TrySetResult(code);
            CheckOver();
        }
    }

    private void CheckFlags(FrameFlags flags)
    {
        FrameFlags allowed = Kind is StreamKind.Request or StreamKind.Bytes ? FrameFlags.Fin : FrameFlags.EndOfMessage | FrameFlags.Fin | FrameFlags.Acknowledge;
        if ((flags & ~allowed) != FrameFlags.None || (Kind == StreamKind.Messages && IsOpener))
        {
            throw new WireException(isViolation: true, $"DATA on stream {Id} that its kind or its flags do not allow.");
        }
    }

    private bool TryOweAck()
    {
        lock (Outbox.Gate)
        {
            _acksOwed += IgnoresData ? 0 : 1;
            return !IgnoresData;
        }
    }

    private void CloseReceiving()
    {
        lock (Outbox.Gate)
        {
            RecvClosed = true;
            CheckOver();
        }
    }
}
