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
    private readonly RequestCheck _requests;
    private readonly MessageCheck _messages;

    public CountersCheck(SimulatedNetwork network, LinkBook links, Tally counted, RequestCheck requests, MessageCheck messages)
        : base(network, links)
    {
        (_requests, _messages) = (requests, messages);
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

    public override void OnSecond()
    {
        // One that differs is looked at each second from then on.
        if ((long)Network.Elapsed.TotalSeconds % 30 == 0 || _differing.Count > 0)
            LookAtLinks();
    }

    /// <summary>Compares what both ends of each link have counted, while the programs are silent.</summary>
    /// <param name="looks">How often; a second apart, and a PING on its way is not on its way in all of them.</param>
    public async Task CompareEndsAsync(int looks)
    {
        HashSet<string>? always = null;
        for (int i = 0; i < looks; i++)
        {
            await Task.Delay(TimeSpan.FromSeconds(1.3), Network.Time).ConfigureAwait(false);
            HashSet<string> now = [.. Network.Nodes.SelectMany(Differences)];
            always?.IntersectWith(now);
            always ??= now;
        }

        foreach (string difference in always!.Order(StringComparer.Ordinal))
            Wrong(difference, [.. Network.Nodes.Where(n => difference.Split(' ').Contains(n.Name))]);
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

    private IEnumerable<string> Differences(SimulatedNode node)
    {
        foreach (PeerInfo peer in Running(node)?.ListPeers() ?? [])
        {
            if (Find(peer.Id, node.Id) is not { } back)
                continue;

            string name = Network.NameOf(peer.Id);

            // The RESET of a request that is given up overtakes what is left of it; and a large message that makes no progress is given up by its receiver.
            long missing = peer.MessagesSent + Wrongly - back.MessagesReceived;
            int explained = _requests.Failed(node, Whose(peer.Id)!) + _messages.LargeMissing(node, Whose(peer.Id)!);
            if (missing < 0 || missing > explained)
                yield return $"{node} to {name} : messages sent less those received are {missing}, of which {explained} requests that failed and large messages that were given up, and nothing is under way.";
            if (peer.BytesSent + Wrongly != back.BytesReceived)
                yield return $"{node} to {name} : bytes sent less those received are {peer.BytesSent + Wrongly - back.BytesReceived}, and nothing is under way.";
        }
    }

    private PeerInfo? Find(NodeId at, NodeId of) => Whose(at) is { } node ? Running(node)?.ListPeers().FirstOrDefault(p => p.Id == of) : null;
}
