using Meshara.Wire;

namespace Meshara.Net;

/// <summary>Bytes that did not fit into the outgoing buffer or the credit at once; guarded by the outbox's gate.</summary>
internal sealed class PendingWrite(ReadOnlyMemory<byte> data, FrameFlags flags, AckWaiter? ack) : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)
{
    private CancellationTokenRegistration _registration;

    public ReadOnlyMemory<byte> Rest { get; private set; } = data;

    public FrameFlags Flags { get; } = flags;

    public AckWaiter? Ack { get; } = ack;

    public bool Started { get; private set; }

    public void Advance(int bytes)
    {
        Rest = Rest[bytes..];
        Started = true;
    }

    public void CancelWith(Action<object?> cancel, CancellationToken cancellationToken)
    {
        if (cancellationToken.CanBeCanceled)
        {
            _registration = cancellationToken.UnsafeRegister(cancel, this);
            if (Task.IsCompleted)
            {
                _registration.Unregister();
            }
        }
    }

    public void Finish()
    {
        _registration.Unregister();
        TrySetResult();
    }

    public void Fail(Exception error)
    {
        _registration.Unregister();
        TrySetException(error);
    }
}

/// <summary>Someone who waits for the ACK of one message; the result is a stream code.</summary>
internal sealed class AckWaiter() : TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
