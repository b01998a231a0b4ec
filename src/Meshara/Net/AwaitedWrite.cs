using System.Threading.Tasks.Sources;
using Meshara.Wire;

namespace Meshara.Net;

/// <summary>A write that somebody waits for; used again when its end has been taken (<see cref="Outbox.Spare"/>).</summary>
internal sealed class AwaitedWrite(Outbox outbox) : PendingWrite, IValueTaskSource
{
    private ManualResetValueTaskSourceCore<bool> _done = new() { RunContinuationsAsynchronously = true };
    private LinkStream? _stream;
    private CancellationToken _cancellationToken;
    private CancellationTokenRegistration _registration;
    private int _ended;
    private bool _reusable;

    /// <summary>Ends with the write. To be awaited once.</summary>
    public ValueTask Task => new(this, _done.Version);

    /// <summary>Who waits may cancel it. Before anybody else knows it.</summary>
    public void Await(LinkStream stream, CancellationToken cancellationToken)
    {
        (_stream, _cancellationToken, _registration) = (stream, cancellationToken, default);
        _reusable = true;
        Volatile.Write(ref _ended, 0);
    }

    /// <summary>From now on a cancelled token ends it.</summary>
    public void Register()
    {
        if (!_cancellationToken.CanBeCanceled)
        {
            return;
        }

        _registration = _cancellationToken.UnsafeRegister(static (write, _) => ((AwaitedWrite)write!).OnCancelled(), this);

        // Whoever ends it meanwhile saw no registration, or this sees the end.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _ended) != 0)
        {
            Unregister();
        }
    }

    public void Cancel()
    {
        if (TryEnd())
        {
            _done.SetException(new OperationCanceledException(_cancellationToken));
        }
    }

    // Whoever waits goes on at once, and what is left of it ends some time later.
    public override void Detach()
    {
        _reusable = false;
        base.Detach();
    }

    public override void Finish()
    {
        if (TryEnd())
        {
            _done.SetResult(true);
        }
    }

    public override void Fail(Exception error)
    {
        if (TryEnd())
        {
            _done.SetException(error);
        }
    }

    void IValueTaskSource.GetResult(short token)
    {
        bool taken = _done.GetStatus(token) != ValueTaskSourceStatus.Pending;
        try
        {
            _done.GetResult(token);
        }
        finally
        {
            if (taken && _reusable)
            {
                _done.Reset();
                (_stream, _cancellationToken, _registration) = (null, default, default);
                Begin(default, FrameFlags.None, null, default);
                outbox.Spare(this);
            }
        }
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _done.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _done.OnCompleted(continuation, state, token, flags);

    private void OnCancelled() => outbox.Cancel(_stream!, this);

    private bool TryEnd()
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0)
        {
            return false;
        }

        if (_cancellationToken.CanBeCanceled)
        {
            Unregister();
        }

        return true;
    }

    // A callback that has begun would cancel the next write. Where there is no registration yet, who makes it ends it.
    private void Unregister()
    {
        if (_registration != default && !_registration.Unregister())
        {
            _reusable = false;
        }
    }
}
