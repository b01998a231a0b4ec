using System.Globalization;
using System.Text;

namespace Meshara.Benchmarks.Flood;

/// <summary>A node with eight good peers, first alone and then under floods of TLS connects; prints what the peers and newcomers feel of it.</summary>
internal sealed class FloodBenchmark(int slices)
{
    private const int GoodPeers = FloodSources.GoodPeers;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    // Attack and peace take turns, so that what else the machine does falls on both alike.
    private static readonly TimeSpan Slice = TimeSpan.FromSeconds(2);

    private static readonly Scenario[] Scenarios =
    [
        new("8 silent sockets alone", 0, 1, "on"),
        new("1,000/s from 1 address", 1000, 1, "on"),
        new("5,000/s from 1 address", 5000, 1, "on"),
        new("1,000/s from 1,000 addresses", 1000, 1000, "on"),
        new("5,000/s from 1,000 addresses", 5000, 1000, "on"),
        new("1,000/s from 1,000 addresses, all exempt", 1000, 1000, "off"),
    ];

    private int Slices => slices;

    public static async Task<int> RunAsync(string commit, bool quick)
    {
        if (!OperatingSystem.IsLinux())
        {
            await Console.Error.WriteLineAsync("The flood benchmark dials from many addresses of 127.0.0.0/8, which are this machine's on Linux only.");
            return 2;
        }

        FloodBenchmark benchmark = new(quick ? 2 : FloodSources.Newcomers);
        StringBuilder text = new();
        text.AppendLine("# Meshara under a flood of TLS connects").AppendLine();
        text.AppendLine($"- {TimeProvider.System.GetUtcNow():yyyy-MM-dd HH:mm} UTC, commit {commit}");
        text.AppendLine($"- {Report.Processors()}{Report.Load()} before the run");
        text.AppendLine("- three processes on these processors: the node; the attacker; the eight good peers and the newcomers. What the attacker takes is missing to the others");
        text.AppendLine("- loopback counts as public; each good peer and each newcomer comes from a /16 of its own, the 1,000 addresses from 50 of them; the attacker sends a ClientHello and then");
        text.AppendLine("  nothing, or (every second connect, at most 500/s) goes through TLS with a certificate and then says nothing; in every attack it holds eight silent sockets from two /24 besides");
        text.AppendLine();
        text.AppendLine($"- attack and peace take turns, {benchmark.Slices} times {Slice.TotalSeconds} s of each; the pings of both are beside each other. Joins happen during the attack; the worst of them is shown").AppendLine();
        text.AppendLine("| attack | connects/s | good peers left | ping p50 in peace | attacked | p99 in peace | attacked | join of a pinned peer | of a newcomer | CPU of the node | of the attacker | refused | backlog overflows |");
        text.AppendLine("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|--:|");
        foreach (Scenario scenario in Scenarios)
        {
            await Console.Error.WriteLineAsync(scenario.Name);
            text.AppendLine(await benchmark.MeasureAsync(scenario));
        }

        text.AppendLine().AppendLine($"Pings in ms, joins in s, CPU in processors. Load average at the end:{Report.Load().Replace(", load average", "", StringComparison.Ordinal)}.");
        await Console.Out.WriteAsync(text);
        return 0;
    }

    private async Task<string> MeasureAsync(Scenario scenario)
    {
        using NodeIdentity pinned = NodeIdentity.Create();
        await using FloodChild node = FloodChild.Start("node", $"{pinned.Id}@{FloodSources.Pinned}:4040", scenario.Limits);
        var address = PeerAddress.Parse(await node.ReadAsync());
        List<Node> peers = [];
        try
        {
            for (int i = 0; i < GoodPeers; i++)
            {
                peers.Add(await StartAsync(FloodSources.GoodPeer(i)));
                await peers[^1].AddPeerAsync(address.ToString());
            }

            await using FloodChild attacker = FloodChild.Start("attack", address.ToString(), $"{scenario.Rate}", $"{scenario.Sources}");

            // Runtimes compile, bursts are spent, the pool fills.
            await attacker.AskAsync("go");
            await PingAsync(peers, address.Id!.Value, Slice);
            Sums sums = new(Overflows());
            Random random = new(1);
            for (int i = 0; i < slices; i++)
            {
                await attacker.AskAsync("rest");
                await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System);
                sums.Peace.AddRange(await PingAsync(peers, address.Id.Value, Slice));
                long made = long.Parse(await attacker.AskAsync("go"), CultureInfo.InvariantCulture);
                (TimeSpan Node, TimeSpan Attacker, long At) before = (node.Cpu, attacker.Cpu, Clock.Now);
                Task<double[]> pings = PingAsync(peers, address.Id.Value, Slice);
                await Task.Delay(Slice * random.NextDouble() / 4, TimeProvider.System);
                sums.Pinned.Add(await JoinAsync(FloodSources.Pinned, pinned, address));
                sums.Newcomers.Add(await JoinAsync(FloodSources.Newcomer(i), null, address));
                sums.Attacked.AddRange(await pings);
                sums.Seconds += Clock.Since(before.At).TotalSeconds;
                sums.Node += node.Cpu - before.Node;
                sums.Attacker += attacker.Cpu - before.Attacker;
                sums.Made += long.Parse(await attacker.AskAsync("go"), CultureInfo.InvariantCulture) - made;
            }

            string refused = await node.AskAsync("counts");
            int left = peers.Count(p => p.ListPeers().Count == 1);
            return Line(scenario, sums, left, refused);
        }
        finally
        {
            await Task.WhenAll(peers.Select(p => p.DisposeAsync().AsTask()));
        }
    }

    private static string Line(Scenario scenario, Sums sums, int left, string refused)
    {
        double[] peace = [.. sums.Peace], attacked = [.. sums.Attacked];
        string pings = string.Join(" | ", new[] { (peace, 0.5), (attacked, 0.5), (peace, 0.99), (attacked, 0.99) }.Select(p => $"{Report.Percentile(p.Item1, p.Item2):0.0}"));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"| {scenario.Name} | {sums.Made / sums.Seconds:N0} | {left} of {GoodPeers} | {pings} | {sums.Pinned.Max():0.00} | {sums.Newcomers.Max():0.00} | {sums.Node.TotalSeconds / sums.Seconds:0.00} | {sums.Attacker.TotalSeconds / sums.Seconds:0.00} | {refused} | {Overflows() - sums.OverflowsBefore} |");
    }

    // Each peer pings every 40 ms, all of them evenly spread.
    private static async Task<double[]> PingAsync(List<Node> peers, NodeId target, TimeSpan duration)
    {
        long start = Clock.Now;
        List<double>[] times = await Task.WhenAll(peers.Select(async (peer, i) =>
        {
            List<double> mine = [];
            await Task.Delay(TimeSpan.FromMilliseconds(5 * i), TimeProvider.System);
            using PeriodicTimer tick = new(TimeSpan.FromMilliseconds(40), TimeProvider.System);
            while (Clock.Since(start) < duration && await tick.WaitForNextTickAsync())
            {
                long sent = Clock.Now;
                try
                {
                    await peer.PingAsync(target);
                    mine.Add(Clock.Since(sent).TotalMilliseconds);
                }
                catch (MesharaException)
                {
                    // It has lost its link: a ping that never came back.
                    mine.Add(duration.TotalMilliseconds);
                }
            }

            return mine;
        }));
        return [.. times.SelectMany(t => t)];
    }

    // As a node does it: it dials, and again after its backoff, until there is a link.
    private static async Task<double> JoinAsync(string source, NodeIdentity? identity, PeerAddress address)
    {
        TaskCompletionSource linked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        long start = Clock.Now;
        await using Node node = await StartAsync(source, identity, address);
        Task watching = Task.Run(async () =>
        {
            await foreach (PeerEvent change in node.WatchAsync())
            {
                if (change is PeerConnected)
                {
                    linked.TrySetResult();
                }
            }
        });
        if (node.ListPeers().Count > 0)
        {
            linked.TrySetResult();
        }

        await Task.WhenAny(linked.Task, Task.Delay(Patience, TimeProvider.System));
        double seconds = linked.Task.IsCompleted ? Clock.Since(start).TotalSeconds : double.PositiveInfinity;
        await node.DisposeAsync();
        await watching;
        return seconds;
    }

    private static Task<Node> StartAsync(string source, NodeIdentity? identity = null, PeerAddress? peer = null) => Node.StartAsync(new NodeOptions
    {
        Mesh = "flood",
        Admission = Admission.Open,
        Transport = new SourceTransport(source),
        Identity = identity,
        Peers = peer is null ? [] : [peer],
    });

    // TcpExt ListenOverflows: connections that came while the backlog of a listener was full.
    private static long Overflows()
    {
        string[] lines = [.. File.ReadLines("/proc/net/netstat").Where(l => l.StartsWith("TcpExt:", StringComparison.Ordinal))];
        int at = Array.IndexOf(lines[0].Split(' '), "ListenOverflows");
        return long.Parse(lines[1].Split(' ')[at], CultureInfo.InvariantCulture);
    }

    private sealed class Sums(long overflowsBefore)
    {
        public long OverflowsBefore => overflowsBefore;

        public List<double> Peace { get; } = [];

        public List<double> Attacked { get; } = [];

        public List<double> Pinned { get; } = [];

        public List<double> Newcomers { get; } = [];

        public double Seconds { get; set; }

        public TimeSpan Node { get; set; }

        public TimeSpan Attacker { get; set; }

        public long Made { get; set; }
    }

    private sealed record Scenario(string Name, int Rate, int Sources, string Limits);
}
