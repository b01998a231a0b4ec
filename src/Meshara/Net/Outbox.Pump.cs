using System.Runtime.CompilerServices;

namespace Meshara.Net;

// Who writes what is in the buffer, and when.
internal sealed partial class Outbox
{
    /// <summary>Nothing wakes the pump until <see cref="Release"/>. Under the gate.</summary>
    public void Hold() => _held = true;

    /// <summary>What is written from now on wakes the pump again. Under the gate.</summary>
    /// <returns>The pump waits, and there is something to write: <see cref="Wake"/> is to be called, outside the gate.</returns>
    public bool Release()
    {
        _held = false;
        bool wakes = _pumpWaits && (_completed || HasMore());
        _pumpWaits &= !wakes;
        return wakes;
    }

    /// <summary>Wakes the pump.</summary>
    /// <param name="here">It makes its next write on this thread, before this returns.</param>
    public void Wake(bool here)
    {
        _lender = here ? Environment.CurrentManagedThreadId : 0;
        _signal.Set(here);
    }

    /// <summary>What the pump would write next; empty: nothing. For who drives it by hand in the pump's place, and opens waiting streams after it.</summary>
    internal ReadOnlyMemory<byte> TakeNext()
    {
        lock (Gate)
        {
            return Take();
        }
    }

    /// <summary>Writes to the stream until completed or until the stream fails.</summary>
    /// <param name="stream">TLS.</param>
    /// <param name="onRoom">Called after each swap, outside the gate: streams may be opened, acknowledgements written.</param>
    public async Task PumpAsync(Stream stream, Action onRoom)
    {
        // The sender's thread that it runs on: only until the sender has gone on.
        int lender = 0;
        try
        {
            while (true)
            {
                ReadOnlyMemory<byte> chunk = TakeOrWait(out bool completed);
                if (chunk.IsEmpty)
                {
                    if (completed)
                    {
                        return;
                    }

                    ValueTask woken = _signal.WaitAsync();

                    // Something came while it went to sleep.
                    bool stays = woken.IsCompleted;
                    await woken.ConfigureAwait(false);
                    if (!stays)
                    {
                        lender = _lender;
                    }

                    if (stays && IsOn(lender))
                    {
                        lender = 0;
                        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
                    }
                    else if (_lender == 0 && _gathers)
                    {
                        // Behind what else waits for a thread: those who send all at once share a write.
                        await Task.Yield();
                    }

                    continue;
                }

                onRoom();
                for (; !chunk.IsEmpty; chunk = chunk[Math.Min(chunk.Length, BufferSize)..])
                {
                    Volatile.Write(ref _writeSince, _clock.Now.Ticks);
                    await WriteAsync(stream, chunk[..Math.Min(chunk.Length, BufferSize)]).ConfigureAwait(false);
                    Volatile.Write(ref _writeSince, -1);
                }

                if (IsOn(lender) && HasMore())
                {
                    // What came meanwhile is not for the sender to write.
                    lender = 0;
                    await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
                }
            }
        }
        finally
        {
            Volatile.Write(ref _writeSince, -1);
            lock (Gate)
            {
                _completed = true;
                _room?.TrySetResult();
                ReturnBuffers();
            }
        }
    }

    // What a stream throws when it was disposed is turned into one kind, so that faults of our own are not taken for a lost connection.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private static async ValueTask WriteAsync(Stream stream, ReadOnlyMemory<byte> chunk)
    {
        try
        {
            await stream.WriteAsync(chunk).ConfigureAwait(false);
        }
        catch (InvalidOperationException error)
        {
            throw new IOException(error.Message, error);
        }
    }

    private ReadOnlyMemory<byte> TakeOrWait(out bool completed)
    {
        lock (Gate)
        {
            ReadOnlyMemory<byte> chunk = Take();
            completed = _completed;
            _pumpWaits = chunk.IsEmpty && !completed;
            return chunk;
        }
    }

    // Now and then another thread of the pool is taken for that of the sender, which costs a turn.
    private static bool IsOn(int thread) => thread == Environment.CurrentManagedThreadId;

    private bool HasMore()
    {
        lock (Gate)
        {
            return _filled > Headroom || _control.HasHead || _control.HasTail;
        }
    }

    private void WakePump()
    {
        if (_pumpWaits && !_held)
        {
            _pumpWaits = false;
            _lender = 0;
            _signal.Set();
        }
    }
}
