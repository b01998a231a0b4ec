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

    private static NodeOptions Options(ITransport transport, string listen, TimeProvider clock) => new()
    {
        Mesh = "test",
        Admission = Admission.Open,
        Listen = [listen],
        Transport = transport,
        TimeProvider = clock,
        Seed = 1,
    };
}
