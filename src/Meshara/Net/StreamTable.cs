using Meshara.Wire;

namespace Meshara.Net;

/// <summary>All streams of one link: who may open how many, which id is whose, and when none is left (wire protocol sections 8.1 and 8.4).</summary>
internal sealed partial class StreamTable
{
    private readonly Dictionary<ulong, LinkStream> _streams = [];
    private readonly Queue<LinkStream> _toOpen = new();
    private readonly WindowBudget _windows;
    private readonly LinkParameters _link;
    private readonly StreamPlaces _places;
    private LinkStream? _lastUsed;
    private ulong _nextOwn;
    private ulong _nextPeer;
    private long _peerAllows;
    private long _ownOpened;
    private long _ownLive;
    private bool _draining;
    private bool _peerDrains;
    private bool _doneSaid;
    private int _gaveUpUnopened;
    private MesharaException? _down;

    public StreamTable(LinkParameters link, Outbox outbox, LinkCounters counters)
    {
        _link = link;
        Outbox = outbox;
        Counters = counters;
        _windows = WindowBudget.From(link.Limits);
        _places = new StreamPlaces(link.Limits.MaxStreams, link.Clock);
        _nextOwn = link.Inbound ? 1u : 0u;
        _nextPeer = link.Inbound ? 0u : 1u;
        _peerAllows = link.Remote.MaxStreams;
        Deadlines = link.Deadlines ?? new RequestDeadlines(link.Clock);
        Turns = link.Turns ?? new Turns();
        _sparesOut = new(link.Limits.MaxStreams);
        _sparesIn = new(link.Limits.MaxStreams);
        Places = new PlacePools(SlotPool.From(link.Limits.LinkReassembly, link.Limits.MaxMessage), link.NodePlaces.Bodies);
        ReplyPlaces = new PlacePools(SlotPool.From(link.Limits.LinkReassembly, link.Limits.MaxMessage), link.NodePlaces.Replies);
    }

    public Outbox Outbox { get; }

    public LinkCounters Counters { get; }

    /// <summary>Of this node's requests.</summary>
    public RequestDeadlines Deadlines { get; }

    /// <summary>For those of the link who have work for long.</summary>
    public Turns Turns { get; }

    /// <summary>For messages and requests of the peer.</summary>
    public PlacePools Places { get; }

    /// <summary>For replies of the peer (<see cref="NodePlaces"/>).</summary>
    public PlacePools ReplyPlaces { get; }

    public NodeClock Clock => _link.Clock;

    public NodeId PeerId => _link.PeerKey.Id;

    public Handlers Handlers => _link.Handlers;

    public TaskTracker Tasks => _link.Tasks;

    /// <summary>The node stops: message handlers are asked to end.</summary>
    public CancellationToken Stopping => _link.Stopping;

    public int MaxMessage => _link.Limits.MaxMessage;

    public int PeerMaxMessage => _link.Remote.MaxMessage;

    public long PeerInitialWindow => _link.Remote.InitialWindow;

    public int Count
    {
        get
        {
            lock (Outbox.Gate)
            {
                return _streams.Count;
            }
        }
    }

    /// <summary>Protocols of which the peer has a stream of messages, or had one that is still being handled.</summary>
    public int MessageProtocols
    {
        get
        {
            lock (Outbox.Gate)
            {
                return _messagesIn.Count;
            }
        }
    }

    /// <summary>Streams of this node that wait to be opened, and those given up meanwhile.</summary>
    public int Unopened
    {
        get
        {
            lock (Outbox.Gate)
            {
                return _toOpen.Count;
            }
        }
    }

    public WindowBudget Windows => _windows;

    public StreamPlaces PeerPlaces => _places;

    public ReceiveWindow NewWindow() => new(_link.Limits.InitialWindow, _windows);

    public void OnHandlerFault(string protocol, Exception fault) => _link.OnHandlerFault(protocol, fault);

    /// <summary>Opens a stream of this node, at once or when there is a place for it.</summary>
    /// <exception cref="MesharaException">The link is closing or gone.</exception>
    public void Open(LinkStream stream)
    {
        lock (Outbox.Gate)
        {
            ThrowIfClosing();
            _toOpen.Enqueue(stream);
            OpenWaiting();
        }
    }

    /// <summary>Opens what waits, as far as the peer's MAX_STREAMS, our own limit and the buffer allow.</summary>
    public void OpenWaitingStreams()
    {
        lock (Outbox.Gate)
        {
            OpenWaiting();
        }
    }

    /// <summary>MAX_STREAMS arrived.</summary>
    public void ReceiveMaxStreams(long count)
    {
        lock (Outbox.Gate)
        {
            _peerAllows = Math.Max(_peerAllows, count);
            OpenWaiting();
        }
    }

    /// <summary>OPEN arrived.</summary>
    /// <exception cref="WireException">Out of order, beyond MAX_STREAMS, after GOODBYE, or too many that end by RESET.</exception>
    public void ReceiveOpen(ReadOnlySpan<byte> payload)
    {
        StreamFrames.ParseOpen(payload, out ulong id, out StreamKind kind, out ReadOnlySpan<byte> name, out bool critical);
        string protocol = NameOf(name);
        LinkStream stream;
        long? refusal;
        Func<MeshStream, CancellationToken, ValueTask>? serve = null;
        Task previous = Task.CompletedTask;
        lock (Outbox.Gate)
        {
            if (id != _nextPeer)
            {
                throw new WireException(isViolation: true, $"OPEN with id {id}; {_nextPeer} is next.");
            }

            if (_peerDrains)
            {
                throw new WireException(isViolation: false, "OPEN after GOODBYE.");
            }

            if (Handlers.OwnKindOf(protocol) is { } only && only != kind)
            {
                throw new WireException(isViolation: true, $"A stream of kind {(int)kind} for '{protocol}', which has only kind {(int)only}.");
            }

            _places.Take();
            SayMaxStreams();
            _nextPeer += 2;
            refusal = RefusalOf(kind, protocol, critical);
            stream = Create(kind, protocol, refusal is not null);
            stream.Id = id;
            stream.IsOpen = true;
            _streams[id] = stream;
            _requestsIn += kind == StreamKind.Request ? 1 : 0;
            if (stream is MessageIn messages)
            {
                previous = _messagesIn.GetValueOrDefault(protocol)?.Pumped ?? previous;
                _messagesIn[protocol] = messages;
            }
            else if (stream is ByteStream)
            {
                serve = Handlers.FindStream(protocol);
            }
        }

        if (refusal is { } code)
        {
            stream.Reset(code, StreamErrors.Local(MesharaErrorCode.Refused, "Refused."));
        }
        else if (stream is MessageIn messageIn)
        {
            messageIn.Start(previous);
        }
        else if (serve is not null)
        {
            ((ByteStream)stream).Serve(serve);
        }
    }

    /// <summary>DATA arrived.</summary>
    public void ReceiveData(FrameFlags flags, ReadOnlySpan<byte> payload)
    {
        StreamFrames.ParseData(flags, payload, out ulong id, out ReadOnlySpan<byte> body);
        LinkStream? stream = _lastUsed;
        if (stream is null || stream.Id != id || stream.IsOver)
        {
            stream = Find(id) ?? throw new WireException(isViolation: true, $"DATA on stream {id}, which had ended.");

            // One of a request may be used again for another at any moment.
            _lastUsed = stream.Kind == StreamKind.Request ? null : stream;
        }

        stream.Receive(flags, body);
    }

    /// <summary>The stream, or null when it is over already (which a race explains).</summary>
    /// <exception cref="WireException">It was never opened.</exception>
    public LinkStream? Find(ulong id)
    {
        lock (Outbox.Gate)
        {
            if (_streams.TryGetValue(id, out LinkStream? stream))
            {
                return stream;
            }

            bool own = (id & 1) == (_nextOwn & 1);
            if (id >= (own ? _nextOwn : _nextPeer))
            {
                throw new WireException(isViolation: true, $"A frame for stream {id}, which was never opened.");
            }

            Counters.AddIgnored();
            return null;
        }
    }

    /// <summary>Says GOODBYE: no new streams, and those of messages end after what waits.</summary>
    /// <param name="goodbye">The frame. It is sent unless one was said before.</param>
    /// <param name="peerDrains">The peer has said it too.</param>
    public void Drain(byte[] goodbye, bool peerDrains)
    {
        LinkStream[] unopened;
        MesharaException error = Closing();

        // At one stroke: an OPEN written after GOODBYE would be the end of the link.
        lock (Outbox.Gate)
        {
            _peerDrains |= peerDrains;
            _draining = true;
            Outbox.SayGoodbye(goodbye);
            foreach (LinkStream stream in _streams.Values.ToArray())
            {
                if (stream is MessageOut)
                {
                    stream.Finish(error);
                }
            }

            unopened = [.. _toOpen];
            _toOpen.Clear();
            CheckDone();
        }

        foreach (LinkStream stream in unopened)
        {
            stream.OnLinkDown(error);
        }
    }

    /// <summary>The connection is gone: everything that waits fails with the reason.</summary>
    public void LinkDown(MesharaException error)
    {
        LinkStream[] streams;
        lock (Outbox.Gate)
        {
            _down = error;
            streams = [.. _streams.Values, .. _toOpen];
            _streams.Clear();
            _toOpen.Clear();
        }

        foreach (LinkStream stream in streams)
        {
            stream.OnLinkDown(error);
        }
    }

    /// <summary>A stream was given up before it was opened. Under the gate.</summary>
    public void OnUnopened()
    {
        // They leave the queue when their turn comes, or all together: a peer that allows no stream must not make it grow.
        if (++_gaveUpUnopened > 64 && _gaveUpUnopened * 2 > _toOpen.Count)
        {
            LinkStream[] wanted = [.. _toOpen.Where(stream => !stream.IsOver)];
            _toOpen.Clear();
            foreach (LinkStream stream in wanted)
            {
                _toOpen.Enqueue(stream);
            }

            _gaveUpUnopened = 0;
        }
    }

    /// <summary>Looks after what only time changes: places that come back slowly, large messages that make no progress.</summary>
    public void Tick()
    {
        LinkStream[] streams;
        RequestIn[] untaken;
        TimeSpan now = Clock.Now;
        lock (Outbox.Gate)
        {
            SayMaxStreams();
            if (_streams.Count == 0)
            {
                return;
            }

            streams = [.. _streams.Values];
            untaken = [.. streams.OfType<RequestIn>().Where(request => now - request.FirstPending?.LastProgress >= _link.Timeouts.Request)];
        }

        foreach (RequestIn request in untaken)
        {
            // It holds its reply, and perhaps a place, for a peer that asks and does not take the answer.
            request.Reset(StreamCode.NoProgress, new MesharaException(MesharaErrorCode.RemoteBusy, $"{PeerId.ToShortString()} did not take the reply to its request.", isTransient: true));
        }

        foreach (LinkStream stream in streams)
        {
            if (stream is BodyStream { WaitsSince: { } since } && now - since >= _link.Timeouts.Progress)
            {
                stream.Reset(StreamCode.NoProgress, new MesharaException(MesharaErrorCode.RemoteBusy, $"A large message of {PeerId.ToShortString()} made no progress.", isTransient: true));
            }
        }
    }

    /// <summary>Both ends of a stream are closed. Under the gate.</summary>
    public void OnOver(LinkStream stream)
    {
        _streams.Remove(stream.Id);
        CheckDone();
    }

    /// <summary>A stream is over and its handler has returned: its place is free. Under the gate.</summary>
    public void OnEnded(LinkStream stream)
    {
        if ((stream.Id & 1) == (_nextOwn & 1))
        {
            _ownLive--;
            _requestsOut -= stream.Kind == StreamKind.Request ? 1 : 0;
            OpenWaiting();
            return;
        }

        _requestsIn -= stream.Kind == StreamKind.Request ? 1 : 0;
        _places.Free(stream.WasReset);
        SayMaxStreams();
    }

    private long? RefusalOf(StreamKind kind, string protocol, bool critical)
    {
        bool handled = kind switch
        {
            StreamKind.Messages => Handlers.FindMessage(protocol) is not null,
            StreamKind.Request => Handlers.FindRequest(protocol) is not null,
            StreamKind.Bytes => Handlers.FindStream(protocol) is not null,
            _ => false,
        };
        bool second = kind == StreamKind.Messages && _messagesIn.TryGetValue(protocol, out MessageIn? first) && !first.IsOver;

        // Messages whose OPEN crossed our GOODBYE were accepted by the other side's SendAsync: they are still handled (section 7.2).
        return critical || kind > StreamKind.Bytes || second ? StreamCode.Refused
            : _draining && kind != StreamKind.Messages ? StreamCode.GoingAway
            : handled ? null
            : StreamCode.UnknownProtocol;
    }

    private LinkStream Create(StreamKind kind, string protocol, bool refused) => kind switch
    {
        _ when refused => new RefusedStream(this, kind, protocol),
        StreamKind.Messages => new MessageIn(this, protocol),
        StreamKind.Request => NewRequestIn(protocol),
        _ => new ByteStream(this, protocol, opener: false),
    };

    private void OpenWaiting()
    {
        while (_toOpen.TryPeek(out LinkStream? stream))
        {
            if (stream.IsOver)
            {
                _toOpen.Dequeue();
                _gaveUpUnopened = Math.Max(0, _gaveUpUnopened - 1);
                continue;
            }

            stream.Id = _nextOwn;
            if (_ownOpened >= _peerAllows || _ownLive >= _link.Limits.MaxStreams || !Outbox.TryWriteOpen(stream))
            {
                return;
            }

            // All of it before OnOpened, which may end the stream and come back here.
            _toOpen.Dequeue();
            _nextOwn += 2;
            _ownOpened++;
            _ownLive++;
            _streams[stream.Id] = stream;
            _requestsOut += stream.Kind == StreamKind.Request ? 1 : 0;
            stream.OnOpened();
        }
    }

    private void SayMaxStreams()
    {
        if (_places.TakeIncrease() is > 0 and long count)
        {
            Outbox.SayMaxStreams(count);
        }
    }

    // Under the gate.
    private void CheckDone()
    {
        if (_draining && _peerDrains && !_doneSaid && _streams.Count == 0)
        {
            _doneSaid = true;
            Outbox.SayDone();
        }
    }

    private void ThrowIfClosing()
    {
        if (_down is not null)
        {
            throw _down;
        }

        if (_draining)
        {
            throw Closing();
        }
    }

    private MesharaException Closing() => new(MesharaErrorCode.GoingAway, $"The link to {PeerId.ToShortString()} is closing.", isTransient: true);
}
