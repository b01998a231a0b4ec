using System.Globalization;
using System.Net.Security;

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
        List<RawFlow> raw = [];
        TimeSpan duration = TimeSpan.FromSeconds(plan.Quick ? 2 : 10);
        for (int i = 0; i < (plan.Quick ? 1 : 3); i++)
        {
            flows.Add(await RunAsync(Links, duration));
            raw.Add(await RunRawAsync(duration));
        }

        return
        [
            new ScaleRow($"{Links} links send 64 B each, all together", "messages/s", [.. flows.Select(f => f.Rates.Sum())]),
            new ScaleRow("the slowest link ÷ mean", "ratio", [.. flows.Select(f => f.Rates.Min() / f.Rates.Average())]) { Target = Target.Least(0.5) },
            new ScaleRow("the fastest link ÷ mean", "ratio", [.. flows.Select(f => f.Rates.Max() / f.Rates.Average())]),
            new ScaleRow("a request of another node beside them, p50", "ms", [.. flows.Select(f => Report.Percentile(f.Pings, 0.5))]),
            new ScaleRow("a request of another node beside them, p99", "ms", [.. flows.Select(f => Report.Percentile(f.Pings, 0.99))]) { Target = Target.Most(5) },
            new ScaleRow("the same before they begin, p99", "ms", [.. flows.Select(f => Report.Percentile(f.PingsBefore, 0.99))]),
            new ScaleRow($"{Links} raw TLS connections send 64 B each, packed, all together", "messages/s", [.. raw.Select(f => f.Rate)]),
            new ScaleRow("an echo of another raw TLS connection beside them, p50", "ms", [.. raw.Select(f => Report.Percentile(f.Pings, 0.5))]),
            new ScaleRow("an echo of another raw TLS connection beside them, p99", "ms", [.. raw.Select(f => Report.Percentile(f.Pings, 0.99))]),
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
        byte[] payload = new byte[64];
        Func<Task> ping = async () => await asker.RequestAsync(address.Id!.Value, HubRole.Echo, payload);
        double[] before = await PingAsync(ping, Warmup);
        Task<string> sending = peers.AskAsync(string.Create(CultureInfo.InvariantCulture, $"send {address.Id} {(Warmup + duration).TotalSeconds + 1}"));
        await Task.Delay(Warmup, TimeProvider.System);
        Dictionary<string, long> first = await ReceivedAsync(hub);
        long start = Clock.Now;
        double[] pings = await PingAsync(ping, duration);
        Dictionary<string, long> last = await ReceivedAsync(hub);
        double seconds = Clock.Since(start).TotalSeconds;
        await sending;
        await SayAsync($"{links} links", pings);
        return new Flow([.. last.Where(l => l.Key != asker.Id.ToString()).Select(l => (l.Value - first[l.Key]) / seconds)], pings, before);
    }

    // The same without the library, as far as a bare stream can: what is sent comes packed, and an echo is no request.
    private static async Task<RawFlow> RunRawAsync(TimeSpan duration)
    {
        await using ScaleChild server = await ScaleChild.StartAsync("raw-server");
        await using ScaleChild clients = await ScaleChild.StartAsync("raw-clients");
        using RawTls tls = new();
        await server.AskAsync($"expect {clients.Hello} pin serve");
        await clients.AskAsync($"connect {Links} {server.Hello}");
        await server.AskAsync($"await {Links}");
        await server.AskAsync($"expect {tls.Pin} pin serve");
        string[] hello = server.Hello.Split(' ');
        SslStream stream = await tls.ConnectAsync(int.Parse(hello[0], CultureInfo.InvariantCulture), PublicKey.Parse(hello[1]), full: false);
        await using RawClient asker = new(stream, stream, stream);
        Workload echo = new("64 B round trip", Shape.RoundTrip, 64, 1);
        double[] one = new double[1];
        Func<Task> ping = () => asker.RunAsync(echo, one.Length, one, CancellationToken.None);
        await PingAsync(ping, Warmup);
        TimeSpan sending = Warmup + duration + TimeSpan.FromSeconds(1);
        Task<string> sent = clients.AskAsync(string.Create(CultureInfo.InvariantCulture, $"send {sending.TotalSeconds}"));
        await Task.Delay(Warmup, TimeProvider.System);
        double[] pings = await PingAsync(ping, duration);
        double rate = long.Parse(await sent, CultureInfo.InvariantCulture) / sending.TotalSeconds;
        await SayAsync("raw", pings);
        return new RawFlow(rate, pings);
    }

    private static Task SayAsync(string what, double[] pings) => Console.Error.WriteLineAsync(
        $"{what}: {pings.Length} requests, ms: {string.Join(", ", new[] { 0.5, 0.9, 0.99, 0.999, 1 }.Select(r => $"{Report.Percentile(pings, r):0.0}"))} (p50, p90, p99, p99.9, most)");

    private static async Task<Dictionary<string, long>> ReceivedAsync(ScaleChild hub)
    {
        string answer = await hub.AskAsync("received");
        return answer.Split(' ').Select(static p => p.Split('=')).ToDictionary(static p => p[0], static p => long.Parse(p[1], CultureInfo.InvariantCulture));
    }

    private static async Task<double[]> PingAsync(Func<Task> ping, TimeSpan duration)
    {
        List<double> times = [];
        for (long start = Clock.Now; Clock.Since(start) < duration;)
        {
            long sent = Clock.Now;
            await ping();
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

    /// <summary>One run without the library.</summary>
    /// <param name="Rate">Messages a second of all connections, from the first to the last.</param>
    /// <param name="Pings">Round trips meanwhile, in ms.</param>
    private sealed record RawFlow(double Rate, double[] Pings);
}
