using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Meshara.Benchmarks.Flood;

/// <summary>The node under attack, in a process of its own. Loopback counts as public there.</summary>
internal static class FloodNode
{
    /// <summary>Serves; prints its address, then a line of counts for each line that is asked.</summary>
    /// <param name="pinned">A peer that the operator named, with its address; nobody listens there, it dials.</param>
    /// <param name="limits">"on" or "off": loopback is exempt.</param>
    public static async Task<int> RunAsync(string pinned, string limits)
    {
        ConcurrentDictionary<string, long> refused = new();
        using MeterListener meters = new();
        meters.InstrumentPublished = static (instrument, listener) =>
        {
            if (instrument.Name == "meshara.accept.refused")
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        meters.SetMeasurementEventCallback<long>((_, value, tags, _) => refused.AddOrUpdate((string)tags[0].Value!, value, (_, before) => before + value));
        meters.Start();
        await using Node node = await Node.StartAsync(new NodeOptions
        {
            Mesh = "flood",
            Admission = Admission.Open,
            Listen = ["127.0.0.1:0"],
            Peers = [PeerAddress.Parse(pinned)],
            Accept = new AcceptLimits { TrustLoopback = limits == "off" },
        });
        await Console.Out.WriteLineAsync(node.Addresses[0].ToString());
        while (await Console.In.ReadLineAsync() is not null)
        {
            await Console.Out.WriteLineAsync(refused.IsEmpty ? "none" : string.Join(' ', refused.OrderByDescending(r => r.Value).Select(r => $"{r.Key}={r.Value}")));
        }

        return 0;
    }
}
