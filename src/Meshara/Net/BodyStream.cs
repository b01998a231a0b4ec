using Meshara.Wire;

namespace Meshara.Net;

/// <summary>A stream that receives bodies (messages, a request, a reply) and puts large ones together in bounded memory.</summary>
internal abstract class BodyStream(StreamTable table, StreamKind kind, string protocol, bool opener) : LinkStream(table, kind, protocol, opener)
{
    // The body in progress, under the window's lock: the read loop fills it, the pools grant places from anywhere.
    private volatile BodyBuffer? _body;
    private BodyBuffer? _spare;
    private bool _dropped;
    private TimeSpan _lastProgress;

    /// <summary>When the body in progress, if it holds a place, last grew; null when there is none.</summary>
    public TimeSpan? WaitsSince
    {
        get
        {
            lock (Window.Sync)
            {
                return _body is { HasPlace: true } ? _lastProgress : null;
            }
        }
    }

    // What the node says for itself is no work of the application's: nobody gets useful by asking for peers, and no user counts it.
    protected void CountReceived()
    {
        if (!IsReserved)
        {
            Table.Counters.AddReceivedMessage();
        }
    }

    protected void CountSent()
    {
        if (!IsReserved)
        {
            Table.Counters.AddSentMessage();
        }
    }

    protected void CountUsefulWork()
    {
        if (!IsReserved)
        {
            Table.Counters.AddUseful();
        }
    }

    /// <summary>Gives up the body in progress; what still comes is no body any more.</summary>
    public void DropBody()
    {
        BodyBuffer? body;
        lock (Window.Sync)
        {
            _dropped = true;
            (body, _body) = (_body, null);
        }

        if (body is not null)
        {
            Release(body);
        }
    }

    /// <summary>The body in progress is complete; null if nothing came. False: it was given up, and the stream with it.</summary>
    protected bool TryTakeBody(out BodyBuffer? body)
    {
        lock (Window.Sync)
        {
            body = _body;
            _body = null;
            if (_dropped)
            {
                return false;
            }
        }

        // Complete before it got a place: it needs none any more, and must not stay in line.
        if (body is { HasPlace: false })
        {
            body.Place?.GiveUp();
        }

        return true;
    }

    /// <summary>Only the read loop, which asks, begins one.</summary>
    protected bool HasBody => _body is not null;

    /// <summary>Adds to the body in progress; false when that ended the stream, since it grew too large, or when it had ended.</summary>
    protected bool Append(ReadOnlySpan<byte> data, int cost, bool last)
    {
        long giveBack = 0;
        Place? ask = null;
        bool fits;
        lock (Window.Sync)
        {
            // Another thread may have ended the stream since the read loop looked.
            if (_dropped)
            {
                return false;
            }

            BodyBuffer body = _body ??= TakeSpare() ?? new BodyBuffer(Table.MaxMessage);
            fits = body.TryAppend(data, cost);
            if (fits && body.HasPlace)
            {
                _lastProgress = Table.Clock.Now;
                giveBack = body.TakeHeldCost();
            }
            else if (fits && !last && body.Place is null && Window.IsLow)
            {
                ask = body.Place = NewPlace(body);
            }
        }

        if (!fits)
        {
            Reset(StreamCode.MessageTooLarge, StreamErrors.Local(MesharaErrorCode.MessageTooLarge, $"{Table.PeerId.ToShortString()} sent too much on '{PeerText.Clean(Protocol)}'. {StreamErrors.OwnLimit(Table.MaxMessage)}"));
            return false;
        }

        if (giveBack > 0)
        {
            GiveBack(giveBack);
        }

        ask?.Ask();
        return true;
    }

    /// <summary>Makes the stream as if it were new.</summary>
    /// <param name="protocol">Its protocol from now on.</param>
    /// <param name="spare">A body that was released and never asked for a place, or null.</param>
    protected void Renew(string protocol, BodyBuffer? spare)
    {
        Renew(protocol);
        _spare = spare ?? _spare;
        _dropped = false;
    }

    /// <summary>A body that was handed on is used no more.</summary>
    protected void Release(BodyBuffer body)
    {
        body.Free();
        GiveBack(body.TakeHeldCost());
        body.Place?.GiveUp();
    }

    private BodyBuffer? TakeSpare()
    {
        (BodyBuffer? spare, _spare) = (_spare, null);
        return spare;
    }

    private Place NewPlace(BodyBuffer body) => (IsOpener ? Table.ReplyPlaces : Table.Places).New(() => OnPlace(body));

    // The body may be complete or given up already; then its place has been, too.
    private void OnPlace(BodyBuffer body)
    {
        long giveBack;
        lock (Window.Sync)
        {
            if (!ReferenceEquals(body, _body))
            {
                return;
            }

            body.OnPlace();
            _lastProgress = Table.Clock.Now;
            giveBack = body.TakeHeldCost();
        }

        if (giveBack > 0)
        {
            GiveBack(giveBack);
        }
    }
}
