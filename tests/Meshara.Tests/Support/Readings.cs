using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Meshara.Tests.Support;

/// <summary>What the meters of all nodes say, by node.</summary>
internal sealed class Readings : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly ConcurrentQueue<(string Node, string Name, double Value, KeyValuePair<string, object?>[] Tags)> _all = [];

    public Readings()
    {
        _listener.InstrumentPublished = static (instrument, listener) =>
        {
            if (instrument.Meter.Name == MesharaTelemetry.MeterName)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<double>((i, v, tags, _) => Add(i, v, tags));
        _listener.SetMeasurementEventCallback<long>((i, v, tags, _) => Add(i, v, tags));
        _listener.SetMeasurementEventCallback<int>((i, v, tags, _) => Add(i, v, tags));
        _listener.Start();
    }

    public void Observe() => _listener.RecordObservableInstruments();

    public List<double> Of(Node node, string name, params (string Key, string Value)[] tags) =>
    [
        .. _all.Where(r => r.Node == node.Id.ToString() && r.Name == name && tags.All(t => r.Tags.Any(given => given.Key == t.Key && (string?)given.Value == t.Value)))
            .Select(r => r.Value),
    ];

    public void Dispose() => _listener.Dispose();

    private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
        _all.Enqueue(((string)instrument.Meter.Tags!.Single(t => t.Key == "meshara.node.id").Value!, instrument.Name, value, tags.ToArray()));
}
