using Meshara.Net;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Models;

/// <summary>What a byte stream ought to carry; arrays are by side.</summary>
internal sealed class ModelPipe(int number, int opener, bool handled)
{
    private readonly long[] _written = [0, 0];
    private readonly long[] _read = [0, 0];
    private readonly bool[] _finished = [false, false];
    private readonly bool[] _closed = [false, false];
    private readonly List<Task>[] _writes = [[], []];

    public string Protocol { get; } = $"b{number}";

    /// <summary>Somebody answers for it at the other side.</summary>
    public bool Handled => handled;

    public MeshStream?[] Ends { get; } = [null, null];

    public HandlerCall? Call { get; set; }

    /// <summary>Somebody ended both directions, or a side that wants no more is not to be sent anything.</summary>
    private bool IsCut => !handled || _closed[0] || _closed[1] || IsAborted;

    private bool IsAborted { get; set; }

    public bool IsOpen(int side) => Ends[side] is not null && !_closed[side];

    public bool CanWrite(int side, StreamReferee.Watched? seen) =>
        IsOpen(side) && !_finished[side] && !IsAborted && handled && seen?.ResetArrived[side] != true && seen?.StopArrived[side] != true;

    // A read that waits would be another task: only what is there, or the end.
    public bool CanRead(int side, StreamReferee.Watched seen) =>
        !IsAborted && handled && !seen.ResetArrived[side] && (seen.Bytes[side] > _read[side] || (seen.EndArrived[side] && !_closed[1 - side]));

    public Task Write(int side, int length)
    {
        byte[] bytes = Pattern(number + side, _written[side], length);
        _written[side] += length;
        Task write = Ends[side]!.WriteAsync(bytes).AsTask();
        _writes[side].Add(write);
        return write;
    }

    public async Task ReadAsync(int side, int length, StreamReferee.Watched seen)
    {
        byte[] buffer = new byte[length];
        ValueTask<int> reading = Ends[side]!.ReadAsync(buffer);
        Assert.True(reading.IsCompleted, $"a read of {Protocol} waits for what is there");
        int read = await reading;
        Assert.Equal(Math.Min(length, seen.Bytes[side] - _read[side]), read);
        Assert.True(buffer.AsSpan(0, read).SequenceEqual(Pattern(number + 1 - side, _read[side], read)), $"other bytes than were written to {Protocol}");
        _read[side] += read;
        if (read == 0)
        {
            // Read to its end: nothing more to be seen here.
            Close(side);
        }
    }

    public bool Finish(int side)
    {
        Ends[side]!.CompleteWrites();
        return _finished[side] = true;
    }

    public bool Abort(int side)
    {
        Ends[side]!.Abort(300);
        return IsAborted = true;
    }

    public bool Close(int side)
    {
        if (side != opener)
        {
            Call!.Return(throws: false);
        }
        else
        {
            Ends[side]!.Dispose();
        }

        return _closed[side] = true;
    }

    public void HandlerReturns(bool throws)
    {
        _closed[1 - opener] = true;
        IsAborted |= throws;
    }

    /// <summary>All that was written has been read, where nobody ended it before.</summary>
    public bool IsDone(StreamReferee.Watched? seen) =>
        _writes.All(static side => side.All(static write => write.IsCompleted))
        && (IsCut || (seen is not null && _read[0] == _written[1] && _read[1] == _written[0] && _writes.All(static side => side.All(static write => write.IsCompletedSuccessfully))));

    public override string ToString() => $"{Protocol}: written {_written[0]} {_written[1]}, read {_read[0]} {_read[1]}";

    /// <summary>What stands at a place of an endless text; no two texts are alike.</summary>
    public static byte[] Pattern(int text, long from, int length)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++)
        {
            long at = from + i;
            bytes[i] = (byte)((at * 31) + (at >> 8) + (text * 101));
        }

        return bytes;
    }
}

/// <summary>What a request ought to be answered.</summary>
internal sealed class ModelRequest(int number, int asker, int length, int reply)
{
    public string Protocol { get; } = $"r{number}";

    public int Asker => asker;

    public byte[] Body { get; } = ModelPipe.Pattern(number, 7, length);

    public byte[] Reply { get; } = ModelPipe.Pattern(number, 77, reply);

    public CancellationTokenSource Cancel { get; } = new();

    public Task<byte[]> Answer { get; set; } = Task.FromException<byte[]>(new InvalidOperationException("not asked"));

    public HandlerCall? Call { get; set; }

    public bool Throws { get; set; }

    public async Task CheckAnswerAsync()
    {
        if (Answer.IsCanceled)
        {
            Assert.True(Cancel.IsCancellationRequested, $"{Protocol} was cancelled by nobody");
        }
        else if (Answer.IsFaulted)
        {
            MesharaException error = Assert.IsType<MesharaException>(Answer.Exception!.InnerException);
            Assert.True(error.Code == MesharaErrorCode.HandlerFailed && Throws, $"{Protocol}: {error.Message}");
        }
        else
        {
            Assert.True(!Throws && Call is not null && (await Answer).AsSpan().SequenceEqual(Reply), $"another reply to {Protocol}");
        }
    }

    public override string ToString() => $"{Protocol}: {Answer.Status}, handler {Call?.IsReturned}";
}

/// <summary>The messages of one side on one protocol: each arrives once, whole, in its order.</summary>
internal sealed class ModelMessages(string protocol, int from)
{
    private readonly List<(int Length, bool Acknowledged)> _sent = [];
    private readonly List<Task> _doing = [];
    private readonly List<(AckWaiter Ack, int Number)> _acks = [];
    private readonly List<bool> _thrown = [];
    private int _seen;

    public string Protocol => protocol;

    public int From => from;

    /// <summary>Handlers that have returned.</summary>
    public int Returned => _thrown.Count;

    public bool IsDone =>
        Returned == _sent.Count && _doing.All(static d => d.IsCompletedSuccessfully)
        && _acks.All(static a => a.Ack.Task.IsCompletedSuccessfully);

    /// <summary>Each ACK says how its own handler ended.</summary>
    public async Task CheckAcksAsync()
    {
        foreach ((AckWaiter ack, int number) in _acks)
        {
            Assert.Equal(_thrown[number] ? StreamCode.HandlerFailed : StreamCode.None, await ack.Task);
        }
    }

    public Task Send(StreamSide side, int length, bool acknowledged)
    {
        AckWaiter? ack = acknowledged ? new AckWaiter() : null;
        FrameFlags flags = FrameFlags.EndOfMessage | (acknowledged ? FrameFlags.Acknowledge : FrameFlags.None);
        if (ack is not null)
        {
            _acks.Add((ack, _sent.Count));
        }

        byte[] payload = ModelPipe.Pattern(_sent.Count, 0, length);
        _sent.Add((length, acknowledged));
        Task doing = side.Outbox.WriteAsync(side.Table.MessagesOf(protocol), payload, flags, ack, CancellationToken.None).AsTask();
        _doing.Add(doing);
        return doing;
    }

    public void CheckNext(byte[] payload)
    {
        Assert.True(_seen < _sent.Count, $"a message of {protocol} that nobody sent");
        Assert.True(payload.AsSpan().SequenceEqual(ModelPipe.Pattern(_seen, 0, _sent[_seen].Length)), $"another message of {protocol} than number {_seen}");
        _seen++;
    }

    public void Returns(bool throws, StreamReferee.Watched stream)
    {
        if (_sent[Returned].Acknowledged)
        {
            stream.AckDue(throws ? StreamCode.HandlerFailed : StreamCode.None);
        }

        _thrown.Add(throws);
    }

    public override string ToString() => $"{protocol}: sent {_sent.Count}, called {_seen}, returned {Returned}, copied {_doing.Count(static d => d.IsCompleted)}";
}
