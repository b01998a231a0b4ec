using System.Collections.Concurrent;
using Meshara.Cli.Control;
using Meshara.Cli.Doctor;
using Meshara.Cli.Running;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Doctor;

public sealed class OwnProbesTests
{
    // The log told of a stranger that was not admitted: doctor itself, which looks whether the port is open.
    [Fact]
    public async Task Doctor_DialsTheNodeItself_TheReportTellsOfOthersOnly()
    {
        using TempFolder folder = new();
        using StopSignals signals = new(TimeProvider.System, TestContext.Current.CancellationToken);
        Report report = new();
        OwnProbes probes = new();
        NodeAttachment attachment = new(report, signals, new OwnKeyElsewhere(), probes);
        NodeOptions options = new() { Mesh = "test", Admission = Admission.KnownPeers, Listen = ["127.0.0.1:0"], OnStarting = attachment.Attach };
        await using Node node = await Node.StartAsync(options).WaitAsync(CommandBed.Guard);
        Task pump = attachment.PumpAsync();
        NodeFacts facts = new("test", "known-peers", folder.Path, "test/1", DateTimeOffset.UnixEpoch) { Probes = probes };

        IReadOnlyList<FindingLine> findings = await Examination.OfAsync(node, facts, TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.Contains(findings, static f => f is { Area: "listen", State: FindingLine.Ok });

        // Somebody else is refused after that, and told of.
        using NodeIdentity other = NodeIdentity.Create();
        await Node.DiagnoseAsync(ReachCheck.Stranger(node, other, TimeProvider.System), node.Addresses[0], cancellationToken: TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => !report.Told.IsEmpty);
        Assert.Equal(other.Id, Assert.IsType<PeerRefused>(Assert.Single(report.Told)).Peer);

        await node.DisposeAsync();
        attachment.EndAfter(TimeSpan.Zero);
        await pump.WaitAsync(CommandBed.Guard);
    }

    private sealed class Report : INodeReport
    {
        public ConcurrentQueue<PeerEvent> Told { get; } = [];

        public void Happened(PeerEvent happened) => Told.Enqueue(happened);

        public void Started(Node node, NodeFacts facts) => throw new NotSupportedException();

        public void Received(Message message) => throw new NotSupportedException();

        public void TellDue(bool all = false) => throw new NotSupportedException();

        public void Reconfigured(IReadOnlyList<OptionChange> changes) => throw new NotSupportedException();

        public void PassedOver(IReadOnlyList<PassedOver> options) => throw new NotSupportedException();

        public void ConfigurationFailed(string why) => throw new NotSupportedException();

        public void ConfigurationMended() => throw new NotSupportedException();

        public void Stopped() => throw new NotSupportedException();
    }
}
