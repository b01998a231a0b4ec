using System.Globalization;
using System.Text;
using Meshara.Core;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Net;

/// <summary>hostile-inputs.md, section Framing, on a live link.</summary>
public sealed class HostileFramingTests
{
    private static readonly TimeSpan Guard = RawPeer.Guard;

    [Theory]
    [InlineData(0xFFFF_FFFFu)]
    [InlineData(0x7FFF_FFFFu)]
    [InlineData(1u << 20)]
    public async Task F1_HugeLength_PenalisedBeforeAnythingIsAllocated(uint length)
    {
        await using RawPeer peer = await RawPeer.StartAsync();
        await peer.RoundTripAsync();

        await peer.SendAsync(Raw.Header(length, Raw.Data));

        LinkEnd end = await peer.AssertPenalisedAsync();
        Assert.Contains($"{length} bytes", end.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task F2_LengthOneOverTheLimit_Penalised()
    {
        await using RawPeer peer = await RawPeer.StartAsync();

        await peer.SendAsync(Raw.Header(65537, 0x90));

        await peer.AssertPenalisedAsync();
    }

    [Fact]
    public async Task F2_LengthExactlyTheLimit_Accepted()
    {
        await using RawPeer peer = await RawPeer.StartAsync(new LinkLimits { InitialWindow = 1 << 17 });
        TaskCompletionSource<int> got = new(TaskCreationOptions.RunContinuationsAsynchronously);
        peer.Honest.Handlers.AddMessages("m", (message, _) =>
        {
            got.TrySetResult(message.Payload.Length);
            return ValueTask.CompletedTask;
        });

        await peer.SendAsync(Raw.Frame(0x90, 0, new byte[65536]), Raw.OpenFrame(peer.Own(0), 0, "m"), Raw.DataFrame(peer.Own(0), Raw.Eom, new byte[65535]));

        Assert.Equal(65535, await got.Task.WaitAsync(Guard));
        await peer.RoundTripAsync();
    }

    [Theory]
    [InlineData(0x8000_0000u)]
    [InlineData(0xFFFF_FFFEu)]
    [InlineData(0x8000_0006u)]
    public async Task F3_LengthNegativeAsInt32_Penalised(uint length)
    {
        await using RawPeer peer = await RawPeer.StartAsync();

        await peer.SendAsync(Raw.Header(length, Raw.Ping));

        await peer.AssertPenalisedAsync();
    }

    [Fact]
    public async Task F5_OneByteInEachTlsRecord_Parsed()
    {
        await using RawPeer peer = await RawPeer.StartAsync();
        TaskCompletionSource<string> got = new(TaskCreationOptions.RunContinuationsAsynchronously);
        peer.Honest.Handlers.AddMessages("m", (message, _) =>
        {
            got.TrySetResult(message.Text);
            return ValueTask.CompletedTask;
        });

        foreach (byte b in (byte[])[.. Raw.OpenFrame(peer.Own(0), 0, "m"), .. Raw.DataFrame(peer.Own(0), Raw.Eom, "hello"u8.ToArray())])
        {
            await peer.SendAsync([b]);
        }

        Assert.Equal("hello", await got.Task.WaitAsync(Guard));
        await peer.RoundTripAsync();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(13)]
    public async Task F6_TruncatedFrameThenFin_ClosedWithoutBlame(int bytes)
    {
        await using RawPeer peer = await RawPeer.StartAsync();

        await peer.SendAsync(Raw.PingFrame(1)[..bytes]);
        peer.ShutdownWrites();

        LinkEnd end = await peer.AssertClosedWithoutBlameAsync();
        Assert.Equal(DisconnectReason.ConnectionLost, end.Reason);
        Assert.Contains("within a frame", end.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(70_000)]
    public async Task F6_RubbishBelowTheTls_ClosedWithoutBlame(int bytes)
    {
        await using RawPeer peer = await RawPeer.StartAsync();
        await peer.RoundTripAsync();

        await peer.SendBelowTlsAsync([.. Enumerable.Repeat((byte)0xA5, bytes)]);
        peer.ShutdownWrites();

        Assert.Equal(DisconnectReason.ConnectionLost, (await peer.AssertClosedWithoutBlameAsync()).Reason);
    }

    [Fact]
    public async Task F7_HalfAFrameThenSilence_IsKnownSinceItBegan()
    {
        ManualTimeProvider clock = new();
        await using RawPeer peer = await RawPeer.StartAsync(time: clock);
        await peer.RoundTripAsync();
        Assert.Null(peer.Link.CheckLiveness().PartialFrameSince);
        clock.Advance(TimeSpan.FromSeconds(3));

        await peer.SendAsync(Raw.PingFrame(1)[..7]);
        await Eventually.TrueAsync(() => peer.Link.CheckLiveness().PartialFrameSince is not null);
        clock.Advance(TimeSpan.FromSeconds(9));
        await peer.SendAsync([0]);
        await peer.SendAsync([0]);

        // One more byte now and then does not buy time; the driver compares this with the frame deadline.
        Assert.Equal(TimeSpan.FromSeconds(3), peer.Link.CheckLiveness().PartialFrameSince);
        clock.Advance(TimeSpan.FromSeconds(1));
        peer.Link.Close(DisconnectReason.FrameTimeout, "");
        Assert.Equal(3, (await peer.UntilAsync(Raw.Goodbye)).Payload[0]);
        peer.ShutdownWrites();
        Assert.Equal(DisconnectReason.FrameTimeout, (await peer.AssertClosedWithoutBlameAsync()).Reason);
    }

    [Fact]
    public async Task F7_PartialFrameAfterFramesNobodyKnows_CountsFromItsOwnBeginning()
    {
        ManualTimeProvider clock = new();
        await using RawPeer peer = await RawPeer.StartAsync(time: clock);
        await peer.SendAsync(Raw.Frame(0x90, 0, new byte[10])[..9]);
        await Eventually.TrueAsync(() => peer.Link.CheckLiveness().PartialFrameSince is not null);
        clock.Advance(TimeSpan.FromSeconds(9));

        // The frame of an unknown type ends, and another begins in the same segment.
        await peer.SendAsync([.. new byte[7], 0]);

        await Eventually.TrueAsync(() => peer.Link.CheckLiveness().PartialFrameSince == TimeSpan.FromSeconds(9));
    }

    [Theory]
    [InlineData(0x80)]
    [InlineData(0x85)]
    [InlineData(0x82)]
    [InlineData(0xFF)]
    public async Task F8_UnknownTypeMarkedOptional_IgnoredAndNoSignOfLife(byte type)
    {
        ManualTimeProvider clock = new();
        await using RawPeer peer = await RawPeer.StartAsync(time: clock);
        await peer.RoundTripAsync();
        byte[] unknown = Raw.Frame(type, 0xFF, new byte[100]);

        // The part of a frame is noted last: what came before it has been stamped by then.
        await peer.SendAsync(unknown[..3]);
        await Eventually.TrueAsync(() => peer.Link.CheckLiveness().PartialFrameSince == TimeSpan.Zero);
        TimeSpan before = peer.Link.CheckLiveness().LastFrame;
        clock.Advance(TimeSpan.FromSeconds(5));

        await peer.SendAsync(unknown[3..], Raw.Header(6, type, 0xFF));
        await Eventually.TrueAsync(() => peer.Link.CheckLiveness().PartialFrameSince == TimeSpan.FromSeconds(5));

        Assert.Equal(before, peer.Link.CheckLiveness().LastFrame);
        await peer.SendAsync(new byte[6]);
        await peer.RoundTripAsync();
    }

    [Theory]
    [InlineData(0x00)]
    [InlineData(0x09)]
    [InlineData(0x0F)]
    [InlineData(0x17)]
    [InlineData(0x7F)]
    public async Task F8_UnknownTypeMarkedCritical_Penalised(byte type)
    {
        await using RawPeer peer = await RawPeer.StartAsync();

        await peer.SendAsync(Raw.Frame(type));

        await peer.AssertPenalisedAsync();
    }

    [Theory]
    [InlineData(Raw.Hello)]
    [InlineData(Raw.Proof)]
    [InlineData(Raw.Ready)]
    [InlineData(Raw.Refuse)]
    public async Task F8_FrameOfTheHandshakeOnALiveLink_Penalised(byte type)
    {
        await using RawPeer peer = await RawPeer.StartAsync();

        await peer.SendAsync(Raw.Frame(type, 0, new byte[32]));

        await peer.AssertPenalisedAsync();
    }

    [Theory]
    [InlineData(Raw.Ping, 0x01)]
    [InlineData(Raw.Goodbye, 0x01)]
    [InlineData(Raw.Open, 0x02)]
    [InlineData(Raw.Data, 0x08)]
    [InlineData(Raw.Data, 0x80)]
    [InlineData(Raw.Window, 0x40)]
    [InlineData(Raw.Notice, 0x01)]
    public async Task F9_ReservedFlag_Penalised(byte type, byte flags)
    {
        await using RawPeer peer = await RawPeer.StartAsync();

        await peer.SendAsync(Raw.Frame(type, flags, new byte[8]));

        await peer.AssertPenalisedAsync();
    }

    [Fact]
    public async Task F10_ListOfAMillionExtensions_PenalisedBeforeTheLoop()
    {
        await using RawPeer peer = await RawPeer.StartAsync();

        await peer.SendAsync(Raw.OpenFrame(peer.Own(0), 0, "m"u8.ToArray(), [.. Raw.Varint(1_000_000), .. new byte[60_000]]));

        LinkEnd end = await peer.AssertPenalisedAsync();
        Assert.Contains("1000000", end.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Raw.Ping, "00000000000000000000")]
    [InlineData(Raw.Pong, "0000000000000000ff")]
    [InlineData(Raw.Goodbye, "00000000")]
    [InlineData(Raw.Open, "0000016d0000")]
    [InlineData(Raw.Reset, "000000")]
    [InlineData(Raw.StopSending, "000000")]
    [InlineData(Raw.Window, "000100")]
    [InlineData(Raw.MaxStreams, "4400ff")]
    [InlineData(Raw.Ack, "000000")]
    [InlineData(Raw.Notice, "010000")]
    public async Task F11_TrailingBytes_Penalised(byte type, string payload)
    {
        await using RawPeer peer = await RawPeer.StartAsync();

        await peer.SendAsync(Raw.Frame(type, 0, Convert.FromHexString(payload)));

        await peer.AssertPenalisedAsync();
    }

    [Theory]
    [InlineData(Raw.Ping, "")]
    [InlineData(Raw.Goodbye, "00")]
    [InlineData(Raw.Goodbye, "0000056162")]
    [InlineData(Raw.Open, "0000")]
    [InlineData(Raw.Open, "0000026d")]
    [InlineData(Raw.Data, "")]
    [InlineData(Raw.Data, "c000")]
    [InlineData(Raw.Reset, "00")]
    [InlineData(Raw.Window, "40")]
    [InlineData(Raw.MaxStreams, "")]
    public async Task F11_PayloadThatEndsBeforeItsLastField_Penalised(byte type, string payload)
    {
        await using RawPeer peer = await RawPeer.StartAsync();

        await peer.SendAsync(Raw.Frame(type, 0, Convert.FromHexString(payload)));

        await peer.AssertPenalisedAsync();
    }

    [Theory]
    [InlineData("c3")]
    [InlineData("eda080")]
    [InlineData("c080")]
    [InlineData("1b5b33316d")]
    [InlineData("610a62")]
    [InlineData("c285")]
    public async Task F12_StringThatIsNotUtf8OrHasControlCharacters_Penalised(string hex)
    {
        byte[] text = Convert.FromHexString(hex);
        byte[][] frames =
        [
            Raw.OpenFrame(0, 0, text, 0),
            Raw.Frame(Raw.Goodbye, 0, [0, 0, .. Raw.Varint((ulong)text.Length), .. text]),
            Raw.Frame(Raw.Notice, 0, [1, .. Raw.Varint((ulong)text.Length), .. text]),
        ];
        foreach (byte[] frame in frames)
        {
            await using RawPeer peer = await RawPeer.StartAsync();
            await peer.SendAsync(frame);
            await peer.AssertPenalisedAsync();
        }
    }

    [Fact]
    public async Task F12_GoodbyeWithBidiMarksAndMarkup_ReportedWithoutWhatHidesText()
    {
        await using RawPeer peer = await RawPeer.StartAsync();

        await peer.SendAsync(Raw.GoodbyeFrame(0, "[red]\u202Eevil\u200B\u2028[/]"));

        LinkEnd end = await peer.AssertClosedWithoutBlameAsync();
        Assert.StartsWith("[red]", end.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain(end.Detail.EnumerateRunes(), r => Rune.GetUnicodeCategory(r) is UnicodeCategory.Format or UnicodeCategory.Control or UnicodeCategory.LineSeparator);
    }

    [Fact]
    public async Task F12_ProtocolNameWithBidiMarks_CleanInTheErrorOfTheApplication()
    {
        await using RawPeer peer = await RawPeer.StartAsync();
        await using MeshStream stream = peer.Link.OpenStream("p\u202Eq");
        await peer.UntilAsync(Raw.Open);
        await peer.SendAsync(Raw.ResetFrame(peer.Honests(0), 3));

        MesharaException error = await Assert.ThrowsAsync<MesharaException>(async () => await stream.ReadAsync(new byte[1]).AsTask().WaitAsync(Guard));

        Assert.DoesNotContain("\u202E", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task F14_FramesAfterDone_ClosedWithoutBlame()
    {
        await using RawPeer peer = await RawPeer.StartAsync();
        int handled = 0;
        peer.Honest.Handlers.AddMessages("m", (_, _) =>
        {
            Interlocked.Increment(ref handled);
            return ValueTask.CompletedTask;
        });

        await peer.SendAsync(Raw.GoodbyeFrame(0), Raw.Frame(Raw.Done), Raw.OpenFrame(peer.Own(0), 0, "m"), Raw.DataFrame(peer.Own(0), Raw.Eom, 10));

        LinkEnd end = await peer.AssertClosedWithoutBlameAsync();
        Assert.Equal(DisconnectReason.RemoteShutdown, end.Reason);
        await peer.Honest.Tasks.WhenAllAsync().WaitAsync(Guard);
        Assert.Equal(0, handled);
    }

    [Fact]
    public async Task F14_OpenAfterTheSendersOwnGoodbye_ClosedWithoutBlame()
    {
        await using RawPeer peer = await RawPeer.StartAsync();

        await peer.SendAsync(Raw.GoodbyeFrame(0), Raw.OpenFrame(peer.Own(0), 0, "m"));

        Assert.Equal(DisconnectReason.RemoteShutdown, (await peer.AssertClosedWithoutBlameAsync()).Reason);
    }

    [Fact]
    public async Task F14_FramesAfterAProtocolError_DiscardedAtMostASecond()
    {
        ManualTimeProvider clock = new();
        await using RawPeer peer = await RawPeer.StartAsync(time: clock);
        int handled = 0;
        peer.Honest.Handlers.AddMessages("m", (_, _) =>
        {
            Interlocked.Increment(ref handled);
            return ValueTask.CompletedTask;
        });
        await peer.SendAsync(Raw.Frame(0x17));
        Assert.Equal(4, (await peer.UntilAsync(Raw.Goodbye)).Payload[0]);

        for (int i = 0; i < 100; i++)
        {
            await peer.SendAsync(Raw.OpenFrame(peer.Own(i), 0, "m"), Raw.DataFrame(peer.Own(i), Raw.Eom, 10_000));
        }

        Assert.False(peer.Honest.Ended.IsCompleted);
        await Eventually.TrueAsync(() => clock.PendingTimers > 0);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.True((await peer.Honest.Ended.WaitAsync(Guard)).Penalise);
        await peer.AssertEndFollowsAsync();
        Assert.Equal(0, handled);
    }
}
