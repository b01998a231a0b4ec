using System.Diagnostics;
using Meshara.Cli.Commands;
using Meshara.Cli.Control;
using Meshara.Cli.Tests.Support;
using Meshara.Sqlite;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

/// <summary>Twelve nodes, each a process of its own as a user starts it, who know one bootstrap node and learn of the others from each other.</summary>
[Collection(nameof(Alone))]
public sealed class TwelveProcessTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const int Nodes = 12;
    private const int Killed = 4;
    private const int Target = 6;

    // The bootstrap is the first, who keeps its port the second.
    private const int Bootstrap = 0, Steady = 1;

    // What the issue promises.
    private static readonly TimeSpan AtFirst = TimeSpan.FromSeconds(10), AfterKills = TimeSpan.FromSeconds(30), AfterMoves = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan SecondAsking = TimeSpan.FromSeconds(100);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(20);

    private readonly TempFolder _folder = new();
    private readonly int[] _ports = Ports.Free(2 * Nodes);
    private readonly TestTerminal _terminal = new();
    private readonly Child?[] _running = new Child?[Nodes];
    private readonly string[] _ids = new string[Nodes];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_running.OfType<Child>().Select(static child => child.DisposeAsync().AsTask()));
        _folder.Dispose();
    }

    [Fact]
    public async Task Run_TwelveProcessesAndOneBootstrap_FindEachOther_AndAgainWithoutItAtOtherPorts()
    {
        int[] all = [.. Enumerable.Range(0, Nodes)];
        await StartAsync(all, static (i, ports) => ports[i], "--bootstrap", $"127.0.0.1:{_ports[Bootstrap]}");
        await MeasureAsync("twelve processes that know one bootstrap have their target", AtFirst);

        // Who does not know the one that keeps its port has nobody to begin with later. Most know all at once; who asked too early asks again after 65 s.
        await EventuallyAsync("each has the address of the one that keeps its port on disk", AllKnowTheSteadyOneAsync, SecondAsking);

        // Who is killed is no peer any more, noticed or not.
        await Task.WhenAll(all.TakeLast(Killed).Select(i => StopAsync(i, "KILL")));
        await MeasureAsync($"{Killed} killed: the others have their target among themselves", AfterKills);

        await Task.WhenAll(all.Select(i => StopAsync(i, "TERM")));
        await StartAsync([.. all.Except([Bootstrap])], static (i, ports) => i == Steady ? ports[i] : ports[Nodes + i]);
        await MeasureAsync("all restarted, the bootstrap gone and all ports changed but one: they have their target", AfterMoves);

        foreach (string error in _running.OfType<Child>().Select(static child => child.AllError()))
        {
            Assert.Equal("", error);
        }
    }

    private async Task StartAsync(int[] nodes, Func<int, int[], int> portOf, params string[] more)
    {
        foreach (int i in nodes)
        {
            _running[i] = Child.Start(["run", "--json", "--open", "--target-peers", $"{Target}", "--listen", $"127.0.0.1:{portOf(i, _ports)}", "--data", _folder[$"{i}"], .. more]);
        }

        await Task.WhenAll(nodes.Select(async i => _ids[i] = (await _running[i]!.EventAsync("listening")).GetProperty("node_id").GetString()!));
    }

    private async Task StopAsync(int node, string signal)
    {
        if (_running[node] is { } child)
        {
            await child.SignalAsync(signal);
            await child.ExitAsync();
            await child.DisposeAsync();
            _running[node] = null;
        }
    }

    private async Task<int[]> PeersAsync()
    {
        int[] running = [.. Enumerable.Range(0, Nodes).Where(i => _running[i] is not null)];
        HashSet<string> ids = [.. running.Select(i => _ids[i])];
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        List<PeerLine>[] peers = await Task.WhenAll(running.Select(i => PeersCommand.ListAsync(_terminal.Terminal, _folder[$"{i}"], cancellation)));
        return [.. peers.Select(of => of.Count(peer => ids.Contains(peer.Peer)))];
    }

    private async Task MeasureAsync(string what, TimeSpan promised)
    {
        Stopwatch watch = Stopwatch.StartNew();
        int[] peers;
        while ((peers = await PeersAsync()).Any(static count => count < Target))
        {
            Assert.True(watch.Elapsed < promised, $"Not within {promised.TotalSeconds} s: {what}. Peers: {string.Join(", ", peers)}\n{Logs()}");
            await Task.Delay(LookEvery, TimeProvider.System);
        }

        output.WriteLine($"{what}: {watch.Elapsed.TotalSeconds:0.00} s ({string.Join(", ", peers)} peers)");
    }

    private async Task EventuallyAsync(string what, Func<Task<bool>> look, TimeSpan promised)
    {
        Stopwatch watch = Stopwatch.StartNew();
        while (!await look())
        {
            Assert.True(watch.Elapsed < promised, $"Not within {promised.TotalSeconds} s: {what}\n{Logs()}");
            await Task.Delay(LookEvery * 10, TimeProvider.System);
        }

        output.WriteLine($"{what}: {watch.Elapsed.TotalSeconds:0.00} s");
    }

    // As the next start would find it; a copy, because the store is the running node's.
    private async Task<bool> AllKnowTheSteadyOneAsync()
    {
        for (int i = 0; i < Nodes; i++)
        {
            using TempFolder copy = new();
            try
            {
                foreach (string part in (string[])["peers.db", "peers.db-wal"])
                {
                    File.Copy(Path.Combine(_folder[$"{i}"], part), copy[part]);
                }

                await using SqlitePeerStore store = new(copy["peers.db"]);
                PeerStoreContent content = await store.LoadAsync(TestContext.Current.CancellationToken);
                if (i != Steady && !content.Peers.Any(peer => peer.Addresses.Any(a => a.Port == _ports[Steady])))
                {
                    return false;
                }
            }
            catch (FileNotFoundException)
            {
                return false;
            }
        }

        return true;
    }

    private string Logs() => string.Join('\n', _running.OfType<Child>().Select(static child => $"--- {child.Id}\n{child.AllOutput()}\n{child.AllError()}"));
}
