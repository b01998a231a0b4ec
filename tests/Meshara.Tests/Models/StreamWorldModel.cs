using Meshara.Net;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Models;

/// <summary>What goes wrong on purpose between the two sides.</summary>
internal enum StreamFault
{
    None,

    /// <summary>WINDOW gives more than was said.</summary>
    WindowGrows,

    /// <summary>A frame of DATA overtakes the one before it.</summary>
    DataOvertakes,
}

/// <summary>Two real stream tables with their outboxes, and between them frames that move when told. The referee reads the frames, this reads what applications see.</summary>
internal sealed class StreamWorldModel : IModelled<StreamCommand>, IDisposable
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(10);
    private static readonly PublicKey[] Keys = [KeyOf(), KeyOf()];

    // Small windows, few places, few streams: everything has to wait for everything.
    private static readonly LinkLimits Tight = new()
    {
        InitialWindow = 4096,
        MaxWindow = 16 << 10,
        MaxStreams = 16,
        MaxMessage = 12_000,
        LinkReassembly = 24_000,
        NodeReassembly = 36_000,
        LinkBudget = (2 * 16 * 4096) + (32 << 10),
    };

    private readonly StreamFault _fault;
    private readonly StreamReferee _referee = new(Tight.InitialWindow, Tight.MaxStreams);
    private readonly StreamSide[] _sides;
    private readonly List<RawFrame>[] _wire = [[], []];
    private readonly List<ModelPipe> _pipes = [];
    private readonly List<ModelRequest> _requests = [];
    private readonly Dictionary<string, ModelMessages> _messages = [];
    private readonly HashSet<HandlerCall> _checked = [];
    private readonly List<ModelMessages>[] _messagesOf = [[], []];

    public StreamWorldModel(StreamFault fault = StreamFault.None)
    {
        _fault = fault;
        _sides = [new StreamSide(Keys[1], inbound: false, Tight), new StreamSide(Keys[0], inbound: true, Tight)];
        for (int side = 0; side < 2; side++)
        {
            for (int i = 0; i < 2; i++)
            {
                ModelMessages messages = new($"m{side}{i}", side);
                _messages.Add(messages.Protocol, messages);
                _messagesOf[side].Add(messages);
                StreamSide to = _sides[1 - side];
                to.Handlers.AddMessages(messages.Protocol, async (message, _) => await to.Called(message.Protocol, message.Payload.ToArray()).EndAsync());
            }
        }
    }

    /// <summary>How many commands had to wait for credit or a place: a world where none does is too dull.</summary>
    public int Waits { get; private set; }

    public async ValueTask<bool> TryDoAsync(StreamCommand command)
    {
        bool did = command switch
        {
            StreamCommand.Open open => Open(open),
            StreamCommand.Write write => Pick(write.Side, write.Which, CanWrite) is { } pipe && Wait(pipe.Write(write.Side, Math.Max(1, write.Length))),
            StreamCommand.Read read => Pick(read.Side, read.Which, CanRead) is { } pipe && await ReadAsync(pipe, read.Side, read.Length),
            StreamCommand.Finish finish => Pick(finish.Side, finish.Which, CanWrite) is { } pipe && pipe.Finish(finish.Side),
            StreamCommand.Abort abort => Pick(abort.Side, abort.Which, static (p, s) => p.IsOpen(s)) is { } pipe && pipe.Abort(abort.Side),
            StreamCommand.Close close => Pick(close.Side, close.Which, static (p, s) => p.IsOpen(s)) is { } pipe && pipe.Close(close.Side),
            StreamCommand.Send send => Wait(_messagesOf[send.Side][send.Protocol].Send(_sides[send.Side], send.Length, send.Acknowledged)),
            StreamCommand.Ask ask => Ask(ask),
            StreamCommand.Cancel cancel => Cancel(cancel),
            StreamCommand.Return back => Return(back),
            StreamCommand.Pump pump => await PumpAsync(pump.Side),
            StreamCommand.Deliver deliver => Deliver(deliver.Side, deliver.Frames),
            _ => throw new InvalidOperationException($"{command}"),
        };
        await SettleAsync();
        return did;
    }

    /// <summary>All that is open goes on until nothing moves; then all has arrived. Then both say GOODBYE; then nothing is left.</summary>
    public async ValueTask EndAsync()
    {
        await RunOutAsync(AllArrived, "something waits for ever");
        foreach (ModelPipe pipe in _pipes)
        {
            foreach (int side in new[] { 0, 1 }.Where(pipe.IsOpen))
            {
                pipe.Close(side);
            }
        }

        await RunOutAsync(() => CountsAre(_referee.Streams.Count(static s => s.Kind == 0)), "a stream is not over");
        CheckCredit();
        foreach (ModelRequest request in _requests)
        {
            await request.CheckAnswerAsync();
        }

        foreach (ModelMessages messages in _messages.Values)
        {
            await messages.CheckAcksAsync();
        }

        foreach (StreamSide side in _sides)
        {
            side.Table.Drain(Raw.GoodbyeFrame(0), peerDrains: false);
        }

        await RunOutAsync(() => CountsAre(0) && _sides.All(static s => s.Pumping.IsCompleted && s.Tasks.Count == 0), "no end after GOODBYE");
        foreach (StreamSide side in _sides)
        {
            Assert.Equal((2, 3, 2, 3), (side.Table.Places.Link.Free, side.Table.Places.Node.Free, side.Table.ReplyPlaces.Link.Free, side.Table.ReplyPlaces.Node.Free));
            Assert.Equal(0, side.Table.Windows.Used);
            Assert.Equal((0, 0), (side.Table.Unopened, side.Table.MessageProtocols));
            Assert.All(side.Faults, static fault => Assert.Equal("as told", fault.Message));
        }
    }

    public void Dispose() => Array.ForEach(_sides, static side => side.Dispose());

    private static PublicKey KeyOf()
    {
        using NodeIdentity identity = NodeIdentity.Create();
        return identity.PublicKey;
    }

    private bool CountsAre(int streams) => _sides.All(side => side.Table.Count == streams && side.Table.Unopened == 0) && _sides[0].Table.PeerPlaces.Live + _sides[1].Table.PeerPlaces.Live == streams;

    private bool Open(StreamCommand.Open open)
    {
        ModelPipe pipe = new(_pipes.Count, open.Side, open.Handled);
        StreamSide other = _sides[1 - open.Side];
        if (open.Handled)
        {
            other.Handlers.AddStreams(pipe.Protocol, async (stream, _) =>
            {
                pipe.Ends[1 - open.Side] = stream;
                await (pipe.Call = other.Called(pipe.Protocol, [], stream)).EndAsync();
            });
        }

        ByteStream opened = new(_sides[open.Side].Table, pipe.Protocol, opener: true);
        opened.Open();
        pipe.Ends[open.Side] = new MeshStream(opened);
        _pipes.Add(pipe);
        Waits += opened.IsOpen ? 0 : 1;
        return true;
    }

    private bool Wait(Task doing)
    {
        Waits += doing.IsCompleted ? 0 : 1;
        return true;
    }

    private bool Ask(StreamCommand.Ask ask)
    {
        ModelRequest request = new(_requests.Count, ask.Side, ask.Length, ask.Reply);
        StreamSide other = _sides[1 - ask.Side];
        other.Handlers.AddRequests(request.Protocol, async (message, _) =>
        {
            await (request.Call = other.Called(request.Protocol, message.Payload.ToArray())).EndAsync();
            return request.Reply;
        });
        request.Answer = _sides[ask.Side].Table.NewRequestOut(request.Protocol).SendAsync(request.Body, Timeout.InfiniteTimeSpan, request.Cancel.Token).AsTask();
        _requests.Add(request);
        return true;
    }

    private bool Cancel(StreamCommand.Cancel cancel)
    {
        ModelRequest[] asked = [.. _requests.Where(r => r.Asker == cancel.Side && !r.Answer.IsCompleted)];
        if (asked.Length == 0)
        {
            return false;
        }

        asked[cancel.Which % asked.Length].Cancel.Cancel();
        return true;
    }

    private bool Return(StreamCommand.Return back)
    {
        HandlerCall[] calls = [.. _sides[back.Side].Calls.Where(static call => !call.IsReturned)];
        return calls.Length > 0 && Return(calls[back.Which % calls.Length], back.Throws);
    }

    private bool Return(HandlerCall call, bool throws)
    {
        if (_messages.TryGetValue(call.Protocol, out ModelMessages? messages))
        {
            messages.Returns(throws, _referee.Streams.Single(s => s.Protocol == call.Protocol));
        }
        else if (call.Stream is not null)
        {
            _pipes.Single(p => p.Protocol == call.Protocol).HandlerReturns(throws);
        }
        else
        {
            _requests.Single(r => r.Protocol == call.Protocol).Throws = throws;
        }

        call.Return(throws);
        return true;
    }

    private async Task<bool> PumpAsync(int side)
    {
        IReadOnlyList<RawFrame> frames = await _sides[side].PumpAsync();
        foreach (RawFrame frame in frames)
        {
            _referee.Sent(side, frame);
            _wire[1 - side].Add(frame);
        }

        _referee.SentAll(side);
        return frames.Count > 0;
    }

    private bool Deliver(int side, int count)
    {
        List<RawFrame> wire = _wire[side];
        count = Math.Min(count, wire.Count);
        for (int i = 0; i < count; i++)
        {
            int at = _fault == StreamFault.DataOvertakes && wire.Count > 1 && wire[0].Type == Raw.Data && wire[1].Type == Raw.Data && wire[0].Flags == wire[1].Flags && wire[0].Id == wire[1].Id ? 1 : 0;
            RawFrame frame = wire[at];
            wire.RemoveAt(at);
            _referee.Arrived(side, frame);
            if (_fault == StreamFault.WindowGrows && frame.Type == Raw.Window)
            {
                frame = new RawFrame(Raw.Window, 0, Raw.Pair(Raw.Window, frame.Id, frame.Code + 1)[6..]);
            }

            _sides[side].Receive(frame);
        }

        return count > 0;
    }

    private ModelPipe? Pick(int side, int which, Func<ModelPipe, int, bool> can)
    {
        ModelPipe[] pipes = [.. _pipes.Where(p => can(p, side))];
        return pipes.Length == 0 ? null : pipes[which % pipes.Length];
    }

    private StreamReferee.Watched? Watched(string protocol) => _referee.Streams.SingleOrDefault(s => s.Protocol == protocol);

    private bool CanWrite(ModelPipe pipe, int side) => pipe.CanWrite(side, Watched(pipe.Protocol));

    private bool CanRead(ModelPipe pipe, int side) => pipe.IsOpen(side) && Watched(pipe.Protocol) is { } seen && pipe.CanRead(side, seen);

    private async Task<bool> ReadAsync(ModelPipe pipe, int side, int length)
    {
        await pipe.ReadAsync(side, Math.Max(1, length), Watched(pipe.Protocol)!);
        return true;
    }

    // The pool calls handlers: exactly those that section 8 calls, and no other.
    private async Task SettleAsync()
    {
        foreach (StreamSide side in _sides)
        {
            int Expected() => _referee.Streams.Where(s => s.Opener != Array.IndexOf(_sides, side)).Sum(CallsOf);
            int expected = Expected();
            await StreamSide.UntilAsync(() => side.Calls.Length >= expected, $"a handler is not called; {side.Calls.Length} were, of {expected}");
            Assert.True(side.Calls.Length == expected, $"{side.Calls.Length} handlers were called, not {expected}");
            foreach (HandlerCall call in side.Calls.Where(_checked.Add))
            {
                CheckCall(call);
            }
        }
    }

    private int CallsOf(StreamReferee.Watched seen) => seen.Kind switch
    {
        0 => Math.Min(_messages[seen.Protocol].Returned + 1, seen.Messages),
        1 => seen.BodyComplete ? 1 : 0,
        _ => seen.OpenArrived && _pipes.Single(p => p.Protocol == seen.Protocol).Handled ? 1 : 0,
    };

    private void CheckCall(HandlerCall call)
    {
        if (_messages.TryGetValue(call.Protocol, out ModelMessages? messages))
        {
            messages.CheckNext(call.Payload);
        }
        else if (call.Stream is null)
        {
            ModelRequest request = _requests.Single(r => r.Protocol == call.Protocol);
            Assert.True(call.Payload.AsSpan().SequenceEqual(request.Body), $"another body of {request.Protocol}");
        }
    }

    // Whatever waits for somebody gets him: handlers return, and who may read reads.
    private async Task RunOutAsync(Func<bool> done, string what)
    {
        long last = TimeProvider.System.GetTimestamp();
        while (true)
        {
            bool moved = false;
            for (int side = 0; side < 2; side++)
            {
                moved |= await PumpAsync(side);
                moved |= Deliver(1 - side, int.MaxValue);
                await SettleAsync();
                foreach (HandlerCall call in _sides[side].Calls.Where(static call => !call.IsReturned && call.Stream is null))
                {
                    moved |= Return(call, throws: false);
                }

                foreach (ModelPipe pipe in _pipes.Where(p => CanRead(p, side)).ToArray())
                {
                    moved |= await ReadAsync(pipe, side, 20_000);
                }

                await SettleAsync();
            }

            if (!moved && done())
            {
                return;
            }

            last = moved ? TimeProvider.System.GetTimestamp() : last;
            Assert.True(TimeProvider.System.GetElapsedTime(last) < Guard, $"{what}: {Describe()}");
            await Task.Yield();
        }
    }

    private bool AllArrived() =>
        _messages.Values.All(static m => m.IsDone) && _requests.All(static r => r.Answer.IsCompleted)
        && _pipes.All(pipe => pipe.IsDone(Watched(pipe.Protocol)));

    private string Describe() =>
        $"{string.Join(", ", _messages.Values.Where(static m => !m.IsDone))} {string.Join(", ", _requests.Where(static r => !r.Answer.IsCompleted))} "
        + $"{string.Join(", ", _pipes.Where(p => !p.IsDone(Watched(p.Protocol))))} counts {_sides[0].Table.Count} {_sides[1].Table.Count}, unopened {_sides[0].Table.Unopened} {_sides[1].Table.Unopened}";

    // Nothing is on its way: what one side may send is what the other expects, and at least the half that its handler need not wait for.
    private void CheckCredit()
    {
        foreach (StreamReferee.Watched seen in _referee.Streams.Where(static s => s.Kind == 0))
        {
            LinkStream from = _sides[seen.Opener].Table.Find(seen.Id)!;
            LinkStream to = _sides[1 - seen.Opener].Table.Find(seen.Id)!;
            Assert.Equal((from.SendCredit, from.SendCredit), (to.Window.Available, seen.Credit[seen.Opener]));
            Assert.True(from.SendCredit * 2 > Tight.InitialWindow, $"{seen} has only {from.SendCredit} left");
        }
    }
}
