using Meshara.Wire;

namespace Meshara.Net;

/// <summary>Bytes that did not fit into the outgoing buffer or the credit at once; guarded by the outbox's gate.</summary>
internal class PendingWrite
{
    public PendingWrite() => Node = new LinkedListNode<PendingWrite>(this);

    /// <summary>Its place among what waits on the stream.</summary>
    public LinkedListNode<PendingWrite> Node { get; }

    public ReadOnlyMemory<byte> Rest { get; private set; }

    public FrameFlags Flags { get; private set; }

    public AckWaiter? Ack { get; private set; }

    public bool Started { get; private set; }

    /// <summary>When a part of it last went out; before that, when it began to wait.</summary>
    public TimeSpan LastProgress { get; private set; }

    /// <summary>Begins to wait; again, once it has ended.</summary>
    public void Begin(ReadOnlyMemory<byte> data, FrameFlags flags, AckWaiter? ack, TimeSpan now)
    {
        (Rest, Flags, Ack, LastProgress) = (data, flags, ack, now);
        Started = false;
    }

    public void Advance(int bytes, TimeSpan now)
    {
        LastProgress = now;

        // An empty slice would keep the caller's memory.
        Rest = bytes == Rest.Length ? default : Rest[bytes..];
        Started = true;
    }

    /// <summary>The caller's memory is used no more.</summary>
    public virtual void Detach() => Rest = Rest.ToArray();

    /// <summary>All of it is copied.</summary>
    public virtual void Finish()
    {
    }

    /// <summary>It is not sent any more.</summary>
    public virtual void Fail(Exception error)
    {
    }
}

/// <summary>Someone who waits for the ACK of one message; the result is a stream code.</summary>
internal sealed class AckWaiter() : TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);

/// <summary>Failing what perhaps nobody waits for any more: that is no fault that went unseen.</summary>
internal static class ObservedExceptions
{
    public static void SetObservedException<T>(this TaskCompletionSource<T> source, Exception error)
    {
        source.TrySetException(error);
        _ = source.Task.Exception;
    }
}
