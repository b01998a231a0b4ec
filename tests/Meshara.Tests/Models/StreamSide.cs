using System.Buffers.Binary;
using System.Collections.Concurrent;
using Meshara.Net;
using Meshara.Tests.Support;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Models;

/// <summary>One real stream table and outbox, whose pump goes on only when told, and handlers that return only when told.</summary>
internal sealed class StreamSide : IDisposable
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(30);

    private readonly HandPump _connection = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Queue<RawFrame> _written = new();
    private readonly Lock _sync = new();
    private readonly List<HandlerCall> _calls = [];

    public StreamSide(PublicKey peer, bool inbound, LinkLimits limits)
    {
        NodeClock clock = new(Clock);
        Outbox = new Outbox(clock, limits.InitialWindow);
        Tasks = new TaskTracker(Faults.Enqueue);
        Table = new StreamTable(
            new LinkParameters
            {
                Stream = Stream.Null,
                Reader = new FrameReader(Stream.Null),
                PeerKey = peer,
                Address = "",
                Inbound = inbound,
                Remote = LinkSide.HelloOf(peer.Id, limits),
                Limits = limits,
                Timeouts = new NodeTimeouts(),
                Clock = clock,
                Handlers = Handlers,
                Tasks = Tasks,
                NodePlaces = NodePlaces.From(limits),
                Stopping = _stopping.Token,
                OnPong = static _ => { },
                OnIdentityInUse = static _ => { },
                OnOverLimit = static _ => { },
                OnHandlerFault = (_, fault) => Faults.Enqueue(fault),
            },
            Outbox,
            new LinkCounters());

        // There is always a PING to be written, so that the pump is in a write whenever nobody tells it to go on.
        Ping();
        Pumping = Outbox.PumpAsync(_connection, Table.OpenWaitingStreams);
    }

    public ManualTimeProvider Clock { get; } = new();

    public StreamTable Table { get; }

    public Outbox Outbox { get; }

    public TaskTracker Tasks { get; }

    public Handlers Handlers { get; } = new();

    public ConcurrentQueue<Exception> Faults { get; } = new();

    public Task Pumping { get; }

    /// <summary>Handlers that have been called, in that order.</summary>
    public HandlerCall[] Calls
    {
        get
        {
            lock (_sync)
            {
                return [.. _calls];
            }
        }
    }

    /// <summary>A handler is called: it goes on when told.</summary>
    public HandlerCall Called(string protocol, byte[] payload, MeshStream? stream = null)
    {
        HandlerCall call = new(protocol, payload, stream);
        lock (_sync)
        {
            _calls.Add(call);
        }

        return call;
    }

    /// <summary>The write under way ends; returns the frames of the next.</summary>
    public async Task<IReadOnlyList<RawFrame>> PumpAsync()
    {
        int before = _connection.Writes;
        Ping();
        _connection.EndWrite();
        await UntilAsync(() => _connection.Writes > before || Pumping.IsCompleted, "the pump does not go on");
        byte[] chunk = _connection.Writes > before ? _connection.Chunk : [];
        for (int at = 0; at < chunk.Length;)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(chunk.AsSpan(at));
            _written.Enqueue(new RawFrame(chunk[at + 4], chunk[at + 5], chunk[(at + 6)..(at + 6 + length)]));
            at += 6 + length;
        }

        RawFrame[] frames = [.. _written.Where(static frame => frame.Type != Raw.Ping)];
        _written.Clear();
        return frames;
    }

    /// <summary>As <see cref="Link"/> does with a frame.</summary>
    public void Receive(RawFrame frame)
    {
        switch (frame.Type)
        {
            case Raw.Data:
                Table.ReceiveData((FrameFlags)frame.Flags, frame.Payload);
                Table.Flush();
                break;
            case Raw.Open:
                Table.ReceiveOpen(frame.Payload);
                break;
            case Raw.Window:
                StreamFrames.ParseWindow(frame.Payload, out ulong window, out long increment);
                Table.Find(window)?.ReceiveCredit(increment);
                break;
            case Raw.Reset:
                StreamFrames.ParseReset(frame.Payload, out ulong reset, out long resetCode);
                Table.Find(reset)?.ReceiveReset(resetCode);
                break;
            case Raw.StopSending:
                StreamFrames.ParseStopSending(frame.Payload, out ulong stop, out long stopCode);
                Table.Find(stop)?.ReceiveStopSending(stopCode);
                break;
            case Raw.Ack:
                StreamFrames.ParseAck(frame.Payload, out ulong ack, out long ackCode);
                Table.Find(ack)?.ReceiveAck(ackCode);
                break;
            case Raw.MaxStreams:
                StreamFrames.ParseMaxStreams(frame.Payload, out long count);
                Table.ReceiveMaxStreams(count);
                break;
            case Raw.Goodbye:
                Table.Drain(Raw.GoodbyeFrame(0), peerDrains: true);
                break;
            default:
                Assert.Equal(Raw.Done, frame.Type);
                break;
        }
    }

    /// <summary>What the pool does is seen here: without a turn of the clock, for what is long done.</summary>
    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        for (int i = 0; i < 1000 && !condition(); i++)
        {
            await Task.Yield();
        }

        Assert.True(condition() || await Eventually.WithinAsync(Guard, condition), what);
    }

    public void Dispose()
    {
        Outbox.Complete();
        _connection.EndWrite();
        Table.LinkDown(new MesharaException(MesharaErrorCode.LinkClosed, "the run is over"));
        foreach (HandlerCall call in Calls)
        {
            call.Return(throws: false);
        }

        _connection.Dispose();
        _stopping.Dispose();
    }

    private void Ping() => Outbox.Say(static control => control.Ping(0));

    /// <summary>Each write ends when told.</summary>
    private sealed class HandPump : MemoryStream
    {
        private TaskCompletionSource? _write;

        public int Writes { get; private set; }

        public byte[] Chunk { get; private set; } = [];

        // The pump goes on within this call, and has begun the next write when it returns.
        public void EndWrite() => Interlocked.Exchange(ref _write, null)?.SetResult();

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            TaskCompletionSource write = new();
            Chunk = buffer.ToArray();
            Volatile.Write(ref _write, write);
            Writes++;
            await write.Task.ConfigureAwait(false);
        }
    }
}

/// <summary>A handler at work.</summary>
internal sealed class HandlerCall(string protocol, byte[] payload, MeshStream? stream)
{
    private readonly TaskCompletionSource<bool> _returned = new();

    public string Protocol => protocol;

    public byte[] Payload => payload;

    public MeshStream? Stream => stream;

    public bool IsReturned => _returned.Task.IsCompleted;

    public void Return(bool throws) => _returned.TrySetResult(throws);

    public async Task EndAsync()
    {
        if (await _returned.Task.ConfigureAwait(false))
        {
            throw new InvalidOperationException("as told");
        }
    }
}
