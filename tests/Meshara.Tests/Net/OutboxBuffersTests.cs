using Meshara.Net;
using Meshara.Tests.Support;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Net;

// Mostly without a pump: the test takes what it would write, and says how long that took.
public sealed class OutboxBuffersTests
{
    private const int Size = 10_000;

    private readonly ManualTimeProvider _clock = new();
    private readonly Link _link;

    public OutboxBuffersTests()
    {
        LinkLimits plenty = new() { InitialWindow = 1 << 30 };
        using NodeIdentity peer = NodeIdentity.Create();
        _link = LinkSide.Create(Stream.Null, peer.PublicKey, inbound: false, plenty, plenty, timeouts: null, _clock, CancellationToken.None).Link;
    }

    private Outbox Outbox => _link.Outgoing;

    [Fact]
    public void Send_LinkOfUnknownSpeed_BuffersAreSmall()
    {
        for (int taken = 0; taken < Outbox.Stretch; taken += Outbox.TakeNext().Length)
        {
            Fill();
            AssertSmall();
        }
    }

    [Theory]
    [InlineData(false, 0, true)]
    [InlineData(false, 1, false)]
    [InlineData(true, 0, true)]
    [InlineData(true, 1, false)]
    public void Send_AfterAStretch_ItsTimeDecides(bool wasQuick, int ticksMore, bool large)
    {
        if (wasQuick)
        {
            Judge(TimeSpan.Zero);
        }

        JudgeAtTheLimit(ticksMore);

        Fill();
        AssertSize(large);
    }

    [Fact]
    public void Send_PauseWithinAStretch_IsJudgedFromThePauseOn()
    {
        Fill();
        int taken = 0;
        while (taken < Outbox.Stretch / 2)
        {
            taken += Outbox.TakeNext().Length;
            Fill();
        }

        Pause();
        for (taken = 0; taken < Outbox.Stretch; taken += Outbox.TakeNext().Length)
        {
            Fill();
            AssertSmall();
        }

        Fill();
        Outbox.TakeNext();
        Fill();
        AssertSize(large: true);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    public void Send_PauseOfTheQuickLink_ItIsForgottenAfterALongOne(int ticksMore, bool large)
    {
        Judge(TimeSpan.Zero);
        Pause();
        _clock.Advance(Outbox.LongPause + TimeSpan.FromTicks(ticksMore));

        Fill();
        AssertSize(large);
        Outbox.TakeNext();
        Fill();
        AssertSize(large);
    }

    [Fact]
    public void Send_QuickLinkTurnsSlowWithinAStretch_BuffersAreSmallAtOnce()
    {
        Judge(TimeSpan.Zero);
        Fill();
        Outbox.TakeNext();
        Fill();
        _clock.Advance(Outbox.QuickStretch + TimeSpan.FromTicks(1));
        Outbox.TakeNext();

        Fill();
        AssertSmall();
    }

    [Fact]
    public void Send_QuickLinkTurnsSlowForShortBursts_BuffersAreSmallAfterTheFirst()
    {
        Judge(TimeSpan.Zero);
        Pause();
        Assert.True(Send(0));
        Outbox.TakeNext();
        _clock.Advance(Outbox.QuickStretch + TimeSpan.FromTicks(1));
        Pause();

        Fill();
        AssertSmall();
    }

    [Fact]
    public void TakeNext_BuffersGrowAndShrink_EveryMessageOnceAndInOrder()
    {
        List<int> sizes = [];
        List<byte> numbers = [];
        byte next = 0;
        foreach (bool quick in (bool[])[false, true, true, false, true, false, false, true])
        {
            for (int taken = 0; taken < 2 * Outbox.Stretch; taken += sizes[^1])
            {
                Fill(ref next);
                Take(andFill: true);
                _clock.Advance(quick ? TimeSpan.Zero : TimeSpan.FromSeconds(1));
            }
        }

        int[] large = [.. sizes.Select(size => size > Outbox.BufferSize ? 1 : 0)];
        while (Take(andFill: false))
        {
        }

        Assert.Equal(Enumerable.Range(0, numbers.Count).Select(n => (byte)n), numbers);
        Assert.Equal(next, (byte)numbers.Count);
        Assert.Equal(5, large.Zip(large.Skip(1), (a, b) => a != b).Count(changed => changed));

        bool Take(bool andFill)
        {
            ReadOnlyMemory<byte> chunk = Outbox.TakeNext();
            sizes.Add(chunk.Length);

            // While it is written others send.
            if (andFill)
            {
                Fill(ref next);
            }

            numbers.AddRange(Ends(chunk));
            return !chunk.IsEmpty;
        }
    }

    [Fact]
    public async Task PumpAsync_AStretchIsQuickAndTheNextIsNot_BuffersFollow()
    {
        List<int> ahead = [];
        int written = 0;
        BusyStream stream = new()
        {
            During = buffer =>
            {
                written += buffer.Length;
                _clock.Advance(written < 2 * Outbox.Stretch ? TimeSpan.FromTicks(1) : TimeSpan.FromSeconds(1));
                Fill();
                ahead.Add(Outbox.Waiting);
                if (written > 3 * Outbox.Stretch)
                {
                    Outbox.Complete();
                }
            },
        };
        Fill();
        await Outbox.PumpAsync(stream, static () => { }).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        // Judged with the tenth write.
        Assert.All(ahead[..9], bytes => Assert.InRange(bytes, 60_000, Outbox.BufferSize));
        Assert.InRange(ahead[9], 250_000, Outbox.QuickBufferSize);
        Assert.InRange(ahead.Last(bytes => bytes > 0), 60_000, Outbox.BufferSize);
    }

    [Fact]
    public async Task PumpAsync_LargeBuffer_IsWrittenInPartsEachWithItsTime()
    {
        Judge(TimeSpan.Zero);
        List<(byte[] Bytes, TimeSpan? Since, TimeSpan Now)> writes = [];
        BusyStream stream = new()
        {
            During = buffer =>
            {
                writes.Add((buffer.ToArray(), Outbox.WriteSince, _clock.Now));
                _clock.Advance(TimeSpan.FromSeconds(1));
                Outbox.Complete();
            },
        };
        Pause();
        byte next = 0;
        Fill(ref next);
        int waiting = Outbox.Waiting;
        await Outbox.PumpAsync(stream, static () => { }).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        Assert.Equal([Outbox.BufferSize, Outbox.BufferSize, Outbox.BufferSize, waiting - (3 * Outbox.BufferSize)], writes.Take(4).Select(write => write.Bytes.Length));
        Assert.All(writes, write => Assert.Equal(write.Now, write.Since));
        byte[] all = [.. writes.SelectMany(write => write.Bytes)];
        Assert.Equal(Enumerable.Range(0, next).Select(n => (byte)n), Ends(all));
    }

    private void AssertSmall() => AssertSize(large: false);

    private void AssertSize(bool large) =>
        Assert.InRange(Outbox.Waiting, large ? 250_000 : 60_000, large ? Outbox.QuickBufferSize : Outbox.BufferSize);

    // After a pause a stretch that takes as long as a quick one may, and so much more.
    private void JudgeAtTheLimit(int ticksMore)
    {
        int taken = TakeStretch();
        _clock.Advance((Outbox.QuickStretch * ((double)taken / Outbox.Stretch)) + TimeSpan.FromTicks(ticksMore));
        Outbox.TakeNext();
    }

    private void Judge(TimeSpan took)
    {
        TakeStretch();
        _clock.Advance(took);
        Outbox.TakeNext();
    }

    private int TakeStretch()
    {
        Pause();
        int taken = 0;
        for (Fill(); taken < Outbox.Stretch; Fill())
        {
            taken += Outbox.TakeNext().Length;
        }

        return taken;
    }

    // What waits goes out, and then there is nothing.
    private void Pause()
    {
        while (!Outbox.TakeNext().IsEmpty)
        {
        }
    }

    private void Fill()
    {
        byte first = 0;
        Fill(ref first);
    }

    // Sends until one has to wait. Each ends with its number.
    private void Fill(ref byte next)
    {
        while (Send(next++))
        {
        }
    }

    private bool Send(byte number)
    {
        byte[] message = new byte[Size];
        message[^1] = number;
        return _link.SendAsync("m", message, CancellationToken.None).AsTask().IsCompleted;
    }

    // The last bytes of the messages that end here.
    private static List<byte> Ends(ReadOnlyMemory<byte> chunk)
    {
        List<byte> ends = [];
        for (ReadOnlySpan<byte> rest = chunk.Span; !rest.IsEmpty;)
        {
            Assert.True(FrameCodec.TryReadHeader(rest, FrameCodec.MaxPayload, out FrameHeader header));
            int length = FrameCodec.HeaderSize + header.Length;
            if (header.Type == FrameType.Data && header.Flags.HasFlag(FrameFlags.EndOfMessage))
            {
                ends.Add(rest[length - 1]);
            }

            rest = rest[length..];
        }

        return ends;
    }

    private sealed class BusyStream : MemoryStream
    {
        /// <summary>Called within each write.</summary>
        public required Action<ReadOnlyMemory<byte>> During { get; init; }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            During(buffer);
            return ValueTask.CompletedTask;
        }
    }
}
