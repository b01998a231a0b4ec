using System.Globalization;

namespace Meshara.Benchmarks.Scale;

/// <summary>Many nodes in one process send small messages to one node, as fast as they can; a node of this process asks the same node beside them.</summary>
internal static class Fairness
{
    private const int Links = 128;

    private static readonly TimeSpan Warmup = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan BetweenPings = TimeSpan.FromMilliseconds(2);

    public static async Task<IReadOnlyList<ScaleRow>> MeasureAsync(ScalePlan plan)
    {
        List<Flow> flows = [];
        for (int i = 0; i < (plan.Quick ? 1 : 3); i++)
        {
            flows.Add(await RunAsync(Links, TimeSpan.FromSeconds(plan.Quick ? 2 : 10)));
        }

        return
        [
            new ScaleRow($"{Links} links send 64 B each, all together", "messages/s", [.. flows.Select(f => f.Rates.Sum())]),
            new ScaleRow("the slowest link ÷ mean", "ratio", [.. flows.Select(f => f.Rates.Min() / f.Rates.Average())]) { Target = Target.Least(0.5) },
            new ScaleRow("the fastest link ÷ mean", "ratio", [.. flows.Select(f => f.Rates.Max() / f.Rates.Average())]),
            new ScaleRow("a request of another node beside them, p50", "ms", [.. flows.Select(f => Report.Percentile(f.Pings, 0.5))]),
            new ScaleRow("a request of another node beside them, p99", "ms", [.. flows.Select(f => Report.Percentile(f.Pings, 0.99))]) { Target = Target.Most(5) },
            new ScaleRow("the same before they begin, p99", "ms", [.. flows.Select(f => Report.Percentile(f.PingsBefore, 0.99))]),
        ];
    }

    /// <summary>What so many links carry.</summary>
    public static async Task<Flow> RunAsync(int links, TimeSpan duration)
    {
        await using ScaleChild hub = await ScaleChild.StartAsync("node");
        await using ScaleChild peers = await ScaleChild.StartAsync("peers", links.ToString(CultureInfo.InvariantCulture));
        await using Node asker = await PeersRole.StartNodeAsync();
        var address = PeerAddress.Parse(hub.Hello);
        await hub.AskAsync($"trust {peers.Hello},{asker.PublicKey}");
        await peers.AskAsync($"connect {hub.Hello} 0 {links}");
        await asker.AddPeerAsync(address);
        double[] before = await PingAsync(asker, address.Id!.Value, Warmup);
        Task<string> sending = peers.AskAsync(string.Create(CultureInfo.InvariantCulture, $"send {address.Id} {(Warmup + duration).TotalSeconds + 1}"));
        await Task.Delay(Warmup, TimeProvider.System);
        Dictionary<string, long> first = await ReceivedAsync(hub);
        long start = Clock.Now;
        double[] pings = await PingAsync(asker, address.Id.Value, duration);
        Dictionary<string, long> last = await ReceivedAsync(hub);
        double seconds = Clock.Since(start).TotalSeconds;
        await sending;
        await Console.Error.WriteLineAsync($"{links} links: {pings.Length} requests, ms: {string.Join(", ", new[] { 0.5, 0.9, 0.99, 0.999, 1 }.Select(r => $"{Report.Percentile(pings, r):0.0}"))} (p50, p90, p99, p99.9, most)");
        return new Flow([.. last.Where(l => l.Key != asker.Id.ToString()).Select(l => (l.Value - first[l.Key]) / seconds)], pings, before);
    }

    private static async Task<Dictionary<string, long>> ReceivedAsync(ScaleChild hub)
    {
        string answer = await hub.AskAsync("received");
        return answer.Split(' ').Select(static p => p.Split('=')).ToDictionary(static p => p[0], static p => long.Parse(p[1], CultureInfo.InvariantCulture));
    }

    private static async Task<double[]> PingAsync(Node node, NodeId hub, TimeSpan duration)
    {
        byte[] payload = new byte[64];
        List<double> times = [];
        for (long start = Clock.Now; Clock.Since(start) < duration;)
        {
            long sent = Clock.Now;
            await node.RequestAsync(hub, HubRole.Echo, payload);
            times.Add(Clock.Since(sent).TotalMilliseconds);
            await Task.Delay(BetweenPings, TimeProvider.System);
        }

        return [.. times];
    }

    /// <summary>One run.</summary>
    /// <param name="Rates">Messages a second of each link.</param>
    /// <param name="Pings">Round trips meanwhile, in ms.</param>
    /// <param name="PingsBefore">Round trips of the idle node, in ms.</param>
    internal sealed record Flow(double[] Rates, double[] Pings, double[] PingsBefore);
}
