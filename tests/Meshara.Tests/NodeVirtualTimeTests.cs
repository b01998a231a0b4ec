using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests;

/// <summary>Whole nodes, TLS included, on a clock that the test moves.</summary>
public sealed class NodeVirtualTimeTests
{
    [Fact]
    public async Task ClockStandsStill_ConnectSendAndDispose_NeedNoTime()
    {
        await using NodeBed bed = new();
        ManualTimeProvider clock = new();
        MemoryTransport memory = new();
        Node alice = await bed.StartAsync(Options(memory, "alice:1", clock));
        Node bob = await bed.StartAsync(Options(memory, "bob:1", clock));
        bob.HandleRequest("echo/1", (m, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(m.Payload.ToArray()));

        await Task.WhenAll(NodeBed.AddAsync(alice, bob), NodeBed.AddAsync(bob, alice));
        Assert.Equal([7], await alice.RequestAsync(bob.Id, "echo/1", new byte[] { 7 }).AsTask().WaitAsync(NodeBed.Guard));
        await alice.DisposeAsync().AsTask().WaitAsync(NodeBed.Guard);
        await bob.DisposeAsync().AsTask().WaitAsync(NodeBed.Guard);

        Assert.Equal(TimeSpan.Zero, clock.Now);
        Assert.Equal(0, clock.PendingTimers);
    }

    [Fact]
    public async Task NetworkGoesDead_DefaultHeartbeat_ClosesAfter35Seconds()
    {
        await using NodeBed bed = new();
        ManualTimeProvider clock = new();
        MemoryTransport memory = new();
        FreezingTransport network = new(memory);
        Node alice = await bed.StartAsync(Options(network, "alice:1", clock));
        Node bob = await bed.StartAsync(Options(memory, "bob:1", clock));
        await NodeBed.AddAsync(alice, bob);

        // The PONGs of both sides' first PINGs are in: from here on there is silence.
        await Eventually.TrueAsync(() => alice.ListPeers() is [{ RoundTripTime: not null }] && bob.ListPeers() is [{ RoundTripTime: not null }]);
        network.Freeze();
        TimeSpan from = clock.Now;
        await using EventLog events = new(alice);
        Task<PeerDisconnected> ended = events.NextAsync<PeerDisconnected>();
        await AdvanceUntilAsync(clock, ended);

        Assert.Equal(DisconnectReason.PingTimeout, (await ended.WaitAsync(NodeBed.Guard)).Reason);
        Assert.True(clock.Now - from >= TimeSpan.FromSeconds(35));

        await bed.DisposeAsync(clock);
    }

    [Fact]
    public async Task NetworkGoesDead_NodeIsToldOfAChange_ClosesAfter3SecondsAndComesBack()
    {
        await using NodeBed bed = new();
        ManualTimeProvider clock = new();
        MemoryTransport memory = new();
        FreezingTransport network = new(memory);
        Node alice = await bed.StartAsync(Options(network, "alice:1", clock));
        Node bob = await bed.StartAsync(Options(memory, "bob:1", clock));
        await NodeBed.AddAsync(alice, bob);
        await Eventually.TrueAsync(() => alice.ListPeers() is [{ RoundTripTime: not null }] && bob.ListPeers() is [{ RoundTripTime: not null }]);
        network.Freeze();
        TimeSpan from = clock.Now;
        await using EventLog events = new(alice);
        Task<PeerDisconnected> ended = events.NextAsync<PeerDisconnected>();

        alice.NetworkChanged();
        await AdvanceUntilAsync(clock, ended);

        Assert.Equal(DisconnectReason.PingTimeout, (await ended.WaitAsync(NodeBed.Guard)).Reason);
        Assert.InRange(clock.Now - from, TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(12));
        await AdvanceUntilAsync(clock, events.NextAsync<PeerConnected>());
        await bed.DisposeAsync(clock);
        alice.NetworkChanged();
    }

    [Fact]
    public async Task PeerSendsFasterThanItMay_SlowedPenalisedAndDroppedWithTheLimitInTheReason()
    {
        await using NodeBed bed = new();
        ManualTimeProvider clock = new();
        MemoryTransport memory = new();
        Node alice = await bed.StartAsync(Options(memory, "alice:1", clock));
        Node bob = await bed.StartAsync(Options(memory, "bob:1", clock, new LinkLimits { MaxMessages = 10 }, new ReputationOptions { Rate = 30 }));
        int handled = 0;
        bob.Handle("m", (_, _) =>
        {
            Interlocked.Increment(ref handled);
            return ValueTask.CompletedTask;
        });
        await using EventLog bobs = new(bob);
        await using EventLog alices = new(alice);
        Task<PeerDisconnected> dropped = bobs.NextAsync<PeerDisconnected>();
        Task<PeerDisconnected> told = alices.NextAsync<PeerDisconnected>();
        await NodeBed.AddAsync(alice, bob);
        TimeSpan from = clock.Now;
        Task sending = SendForEverAsync(alice, bob.Id);

        while (!dropped.IsCompleted && clock.Now < TimeSpan.FromMinutes(10))
        {
            // Time goes no faster than bob reads: a second's worth to spare would be a break. The bucket begins with two seconds' worth.
            clock.Advance(TimeSpan.FromSeconds(0.3));
            double due = 20 + (10 * ((clock.Now - from).TotalSeconds - 0.5));
            while (!await Eventually.WithinAsync(TimeSpan.FromSeconds(0.3), () => Volatile.Read(ref handled) >= due || dropped.IsCompleted))
            {
                // He began a pause at the old time and its timer at the new one.
                clock.Advance(TimeSpan.FromSeconds(0.1));
            }
        }

        PeerDisconnected end = await dropped.WaitAsync(NodeBed.Guard);
        Assert.True(end.Reason == DisconnectReason.Misbehaved, $"{end.Reason}: {end.Detail}");
        Assert.Contains("more than 10 messages a second (LinkLimits.MaxMessages) for 120 s", end.Detail, StringComparison.Ordinal);
        Assert.InRange(clock.Now - from, TimeSpan.FromSeconds(120), TimeSpan.FromSeconds(125));
        await AdvanceUntilAsync(clock, told);
        Assert.Contains("LinkLimits.MaxMessages", (await told).Detail, StringComparison.Ordinal);
        await bed.DisposeAsync(clock);
        await sending.WaitAsync(NodeBed.Guard);

        static async Task SendForEverAsync(Node from, NodeId to)
        {
            try
            {
                while (true)
                {
                    // Large enough that one write, 64 KiB, is read before alice's 30 s for it are over.
                    await from.SendAsync(to, "m", new byte[1000]);
                }
            }
            catch (MesharaException)
            {
                // The link is gone.
            }
        }
    }

    private static async Task AdvanceUntilAsync(ManualTimeProvider clock, Task done)
    {
        while (!done.IsCompleted && clock.Now < TimeSpan.FromMinutes(30))
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }

        await done.WaitAsync(NodeBed.Guard);
    }

    [Fact]
    public async Task PingAsync_WholeNodes_MeasuresTimesOutAndKnowsNobodyElse()
    {
        await using NodeBed bed = new();
        ManualTimeProvider clock = new();
        MemoryTransport memory = new();
        FreezingTransport network = new(memory);
        Node alice = await bed.StartAsync(Options(network, "alice:1", clock));
        Node bob = await bed.StartAsync(Options(memory, "bob:1", clock));
        await NodeBed.AddAsync(alice, bob);

        Assert.Equal(TimeSpan.Zero, await alice.PingAsync(bob.Id).WaitAsync(NodeBed.Guard));
        Assert.Equal(MesharaErrorCode.NotConnected, (await Assert.ThrowsAsync<MesharaException>(() => alice.PingAsync(alice.Id))).Code);
        await Eventually.TrueAsync(() => alice.ListPeers() is [{ RoundTripTime: not null }] && bob.ListPeers() is [{ RoundTripTime: not null }]);
        network.Freeze();
        Task<TimeSpan> lost = alice.PingAsync(bob.Id);
        clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(MesharaErrorCode.RequestTimeout, (await Assert.ThrowsAsync<MesharaException>(() => lost.WaitAsync(NodeBed.Guard))).Code);

        await bed.DisposeAsync(clock);
        Assert.Equal(MesharaErrorCode.NodeStopped, (await Assert.ThrowsAsync<MesharaException>(() => alice.PingAsync(bob.Id))).Code);
    }

    private static NodeOptions Options(ITransport transport, string listen, TimeProvider clock, LinkLimits? limits = null, ReputationOptions? reputation = null) => new()
    {
        Mesh = "test",
        Admission = Admission.Open,
        Listen = [listen],
        Transport = transport,
        TimeProvider = clock,
        Limits = limits ?? new LinkLimits(),
        Reputation = reputation ?? new ReputationOptions(),
        Seed = 1,
    };
}
