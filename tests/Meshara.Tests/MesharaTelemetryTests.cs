using System.Collections.Concurrent;
using System.Diagnostics;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests;

public sealed class MesharaTelemetryTests
{
    [Fact]
    public async Task Meter_TwoNodesTalk_EveryInstrumentTellsOfIt()
    {
        await using NodeBed bed = new();
        using Readings readings = new();
        Node alice = await bed.StartAsync(Admission.Open);
        Node bob = await bed.StartAsync(Admission.Open);
        Node stranger = await bed.StartAsync(Admission.KnownPeers);
        using IDisposable echo = bob.HandleRequest("echo/1", (m, _) => ValueTask.FromResult(m.Payload));
        using IDisposable broken = bob.HandleRequest("broken/1", (_, _) => throw new InvalidOperationException("secret detail"));
        await NodeBed.AddAsync(alice, bob);
        await alice.RequestAsync(bob.Id, "echo/1", NodeBed.Bytes("hello")).AsTask().WaitAsync(NodeBed.Guard);
        await Assert.ThrowsAsync<MesharaException>(() => alice.RequestAsync(bob.Id, "broken/1", NodeBed.Bytes("x")).AsTask().WaitAsync(NodeBed.Guard));
        await Assert.ThrowsAsync<MesharaException>(() => NodeBed.AddAsync(alice, stranger));

        // The end of the refused connection is the last to come, at either side.
        await Eventually.TrueAsync(() => readings.Of(alice, "meshara.handshake.duration").Count == 2 && readings.Of(stranger, "meshara.handshake.duration").Count == 1);
        readings.Observe();

        Assert.Equal([1], readings.Of(alice, "meshara.links", ("meshara.direction", "outbound")));
        Assert.Equal([1], readings.Of(bob, "meshara.links", ("meshara.direction", "inbound")));
        Assert.Single(readings.Of(alice, "meshara.handshake.duration", ("meshara.direction", "outbound"), ("error.type", "NotAdmitted")));
        Assert.Single(readings.Of(stranger, "meshara.handshake.duration", ("meshara.direction", "inbound"), ("error.type", "NotAdmitted")));
        Assert.Single(readings.Of(alice, "meshara.client.request.duration", ("meshara.protocol", "echo/1")));
        Assert.Single(readings.Of(alice, "meshara.client.request.duration", ("meshara.protocol", "broken/1"), ("error.type", "HandlerFailed")));
        Assert.Single(readings.Of(bob, "meshara.server.request.duration", ("meshara.protocol", "broken/1"), ("error.type", "InvalidOperationException")));
        Assert.Equal([2], readings.Of(alice, "meshara.messages", ("network.io.direction", "transmit")));
        double sent = Assert.Single(readings.Of(alice, "meshara.network.io", ("network.io.direction", "transmit")));
        Assert.Equal((double)alice.ListPeers()[0].BytesSent, sent);

        await alice.RemovePeerAsync(bob.Id).WaitAsync(NodeBed.Guard);
        await Eventually.TrueAsync(() => readings.Of(alice, "meshara.link.duration", ("meshara.disconnect.reason", "LocalRemoved")).Count == 1);
        readings.Observe();
        Assert.Equal(0, readings.Of(alice, "meshara.links", ("meshara.direction", "outbound"))[^1]);

        // What ended links carried is still counted.
        Assert.InRange(readings.Of(alice, "meshara.network.io", ("network.io.direction", "transmit"))[^1], sent, double.MaxValue);
    }

    [Fact]
    public async Task Activities_RequestAndConnect_AreTracedWithoutPayload()
    {
        await using NodeBed bed = new();
        ConcurrentQueue<Activity> stopped = [];
        using ActivityListener listener = new()
        {
            ShouldListenTo = static source => source.Name == MesharaTelemetry.ActivitySourceName,
            Sample = static (ref _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = stopped.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        Node alice = await bed.StartAsync(Admission.Open);
        Node bob = await bed.StartAsync(Admission.Open);
        string protocol = $"traced/{alice.Id.ToString()[..8]}";
        using IDisposable echo = bob.HandleRequest(protocol, (m, _) => ValueTask.FromResult(m.Payload));
        await NodeBed.AddAsync(alice, bob);

        await alice.RequestAsync(bob.Id, protocol, NodeBed.Bytes("payload")).AsTask().WaitAsync(NodeBed.Guard);

        await Eventually.TrueAsync(() => stopped.Any(a => a.DisplayName == $"handle {protocol}"));
        Activity request = Assert.Single(stopped, a => a.DisplayName == $"request {protocol}");
        Assert.Equal((ActivityKind.Client, ActivityStatusCode.Unset), (request.Kind, request.Status));
        Assert.Contains(stopped, a => a.DisplayName == "connect" && a.GetTagItem("network.peer.address") as string == bob.Addresses[0].HostAndPort);
        Assert.DoesNotContain(stopped.SelectMany(a => a.TagObjects), t => t.Value is string text && text.Contains("payload", StringComparison.Ordinal));
    }
}
