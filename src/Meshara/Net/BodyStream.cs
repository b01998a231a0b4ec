using Meshara.Wire;

namespace Meshara.Net;

/// <summary>A stream that receives bodies (messages, a request, a reply) and puts large ones together in bounded memory.</summary>
internal abstract class BodyStream(StreamTable table, StreamKind kind, string protocol, bool opener) : LinkStream(table, kind, protocol, opener)
{
    // Guards the body in progress: the read loop fills it, the pools grant places from anywhere.
    private readonly Lock _sync = new();
    private BodyBuffer? _body;
    private TimeSpan _lastProgress;

    /// <summary>When the body in progress, if it holds a place, last grew; null when there is none.</summary>
    public TimeSpan? WaitsSince
    {
        get
        {
            lock (_sync)
            {
                return _body is { HasPlace: true } ? _lastProgress : null;
            }
        }
    }

    /// <summary>Gives up the body in progress.</summary>
    public void DropBody()
    {
        BodyBuffer? body;
        lock (_sync)
        {
            (body, _body) = (_body, null);
        }

        if (body is not null)
        {
            Release(body);
        }
    }

    /// <summary>The body in progress is complete; an empty one if nothing came.</summary>
    protected BodyBuffer TakeBody()
    {
        lock (_sync)
        {
            BodyBuffer body = _body ?? new BodyBuffer(Table.MaxMessage);
            _body = null;
            return body;
        }
    }

    protected bool HasBody
    {
        get
        {
            lock (_sync)
            {
                return _body is not null;
            }
        }
    }

    /// <summary>Adds to the body in progress; false when that ended the stream, since it grew too large.</summary>
    protected bool Append(ReadOnlySpan<byte> data, int cost, bool last)
    {
        long giveBack = 0;
        Action? ask = null;
        lock (_sync)
        {
            BodyBuffer body = _body ??= new BodyBuffer(Table.MaxMessage);
            if (!body.TryAppend(data, cost))
            {
                ask = () => Reset(StreamCode.MessageTooLarge, StreamErrors.Local(MesharaErrorCode.MessageTooLarge, $"The peer sent more than {Table.MaxMessage} bytes on '{PeerText.Clean(Protocol)}'."));
            }
            else if (body.HasPlace)
            {
                _lastProgress = Table.Clock.Now;
                giveBack = body.TakeHeldCost();
            }
            else if (!last && !body.PlaceAsked && Window.IsLow)
            {
                body.PlaceAsked = true;
                ask = () => Table.Places.Acquire(() => OnPlace(body));
            }
        }

        if (giveBack > 0)
        {
            GiveBack(giveBack);
        }

        ask?.Invoke();
        return !WasReset;
    }

    /// <summary>A body that was handed on is used no more.</summary>
    protected void Release(BodyBuffer body)
    {
        bool hadPlace;
        lock (_sync)
        {
            hadPlace = body.HasPlace;
            body.Free();
        }

        GiveBack(body.TakeHeldCost());
        if (hadPlace)
        {
            Table.Places.Release();
        }
    }

    // The place may come when the body is complete or given up already: then it goes on to the next in line.
    private void OnPlace(BodyBuffer body)
    {
        long giveBack = 0;
        bool wanted;
        lock (_sync)
        {
            wanted = ReferenceEquals(body, _body);
            if (wanted)
            {
                body.TakePlace();
                _lastProgress = Table.Clock.Now;
                giveBack = body.TakeHeldCost();
            }
        }

        if (!wanted)
        {
            Table.Places.Release();
            return;
        }

        if (giveBack > 0)
        {
            GiveBack(giveBack);
        }
    }
}
