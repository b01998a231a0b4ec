using System.Diagnostics.Metrics;
using Meshara.Testing.Running;

namespace Meshara.Testing.Checks;

/// <summary>What a node measures of itself is what happened: its links are those it told of, and what one end of a quiet link has sent the other has received.</summary>
internal sealed class CountersCheck : NodeCheck, IDisposable
{
    // A link is told of when it is live and when it is over; what runs it ends a little later.
    private const int MostDiffering = 10;

    private readonly MeterListener _listener = new();
    private readonly Dictionary<SimulatedNode, int> _differing = [];
    private readonly Dictionary<string, long> _links = [];

    public CountersCheck(SimulatedNetwork network, LinkBook links, Tally counted)
        : base(network, links)
    {
        _listener.InstrumentPublished = static (instrument, listener) =>
        {
            if (instrument.Meter.Name == MesharaTelemetry.MeterName && instrument.Name is "meshara.links" or "meshara.exchange.ignored" or "meshara.accept.refused")
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<int>((instrument, value, _, _) =>
        {
            string id = instrument.Meter.Tags?.FirstOrDefault(static t => t.Key == "meshara.node.id").Value?.ToString() ?? "";
            _links[id] = _links.GetValueOrDefault(id) + value;
        });
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
            counted.Add($"{instrument.Name["meshara.".Length..]}: {(tags.Length > 0 ? tags[0].Value : "")}", value));
        _listener.Start();
    }

    public override string Name => "counters";

    /// <summary>Added to each count that is read: for a harness that is broken on purpose.</summary>
    public int Wrongly { get; init; }

    /// <summary>Whether the programs are silent, so that both ends of a link must have counted the same.</summary>
    public bool IsQuiet { get; set; }

    public override void OnSecond()
    {
        // One that differs is looked at each second from then on.
        if ((long)Network.Elapsed.TotalSeconds % 30 == 0 || _differing.Count > 0)
            LookAtLinks();
    }

    public override IEnumerable<Violation> AtEnd()
    {
        if (IsQuiet)
        {
            foreach (SimulatedNode node in Network.Nodes)
            {
                foreach (PeerInfo peer in Running(node)?.ListPeers() ?? [])
                {
                    if (Find(peer.Id, node.Id) is { } back && peer.MessagesSent + Wrongly != back.MessagesReceived)
                        yield return new Violation(Name, $"{node} has sent {peer.MessagesSent} messages to {Network.NameOf(peer.Id)}, who has received {back.MessagesReceived}.", node.Name, Network.NameOf(peer.Id));
                }
            }
        }
    }

    public void Dispose() => _listener.Dispose();

    private void LookAtLinks()
    {
        _links.Clear();
        _listener.RecordObservableInstruments();
        foreach (SimulatedNode node in Network.Nodes)
        {
            if (Running(node) is null)
                continue;

            int told = Links.Of(node).Count(static l => !l.Probe);
            long measured = _links.GetValueOrDefault(node.Id.ToString()) + Wrongly;
            int seconds = measured == told ? 0 : _differing.GetValueOrDefault(node) + 1;
            _differing.Remove(node);
            if (seconds > 0)
                _differing[node] = seconds;
            if (seconds > MostDiffering)
                Wrong($"{node} measures {measured} links and has told of {told}.", node);
        }
    }

    private PeerInfo? Find(NodeId at, NodeId of) => Whose(at) is { } node ? Running(node)?.ListPeers().FirstOrDefault(p => p.Id == of) : null;
}
