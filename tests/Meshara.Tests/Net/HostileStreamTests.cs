using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Net;

/// <summary>hostile-inputs.md, section Streams, W1 to W3: credit, ids, ends.</summary>
public sealed class HostileStreamTests
{
    private const int Window = 4096;
    private static readonly LinkLimits Small = new() { InitialWindow = Window };
    private static readonly TimeSpan Guard = RawPeer.Guard;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task W1_DataOneByteBeyondCredit_Penalised(byte kind)
    {
        await using RawPeer peer = await StartHeldAsync();

        await peer.SendAsync(Raw.OpenFrame(peer.Own(0), kind, "p"), Raw.DataFrame(peer.Own(0), kind == 0 ? Raw.Eom : (byte)0, Window - 32 + 1));

        Assert.Contains("credit", (await peer.AssertPenalisedAsync()).Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task W1_DataOfExactlyTheCredit_AcceptedAndTheNextByteIsNot(byte kind)
    {
        await using RawPeer peer = await StartHeldAsync();
        await peer.SendAsync(Raw.OpenFrame(peer.Own(0), kind, "p"), Raw.DataFrame(peer.Own(0), kind == 0 ? Raw.Eom : (byte)0, Window - 32));
        await peer.RoundTripAsync();
        await peer.RoundTripAsync();

        // A body in progress gets its credit back: it must, or no large one could ever end. What waits for a handler does not.
        if (kind == 1)
        {
            Assert.Contains(peer.Seen, f => f.Type == Raw.Window && f.Id == peer.Own(0));
            return;
        }

        await peer.SendAsync(Raw.DataFrame(peer.Own(0), kind == 0 ? Raw.Eom : (byte)0, 1));

        await peer.AssertPenalisedAsync();
    }

    [Fact]
    public async Task W1_EmptyMessages_ArePaidFor()
    {
        await using RawPeer peer = await StartHeldAsync();
        byte[][] affordable = [.. Enumerable.Repeat(Raw.DataFrame(peer.Own(0), Raw.Eom, 0), Window / 32)];
        await peer.SendAsync([Raw.OpenFrame(peer.Own(0), 0, "p"), .. affordable]);
        await peer.RoundTripAsync();

        await peer.SendAsync(affordable[0]);

        await peer.AssertPenalisedAsync();
    }

    [Fact]
    public async Task W1_BareFinWithoutCredit_CostsNothing()
    {
        await using RawPeer peer = await StartHeldAsync();
        await peer.SendAsync(Raw.OpenFrame(peer.Own(0), 2, "p"), Raw.DataFrame(peer.Own(0), 0, Window - 32), Raw.DataFrame(peer.Own(0), Raw.Fin, 0));

        await peer.RoundTripAsync();
    }

    [Fact]
    public async Task W1_DataBeyondCreditOnAStreamThatWasRefused_Penalised()
    {
        await using RawPeer peer = await StartHeldAsync();
        await peer.SendAsync(Raw.OpenFrame(peer.Own(0), 2, "nobody"), Raw.DataFrame(peer.Own(0), 0, Window - 32));
        await peer.RoundTripAsync();

        await peer.SendAsync(Raw.DataFrame(peer.Own(0), 0, 1));

        await peer.AssertPenalisedAsync();
    }

    [Fact]
    public async Task W1_WindowThatOverflows_Penalised()
    {
        await using RawPeer peer = await RawPeer.StartAsync();
        await using MeshStream stream = peer.Link.OpenStream("p");
        ulong id = (await peer.UntilAsync(Raw.Open)).Id;
        const ulong Most = (1UL << 62) - 1;

        await peer.SendAsync(Raw.Pair(Raw.Window, id, Most - (16 << 10)));
        await peer.RoundTripAsync();
        await peer.SendAsync(Raw.Pair(Raw.Window, id, 1));

        Assert.Contains("overflows", (await peer.AssertPenalisedAsync()).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task W1_WindowOfZero_Penalised()
    {
        await using RawPeer peer = await RawPeer.StartAsync();
        await using MeshStream stream = peer.Link.OpenStream("p");
        ulong id = (await peer.UntilAsync(Raw.Open)).Id;

        await peer.SendAsync(Raw.Pair(Raw.Window, id, 0));

        await peer.AssertPenalisedAsync();
    }

    [Theory]
    [InlineData(Raw.Window)]
    [InlineData(Raw.StopSending)]
    public async Task W1_WindowOrStopSendingForADirectionThatNeverSends_Penalised(byte type)
    {
        await using RawPeer peer = await StartHeldAsync();

        await peer.SendAsync(Raw.OpenFrame(peer.Own(0), 0, "p"), Raw.Pair(type, peer.Own(0), 5));

        await peer.AssertPenalisedAsync();
    }

    [Fact]
    public async Task W1_WindowAfterTheHonestFin_IgnoredEvenIfItWouldOverflow()
    {
        await using RawPeer peer = await RawPeer.StartAsync();
        await using MeshStream stream = peer.Link.OpenStream("p");
        stream.CompleteWrites();
        ulong id = (await peer.UntilAsync(Raw.Data, f => f.Flags == Raw.Fin)).Id;

        await peer.SendAsync(Raw.Pair(Raw.Window, id, (1UL << 62) - 1), Raw.Pair(Raw.Window, id, (1UL << 62) - 1));

        await peer.RoundTripAsync();
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(true, 2)]
    [InlineData(false, 0)]
    [InlineData(false, 3)]
    public async Task W2_OpenWithAnIdThatIsNotTheNext_Penalised(bool dials, ulong id)
    {
        await using RawPeer peer = await RawPeer.StartAsync(dials: dials);

        await peer.SendAsync(Raw.OpenFrame(id, 2, "p"));

        await peer.AssertPenalisedAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task W2_OpenWithAnIdUsedBefore_Penalised(bool closed)
    {
        await using RawPeer peer = await StartHeldAsync();
        await peer.SendAsync(Raw.OpenFrame(peer.Own(0), 2, "p"));
        if (closed)
        {
            await peer.SendAsync(Raw.ResetFrame(peer.Own(0)));
        }

        await peer.RoundTripAsync();
        await peer.SendAsync(Raw.OpenFrame(peer.Own(0), 2, "p"));

        await peer.AssertPenalisedAsync();
    }

    [Theory]
    [InlineData(Raw.Data)]
    [InlineData(Raw.Window)]
    [InlineData(Raw.Reset)]
    [InlineData(Raw.StopSending)]
    [InlineData(Raw.Ack)]
    public async Task W2_FrameForAStreamNeverOpened_Penalised(byte type)
    {
        foreach (ulong id in (ulong[])[0, 1, (1UL << 62) - 2, (1UL << 62) - 1])
        {
            await using RawPeer peer = await RawPeer.StartAsync();
            await peer.SendAsync(type == Raw.Data ? Raw.DataFrame(id, Raw.Fin, 1) : Raw.Pair(type, id, 1));
            await peer.AssertPenalisedAsync();
        }
    }

    [Theory]
    [InlineData(Raw.Window)]
    [InlineData(Raw.Reset)]
    [InlineData(Raw.StopSending)]
    [InlineData(Raw.Ack)]
    public async Task W2_FrameForAStreamClosedLongAgo_IgnoredSinceARaceExplainsIt(byte type)
    {
        await using RawPeer peer = await StartHeldAsync();
        await peer.SendAsync(Raw.OpenFrame(peer.Own(0), 2, "p"), Raw.ResetFrame(peer.Own(0)));
        await peer.RoundTripAsync();

        for (int i = 0; i < 100; i++)
        {
            await peer.SendAsync(Raw.Pair(type, peer.Own(0), 1));
        }

        await peer.RoundTripAsync();
    }

    [Fact]
    public async Task W2_DataForAStreamClosedLongAgo_Penalised()
    {
        await using RawPeer peer = await StartHeldAsync();
        await peer.SendAsync(Raw.OpenFrame(peer.Own(0), 2, "p"), Raw.ResetFrame(peer.Own(0)));
        await peer.RoundTripAsync();

        await peer.SendAsync(Raw.DataFrame(peer.Own(0), 0, 1));

        await peer.AssertPenalisedAsync();
    }

    [Theory]
    [InlineData(0, Raw.Eom)]
    [InlineData(0, Raw.Fin)]
    [InlineData(1, 0)]
    [InlineData(2, 0)]
    [InlineData(2, Raw.Fin)]
    public async Task W3_DataAfterFin_Penalised(byte kind, byte flags)
    {
        await using RawPeer peer = await StartHeldAsync();

        await peer.SendAsync(Raw.OpenFrame(peer.Own(0), kind, "p"), Raw.DataFrame(peer.Own(0), Raw.Fin, 1), Raw.DataFrame(peer.Own(0), flags, 1));

        await peer.AssertPenalisedAsync();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task W3_DataAfterTheSendersReset_Penalised(byte kind)
    {
        await using RawPeer peer = await StartHeldAsync();

        await peer.SendAsync(Raw.OpenFrame(peer.Own(0), kind, "p"), Raw.ResetFrame(peer.Own(0)), Raw.DataFrame(peer.Own(0), Raw.Fin, 1));

        await peer.AssertPenalisedAsync();
    }

    [Fact]
    public async Task W3_DataInFlightAfterTheHonestReset_IgnoredWithinCredit()
    {
        await using RawPeer peer = await StartHeldAsync();
        await peer.SendAsync(Raw.OpenFrame(peer.Own(0), 2, "nobody"));
        RawFrame reset = await peer.UntilAsync(Raw.Reset);
        Assert.Equal(2ul, reset.Code);

        await peer.SendAsync(Raw.DataFrame(peer.Own(0), 0, 2000), Raw.DataFrame(peer.Own(0), Raw.Fin, 2000));
        await peer.RoundTripAsync();

        // With the FIN the stream is over for good.
        await peer.SendAsync(Raw.DataFrame(peer.Own(0), Raw.Fin, 0));
        await peer.AssertPenalisedAsync();
    }

    [Theory]
    [InlineData(1, Raw.Eom)]
    [InlineData(2, Raw.Eom)]
    [InlineData(1, (byte)(Raw.Eom | Raw.AckFlag))]
    [InlineData(0, Raw.AckFlag)]
    [InlineData(0, (byte)(Raw.Fin | Raw.AckFlag))]
    public async Task W3_FlagThatTheKindDoesNotAllow_Penalised(byte kind, byte flags)
    {
        await using RawPeer peer = await StartHeldAsync();

        await peer.SendAsync(Raw.OpenFrame(peer.Own(0), kind, "p"), Raw.DataFrame(peer.Own(0), flags, 1));

        await peer.AssertPenalisedAsync();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task W3_DataWithoutBytesAndFlags_Penalised(byte kind)
    {
        await using RawPeer peer = await StartHeldAsync();

        await peer.SendAsync(Raw.OpenFrame(peer.Own(0), kind, "p"), Raw.DataFrame(peer.Own(0), 0, 0));

        await peer.AssertPenalisedAsync();
    }

    [Theory]
    [InlineData(Raw.Eom)]
    [InlineData(Raw.Fin)]
    public async Task W3_DataFromTheAcceptorOfAMessageStream_Penalised(byte flags)
    {
        await using RawPeer peer = await RawPeer.StartAsync();
        await peer.Link.SendAsync("m", new byte[1], CancellationToken.None);
        ulong id = (await peer.UntilAsync(Raw.Open)).Id;

        await peer.SendAsync(Raw.DataFrame(id, flags, 1));

        await peer.AssertPenalisedAsync();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task W3_AckNobodyAskedFor_Penalised(int asked)
    {
        await using RawPeer peer = await RawPeer.StartAsync();
        await peer.Link.SendAsync("m", new byte[1], CancellationToken.None);
        Task waiting = Task.WhenAll(Enumerable.Range(0, asked).Select(_ => peer.Link.SendAcknowledgedAsync("m", new byte[1], CancellationToken.None).AsTask()));
        ulong id = (await peer.UntilAsync(Raw.Open)).Id;
        for (int i = 0; i < asked; i++)
        {
            await peer.UntilAsync(Raw.Data, f => (f.Flags & Raw.AckFlag) != 0);
            await peer.SendAsync(Raw.Pair(Raw.Ack, id, 0));
        }

        await waiting.WaitAsync(Guard);
        await peer.SendAsync(Raw.Pair(Raw.Ack, id, 0));

        await peer.AssertPenalisedAsync();
    }

    [Fact]
    public async Task W3_AckOnAStreamThatTheSenderOpened_Penalised()
    {
        await using RawPeer peer = await StartHeldAsync();

        await peer.SendAsync(Raw.OpenFrame(peer.Own(0), 0, "p"), Raw.Pair(Raw.Ack, peer.Own(0), 0));

        await peer.AssertPenalisedAsync();
    }

    [Fact]
    public async Task W3_FinInsideAMessage_EndsTheStreamWithoutThatMessage()
    {
        await using RawPeer peer = await RawPeer.StartAsync(Small);
        List<string> got = [];
        peer.Honest.Handlers.AddMessages("p", (message, _) =>
        {
            got.Add(message.Text);
            return ValueTask.CompletedTask;
        });

        await peer.SendAsync(
            Raw.OpenFrame(peer.Own(0), 0, "p"), Raw.DataFrame(peer.Own(0), Raw.Eom, "whole"u8.ToArray()), Raw.DataFrame(peer.Own(0), 0, "half"u8.ToArray()), Raw.DataFrame(peer.Own(0), Raw.Fin, 0));
        await peer.RoundTripAsync();
        await peer.Honest.Tasks.WhenAllAsync().WaitAsync(Guard);

        Assert.Equal(["whole"], got);
    }

    private static async Task<RawPeer> StartHeldAsync()
    {
        RawPeer peer = await RawPeer.StartAsync(Small);
        Held held = new();
        held.Messages(peer.Honest, "p");
        held.Requests(peer.Honest, "p");
        held.Streams(peer.Honest, "p");
        return peer;
    }
}
