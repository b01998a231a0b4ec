using System.Collections.Concurrent;
using System.Diagnostics.Tracing;

namespace Meshara.Allocations;

/// <summary>Which types are allocated: the runtime names one about every 100 kB. A sample, and it allocates itself.</summary>
internal sealed class AllocationTicks : EventListener
{
    private const EventKeywords Gc = (EventKeywords)1;

    private readonly ConcurrentDictionary<string, long> _bytes = new(StringComparer.Ordinal);

    /// <summary>The ten types that take most, with their shares of all.</summary>
    public IEnumerable<(string Type, double Share)> Shares()
    {
        double all = _bytes.Values.Sum();
        return _bytes.OrderByDescending(static t => t.Value).Take(10).Select(t => (t.Key, t.Value / all));
    }

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name == "Microsoft-Windows-DotNETRuntime")
        {
            EnableEvents(eventSource, EventLevel.Verbose, Gc);
        }
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        if (eventData.EventName?.StartsWith("GCAllocationTick", StringComparison.Ordinal) == true)
        {
            int type = eventData.PayloadNames!.IndexOf("TypeName"), amount = eventData.PayloadNames.IndexOf("AllocationAmount64");
            _bytes.AddOrUpdate((string)eventData.Payload![type]!, (long)(ulong)eventData.Payload[amount]!, (_, sum) => sum + (long)(ulong)eventData.Payload[amount]!);
        }
    }
}
