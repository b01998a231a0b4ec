using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Net;

/// <summary>What two honest sides do to each other by accident; nobody is punished for it (wire protocol section 8.5).</summary>
public sealed class StreamRaceTests
{
    private static readonly TimeSpan Guard = RawPeer.Guard;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Reset_CrossesReset_StreamIsOverAndBothLive(bool oursFirst)
    {
        GatedStream? gate = null;
        await using RawPeer peer = await RawPeer.StartAsync(wrap: s => gate = new GatedStream(s));
        await using MeshStream stream = peer.Link.OpenStream("p");
        ulong id = (await peer.UntilAsync(Raw.Open)).Id;
        gate!.Shut();
        if (oursFirst)
        {
            stream.Abort(300);
        }

        await peer.SendAsync(Raw.ResetFrame(id, 301));
        await Eventually.TrueAsync(() => peer.Link.Streams.Count == 0);
        stream.Abort(300);
        gate.Open();

        RawFrame reset = await peer.UntilAsync(Raw.Reset);
        Assert.Equal((id, oursFirst ? 300ul : 0ul), (reset.Id, reset.Code));
        await peer.RoundTripAsync();
        await peer.RoundTripAsync();
        Assert.DoesNotContain(peer.Seen, f => f.Type == Raw.Reset);
    }

    [Theory]
    [InlineData(Raw.Window)]
    [InlineData(Raw.StopSending)]
    [InlineData(Raw.Reset)]
    [InlineData(Raw.Ack)]
    public async Task Frame_ForAStreamOfMessagesThatIsJustOver_Ignored(byte type)
    {
        await using RawPeer peer = await RawPeer.StartAsync(time: new ManualTimeProvider());
        Task sending = peer.Link.SendAcknowledgedAsync("m", new byte[1], CancellationToken.None).AsTask();
        ulong id = (await peer.UntilAsync(Raw.Open)).Id;
        await peer.SendAsync(Raw.ResetFrame(id, 3), Raw.Pair(type, id, 1));

        await peer.RoundTripAsync();
        Assert.Equal(MesharaErrorCode.HandlerFailed, (await Assert.ThrowsAsync<MesharaException>(() => sending)).Code);
    }

    [Fact]
    public async Task Request_CancelledWhileTheReplyIsUnderWay_WhatArrivesIsIgnoredAndTheStreamEnds()
    {
        await using RawPeer peer = await RawPeer.StartAsync();
        using CancellationTokenSource cancel = new();
        Task<byte[]> request = peer.Link.RequestAsync("r", new byte[1], Guard, cancel.Token).AsTask();
        ulong id = (await peer.UntilAsync(Raw.Open)).Id;
        await peer.UntilAsync(Raw.Data, f => f.Flags == Raw.Fin);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => request);
        Assert.Equal(1ul, (await peer.UntilAsync(Raw.Reset)).Code);

        await peer.SendAsync(Raw.DataFrame(id, 0, 10_000), Raw.DataFrame(id, Raw.Fin, 6_000));

        await peer.RoundTripAsync();
        Assert.Equal(0, peer.Link.Streams.Count);
    }

    [Fact]
    public async Task StopSending_ForAByteStream_FinIsTheAnswerAndTheOtherDirectionGoesOn()
    {
        await using RawPeer peer = await RawPeer.StartAsync(own: new LinkLimits { InitialWindow = 4096 });
        await using MeshStream stream = peer.Link.OpenStream("p");
        ulong id = (await peer.UntilAsync(Raw.Open)).Id;
        Task writing = stream.WriteAsync(new byte[10_000]).AsTask();
        await peer.UntilAsync(Raw.Data);
        await peer.SendAsync(Raw.Pair(Raw.StopSending, id, 400));

        RawFrame fin = await peer.UntilAsync(Raw.Data, f => f.Flags == Raw.Fin);
        Assert.Equal(0, fin.Body.Length);
        MesharaException error = await Assert.ThrowsAsync<MesharaException>(() => writing.WaitAsync(Guard));
        Assert.Equal(400, error.StreamCode);
        await Assert.ThrowsAsync<MesharaException>(async () => await stream.WriteAsync(new byte[1]));
        stream.CompleteWrites();
        await peer.SendAsync(Raw.DataFrame(id, 0, "still "u8.ToArray()), Raw.Pair(Raw.StopSending, id, 400), Raw.DataFrame(id, Raw.Fin, "here"u8.ToArray()));

        using StreamReader reader = new(stream);
        Assert.Equal("still here", await reader.ReadToEndAsync().WaitAsync(Guard));
        await peer.RoundTripAsync();
        Assert.Equal(0, peer.Link.Streams.Count);
        Assert.DoesNotContain(peer.Seen, f => f.Type == Raw.Reset);
    }

    [Fact]
    public async Task StopSending_ForTheBodyOfARequest_TheReplyIsTakenAllTheSame()
    {
        await using RawPeer peer = await RawPeer.StartAsync(own: new LinkLimits { InitialWindow = 4096 });
        Task<byte[]> request = peer.Link.RequestAsync("r", new byte[10_000], Guard, CancellationToken.None).AsTask();
        ulong id = (await peer.UntilAsync(Raw.Open)).Id;
        await peer.SendAsync(Raw.Pair(Raw.StopSending, id, 0));
        await peer.UntilAsync(Raw.Data, f => f.Flags == Raw.Fin);
        await peer.RoundTripAsync();

        await peer.SendAsync(Raw.DataFrame(id, Raw.Fin, "enough"u8.ToArray()));

        Assert.Equal("enough"u8.ToArray(), await request.WaitAsync(Guard));
        Assert.Equal(0, peer.Link.Streams.Count);
    }

    [Fact]
    public async Task StopSending_ForTheReplyOfARequest_HandlerRunsAndIsNotBlamed()
    {
        await using RawPeer peer = await RawPeer.StartAsync(own: new LinkLimits { InitialWindow = 4096 });
        TaskCompletionSource handled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        peer.Honest.Handlers.AddRequests("r", async (_, _) =>
        {
            await handled.Task;
            return new byte[10_000];
        });
        await peer.SendAsync(Raw.OpenFrame(peer.Own(0), 1, "r"), Raw.DataFrame(peer.Own(0), Raw.Fin, 1), Raw.Pair(Raw.StopSending, peer.Own(0), 1));
        await peer.RoundTripAsync();
        handled.SetResult();

        await peer.Honest.Tasks.WhenAllAsync().WaitAsync(Guard);
        await peer.RoundTripAsync();
        Assert.Contains(peer.Seen, f => f.Type == Raw.Data && f.Flags == Raw.Fin && f.Body.Length == 0);
        Assert.DoesNotContain(peer.Seen, f => f.Type == Raw.Reset);
        Assert.Equal(0, peer.Link.Streams.Count);
        Assert.Empty(peer.Honest.Faults);
    }

    [Theory]
    [InlineData(Raw.StopSending)]
    [InlineData(Raw.Reset)]
    public async Task Send_ToAProtocolThePeerHasJustEnded_IsNotAnOpenForEachMessage(byte type)
    {
        ManualTimeProvider clock = new();
        await using RawPeer peer = await RawPeer.StartAsync(time: clock);
        await peer.Link.SendAsync("m", new byte[1], CancellationToken.None);
        Task acknowledged = peer.Link.SendAcknowledgedAsync("m", new byte[1], CancellationToken.None).AsTask();
        ulong id = (await peer.UntilAsync(Raw.Open)).Id;
        await peer.SendAsync(Raw.Pair(type, id, 2));
        await (type == Raw.Reset ? peer.UntilAsync(Raw.Reset) : peer.UntilAsync(Raw.Data, f => f.Flags == Raw.Fin));

        for (int i = 0; i < 100; i++)
        {
            MesharaException error = await Assert.ThrowsAsync<MesharaException>(async () => await peer.Link.SendAsync("m", new byte[1], CancellationToken.None));
            Assert.Equal(MesharaErrorCode.UnknownProtocol, error.Code);
        }

        await peer.RoundTripAsync();
        if (type == Raw.Reset)
        {
            // Told on the pool, which the round trip does not wait for.
            await Assert.ThrowsAsync<MesharaException>(() => acknowledged.WaitAsync(Guard));
        }
        else
        {
            Assert.False(acknowledged.IsCompleted);
        }

        clock.Advance(TimeSpan.FromSeconds(1));
        await peer.Link.SendAsync("m", new byte[1], CancellationToken.None);
        Assert.Equal(peer.Honests(1), (await peer.UntilAsync(Raw.Open)).Id);
        Assert.DoesNotContain(peer.Seen, f => f.Type == Raw.Open);
    }

    [Fact]
    public async Task Cancel_BeforeOpenWasWritten_NothingIsSentAndNoIdIsSkipped()
    {
        await using RawPeer peer = await RawPeer.StartAsync(own: new LinkLimits { MaxStreams = 16 });
        using CancellationTokenSource cancel = new();
        Task[] first = [.. Enumerable.Range(0, 16).Select(_ => peer.Link.RequestAsync("first", new byte[1], Guard, CancellationToken.None).AsTask())];
        Task[] cancelled = [.. Enumerable.Range(0, 1000).Select(_ => peer.Link.RequestAsync("cancelled", new byte[100_000], Guard, cancel.Token).AsTask())];
        Task<byte[]> last = peer.Link.RequestAsync("last", new byte[1], Guard, CancellationToken.None).AsTask();
        for (int i = 0; i < 16; i++)
        {
            Assert.Equal(peer.Honests(i), (await peer.UntilAsync(Raw.Open)).Id);
        }

        await cancel.CancelAsync();
        Assert.All(await Task.WhenAll(cancelled.Select(async t => await Record.ExceptionAsync(() => t))), e => Assert.IsType<OperationCanceledException>(e, exactMatch: false));
        Assert.InRange(peer.Link.Streams.Unopened, 1, 200);
        await peer.SendAsync(Raw.Frame(Raw.MaxStreams, 0, Raw.Varint(100)));

        RawFrame open = await peer.UntilAsync(Raw.Open);
        Assert.Equal(peer.Honests(16), open.Id);
        Assert.True(open.Payload.AsSpan().EndsWith("last\0"u8));
        await peer.SendAsync(Raw.DataFrame(open.Id, Raw.Fin, 1));
        await last.WaitAsync(Guard);
        Assert.DoesNotContain(first, t => t.IsCompleted);
    }

    [Fact]
    public async Task Close_BeforeOpenWasWritten_OpenFinAndStopSendingFollow()
    {
        await using RawPeer peer = await RawPeer.StartAsync(own: new LinkLimits { MaxStreams = 16 });
        MeshStream[] first = [.. Enumerable.Range(0, 16).Select(_ => peer.Link.OpenStream("first"))];
        MeshStream waiting = peer.Link.OpenStream("waiting");
        Task writing = waiting.WriteAsync("bytes"u8.ToArray()).AsTask();
        await waiting.DisposeAsync();
        await peer.SendAsync(Raw.Frame(Raw.MaxStreams, 0, 17));
        ulong id = (await peer.UntilAsync(Raw.Open, f => f.Id == peer.Honests(16))).Id;

        RawFrame data = await peer.UntilAsync(Raw.Data);
        Assert.Equal((id, "bytes"), (data.Id, System.Text.Encoding.ASCII.GetString(data.Body)));
        Assert.Equal(Raw.Fin, (await peer.UntilAsync(Raw.Data)).Flags);
        Assert.Equal(id, (await peer.UntilAsync(Raw.StopSending)).Id);
        await writing.WaitAsync(Guard);
        await peer.SendAsync(Raw.DataFrame(id, Raw.Fin, 0));
        await peer.RoundTripAsync();
        Assert.Equal(16, peer.Link.Streams.Count);
        Array.ForEach(first, s => s.Abort());
    }

    [Fact]
    public async Task Ack_AfterFinOfAMessageStream_CompletesTheSendAndEndsTheStream()
    {
        await using RawPeer peer = await RawPeer.StartAsync(time: new ManualTimeProvider());
        Task one = peer.Link.SendAcknowledgedAsync("m", new byte[1], CancellationToken.None).AsTask();
        Task two = peer.Link.SendAcknowledgedAsync("m", new byte[1], CancellationToken.None).AsTask();
        ulong id = (await peer.UntilAsync(Raw.Open)).Id;
        peer.Link.Close(DisconnectReason.LocalShutdown, "");
        await peer.UntilAsync(Raw.Data, f => f.Flags == Raw.Fin);

        await peer.SendAsync(Raw.GoodbyeFrame(0), Raw.Pair(Raw.Ack, id, 0));
        await one.WaitAsync(Guard);
        await peer.RoundTripAsync();
        Assert.Equal(1, peer.Link.Streams.Count);
        await peer.SendAsync(Raw.Pair(Raw.Ack, id, 3));

        Assert.Equal(MesharaErrorCode.HandlerFailed, (await Assert.ThrowsAsync<MesharaException>(() => two.WaitAsync(Guard))).Code);
        await peer.UntilAsync(Raw.Done);
        await peer.SendAsync(Raw.Frame(Raw.Done));
        await peer.AssertClosedWithoutBlameAsync();
    }

    [Fact]
    public async Task Cancel_TheFirstOfTheWaitingSends_ThoseBehindItThatFitGoOut()
    {
        await using RawPeer peer = await RawPeer.StartAsync(own: new LinkLimits { InitialWindow = 8192 });
        await peer.Link.SendAsync("m", new byte[6000], CancellationToken.None);
        using CancellationTokenSource cancel = new();
        Task large = peer.Link.SendAsync("m", new byte[3000], cancel.Token).AsTask();
        Task small = peer.Link.SendAsync("m", new byte[100], CancellationToken.None).AsTask();
        await peer.UntilAsync(Raw.Data);
        await peer.RoundTripAsync();
        Assert.False(large.IsCompleted || small.IsCompleted);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => large);
        await small.WaitAsync(Guard);
        Assert.Equal(100, (await peer.UntilAsync(Raw.Data)).Body.Length);
    }

    [Fact]
    public async Task Cancel_AMessageOfWhichAPartIsOut_ReleasesTheCallerAndTheMessageArrivesWhole()
    {
        await using RawPeer peer = await RawPeer.StartAsync(own: new LinkLimits { InitialWindow = 8192 });
        byte[] message = System.Security.Cryptography.RandomNumberGenerator.GetBytes(20_000);
        byte[] sent = [.. message];
        using CancellationTokenSource cancel = new();
        Task sending = peer.Link.SendAsync("m", sent, cancel.Token).AsTask();
        RawFrame part = await peer.UntilAsync(Raw.Data);
        await cancel.CancelAsync();
        OperationCanceledException error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending.WaitAsync(Guard));
        Assert.Equal(cancel.Token, error.CancellationToken);

        // The memory is the caller's again.
        Array.Clear(sent);
        List<byte> got = [.. part.Body];
        while ((part.Flags & Raw.Eom) == 0)
        {
            await peer.SendAsync(Raw.Pair(Raw.Window, part.Id, 8192));
            part = await peer.UntilAsync(Raw.Data);
            got.AddRange(part.Body);
        }

        Assert.Equal(message, got);
    }

    [Fact]
    public async Task Failures_NobodyWaitsForAnyMore_AreNotUnobserved()
    {
        string marker = $"p{nameof(Failures_NobodyWaitsForAnyMore_AreNotUnobserved)}";
        string peerId;
        List<string> unobserved = [];
        void OnUnobserved(object? sender, UnobservedTaskExceptionEventArgs e)
        {
            lock (unobserved)
            {
                unobserved.Add(e.Exception.ToString());
            }
        }

        TaskScheduler.UnobservedTaskException += OnUnobserved;
        try
        {
            peerId = await FailAllKindsAsync(marker);
            for (int i = 0; i < 3; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        }
        finally
        {
            TaskScheduler.UnobservedTaskException -= OnUnobserved;
        }

        lock (unobserved)
        {
            Assert.DoesNotContain(unobserved, e => e.Contains(marker, StringComparison.Ordinal) || e.Contains(peerId, StringComparison.Ordinal));
        }
    }

    // Apart, so that nothing of it is alive when the garbage is collected.
    private static async Task<string> FailAllKindsAsync(string protocol)
    {
        await using RawPeer peer = await RawPeer.StartAsync(own: new LinkLimits { InitialWindow = 4096 });
        using CancellationTokenSource cancel = new();
        Task[] all =
        [
            peer.Link.SendAcknowledgedAsync(protocol, new byte[1], cancel.Token).AsTask(),
            peer.Link.SendAcknowledgedAsync(protocol, new byte[10_000], CancellationToken.None).AsTask(),
            peer.Link.SendAcknowledgedAsync(protocol, new byte[1], CancellationToken.None).AsTask(),
            peer.Link.RequestAsync(protocol, new byte[10_000], Guard, cancel.Token).AsTask(),
            peer.Link.RequestAsync(protocol, new byte[1], Guard, CancellationToken.None).AsTask(),
        ];
        MeshStream stream = peer.Link.OpenStream(protocol);
        Task write = stream.WriteAsync(new byte[10_000]).AsTask();
        stream.CompleteWrites();
        for (int i = 0; i < 4; i++)
        {
            await peer.UntilAsync(Raw.Open);
        }

        await cancel.CancelAsync();
        await peer.SendAsync(Raw.ResetFrame(peer.Honests(0), 3), Raw.ResetFrame(peer.Honests(3), 3));
        await peer.RoundTripAsync();
        peer.Link.Close(DisconnectReason.ConnectionLost, "");
        await peer.Honest.Ended.WaitAsync(Guard);
        foreach (Task task in (Task[])[.. all, write])
        {
            Assert.NotNull(await Record.ExceptionAsync(() => task.WaitAsync(Guard)));
        }

        return peer.Link.PeerId.ToShortString();
    }
}
