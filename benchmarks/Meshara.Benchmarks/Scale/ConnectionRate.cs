using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Security;

namespace Meshara.Benchmarks.Scale;

/// <summary>New connections a second, eight at a time: bare handshakes, and <c>AddPeerAsync</c> with HELLO. Only the making is timed, not the end.</summary>
internal static class ConnectionRate
{
    // The end of a round, when fewer than eight are under way, is a tenth of it.
    private const int Round = 64;

    // What making a link calls is compiled for good only after 16 to 24 s of it, and takes twice the time until then; a bare handshake is at once.
    private static readonly TimeSpan Warmup = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan NodesWarmup = TimeSpan.FromSeconds(15);

    public static async Task<IReadOnlyList<ScaleRow>> MeasureAsync(ScalePlan plan)
    {
        int repetitions = plan.Quick ? 3 : 7;
        TimeSpan duration = TimeSpan.FromSeconds(plan.Quick ? 0.3 : 1);
        await using ScaleChild server = await ScaleChild.StartAsync("raw-server");
        await using ScaleChild hub = await ScaleChild.StartAsync("node");
        await using NodeDialler nodes = await NodeDialler.StartAsync(hub);
        using RawDialler pinned = new(server, full: false);
        using RawDialler full = new(server, full: true);
        Func<Task<TimeSpan>>[] rounds = [pinned.RoundAsync, full.RoundAsync, nodes.RoundAsync];

        for (int i = 0; i < 2 * rounds.Length; i++)
        {
            Func<Task<TimeSpan>> round = rounds[i % rounds.Length];
            await Console.Error.WriteLineAsync($"warm-up: {await RateAsync(round, round == nodes.RoundAsync ? NodesWarmup : Warmup):0}/s");
        }

        List<double>[] rates = [[], [], []];
        for (int i = 0; i < repetitions; i++)
        {
            for (int candidate = 0; candidate < rounds.Length; candidate++)
            {
                rates[candidate].Add(await RateAsync(rounds[candidate], duration));
            }
        }

        return
        [
            new ScaleRow("connections, raw mutual TLS that compares the key", "1/s", rates[0]),
            new ScaleRow("connections, raw mutual TLS with the library's check of the certificate", "1/s", rates[1]),
            new ScaleRow("connections, `AddPeerAsync` with HELLO", "1/s", rates[2]),
            new ScaleRow("connections, `AddPeerAsync` ÷ raw", "ratio", [.. rates[2].Zip(rates[0], static (a, b) => a / b)]) { Target = Target.Least(0.8) },
        ];
    }

    private static async Task<double> RateAsync(Func<Task<TimeSpan>> round, TimeSpan duration)
    {
        TimeSpan spent = TimeSpan.Zero;
        int made = 0;
        for (; spent < duration; made += Round)
        {
            spent += await round();
        }

        return made / spent.TotalSeconds;
    }

    private sealed class RawDialler(ScaleChild server, bool full) : IDisposable
    {
        private readonly RawTls _tls = new();

        public async Task<TimeSpan> RoundAsync()
        {
            string[] hello = server.Hello.Split(' ');
            PublicKey pin = PublicKey.Parse(hello[1]);
            int port = int.Parse(hello[0], CultureInfo.InvariantCulture);
            await server.AskAsync($"expect {_tls.Pin} {(full ? "full" : "pin")} silent");
            ConcurrentBag<SslStream> streams = [];
            long start = Clock.Now;
            await AtOnce.RunAsync(Round, async _ => streams.Add(await _tls.ConnectAsync(port, pin, full)));

            // Under TLS 1.3 the dialling side is done before the other.
            await server.AskAsync($"await {Round}");
            TimeSpan took = Clock.Since(start);
            foreach (SslStream stream in streams)
            {
                await stream.DisposeAsync();
            }

            await server.AskAsync("drop");
            return took;
        }

        public void Dispose() => _tls.Dispose();
    }

    private sealed class NodeDialler : IAsyncDisposable
    {
        private readonly Node[] _nodes = new Node[Round];
        private readonly PeerAddress _hub;

        private NodeDialler(PeerAddress hub) => _hub = hub;

        public static async Task<NodeDialler> StartAsync(ScaleChild hub)
        {
            NodeDialler dialler = new(PeerAddress.Parse(hub.Hello));
            for (int i = 0; i < Round; i++)
            {
                dialler._nodes[i] = await PeersRole.StartNodeAsync();
            }

            await hub.AskAsync("trust " + string.Join(',', dialler._nodes.Select(n => n.PublicKey)));
            return dialler;
        }

        public async Task<TimeSpan> RoundAsync()
        {
            long start = Clock.Now;
            await AtOnce.RunAsync(Round, i => _nodes[i].AddPeerAsync(_hub));
            TimeSpan took = Clock.Since(start);
            await AtOnce.RunAsync(Round, i => _nodes[i].RemovePeerAsync(_hub.Id!.Value));
            return took;
        }

        public async ValueTask DisposeAsync() => await Task.WhenAll(_nodes.Select(n => n.DisposeAsync().AsTask()));
    }
}
