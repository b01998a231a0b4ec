using System.Text;
using Meshara.Wire;

namespace Meshara.Net;

// Requests: one stream each, so that what a stream needs is used again for the next.
internal sealed partial class StreamTable
{
    private readonly SpareStreams<RequestOut> _sparesOut;
    private readonly SpareStreams<RequestIn> _sparesIn;
    private string _lastName = "";
    private int _requestsOut;
    private int _requestsIn;
    private IAwaited? _last;
    private bool _hasMany;

    /// <summary>Streams of requests that wait to be used again.</summary>
    public int Spares => _sparesOut.Count + _sparesIn.Count;

    /// <summary>A stream for a request of this node.</summary>
    public RequestOut NewRequestOut(string protocol)
    {
        if (_sparesOut.Take() is not { } spare)
        {
            return new RequestOut(this, protocol);
        }

        spare.Reuse(protocol);
        return spare;
    }

    /// <summary>Nobody uses it any more.</summary>
    public void Spare(RequestOut stream) => _sparesOut.Add(stream);

    /// <summary>Nobody uses it any more.</summary>
    public void Spare(RequestIn stream) => _sparesIn.Add(stream);

    /// <summary>Keeps as many as were in use at once since the last time.</summary>
    public void TrimSpares()
    {
        _sparesOut.Trim();
        _sparesIn.Trim();
    }

    /// <summary>Keeps nothing for requests that may come.</summary>
    public void DropSpares()
    {
        _sparesOut.Clear();
        _sparesIn.Clear();
    }

    /// <summary>Opens the stream of a request and writes its body, or lets <paramref name="otherwise"/> wait with it, which hears of its end.</summary>
    public void Write(RequestOut request, ReadOnlyMemory<byte> body, PendingWrite otherwise)
    {
        bool wakes = false;
        bool alone = false;
        try
        {
            bool written;

            // One hold of the gate for all of it.
            lock (Outbox.Gate)
            {
                Outbox.Hold();
                try
                {
                    Open(request);
                    written = Outbox.TryWrite(request, body, FrameFlags.Fin, otherwise);
                }
                finally
                {
                    alone = _requestsOut == 1;
                    wakes = Outbox.Release();
                }
            }

            // Before the peer can answer.
            if (written)
            {
                request.OnWritten();
            }
        }
        finally
        {
            Wake(wakes, alone);
        }
    }

    /// <summary>Writes a reply.</summary>
    public ValueTask WriteAsync(RequestIn request, ReadOnlyMemory<byte> reply, CancellationToken cancellationToken)
    {
        bool wakes = false;
        bool alone = false;
        try
        {
            lock (Outbox.Gate)
            {
                Outbox.Hold();
                try
                {
                    return Outbox.TryWriteNow(request, reply.Span, FrameFlags.Fin, null)
                        ? ValueTask.CompletedTask
                        : Outbox.WriteAsync(request, reply, FrameFlags.Fin, null, cancellationToken);
                }
                finally
                {
                    alone = _requestsIn == 1;
                    wakes = Outbox.Release();
                }
            }
        }
        finally
        {
            Wake(wakes, alone);
        }
    }

    /// <summary>A request, or the reply to one, has arrived. The read loop's.</summary>
    public void OnArrived(IAwaited what)
    {
        if (_last is { } before)
        {
            before.Queue();
            _hasMany = true;
        }

        _last = what;
    }

    /// <summary>The only one that came since the last <see cref="Flush"/>, for the read loop to run in its own place; null: none.</summary>
    public IAwaited? TakeLone()
    {
        (IAwaited? last, _last) = (_last, null);
        return last;
    }

    // With nobody to share a write with, the way through the pool would only make the answer late. Other threads, as that of a window, are not for writing, nor those of a program's own scheduler.
    private static bool IsPlainThread => Thread.CurrentThread.IsThreadPoolThread && SynchronizationContext.Current is null && TaskScheduler.Current == TaskScheduler.Default;

    private void Wake(bool wakes, bool alone)
    {
        if (wakes)
        {
            Outbox.Wake(here: alone && IsPlainThread);
        }
    }

    private RequestIn NewRequestIn(string protocol)
    {
        if (_sparesIn.Take() is not { } spare)
        {
            return new RequestIn(this, protocol);
        }

        spare.Reuse(protocol);
        return spare;
    }

    // The read loop's. Most streams are of the protocol of the one before: no new string for each.
    private string NameOf(ReadOnlySpan<byte> utf8)
    {
        if (!Ascii.Equals(utf8, _lastName))
        {
            _lastName = Encoding.UTF8.GetString(utf8);
        }

        return _lastName;
    }
}
