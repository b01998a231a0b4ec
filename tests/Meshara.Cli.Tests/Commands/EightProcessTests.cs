using System.Diagnostics;
using Meshara.Cli.Commands;
using Meshara.Cli.Control;
using Meshara.Cli.Tests.Support;
using Meshara.Sqlite;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

/// <summary>Eight nodes, each a process of its own as a user starts it, that hold their mesh together by themselves.</summary>
[Collection(nameof(Alone))]
public sealed class EightProcessTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const int Nodes = 8;
    private const int Killed = 3;
    private const int Target = 4;

    // What the issue promises, on a machine with two cores.
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(20);

    private readonly TempFolder _folder = new();
    private readonly int[] _ports = Ports.Free(Nodes);
    private readonly TestTerminal _terminal = new();
    private Child?[] _running = new Child?[Nodes];
    private string[] _ids = new string[Nodes];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_running.OfType<Child>().Select(static child => child.DisposeAsync().AsTask()));
        _folder.Dispose();
    }

    [Fact]
    public async Task Run_EightProcesses_HoldTheirTargetThroughKillsAndRestarts()
    {
        string[] everybody = [.. _ports.SelectMany(static port => (string[])["--bootstrap", $"127.0.0.1:{port}"])];
        await StartAllAsync(everybody);
        await MeasureAsync("eight processes, given each other's addresses, have their target", AtTarget(0));

        // A store is written at most once a second: who is killed before that has learned nothing.
        await MeasureAsync("each has the addresses of its target on disk", StoredAsync);
        await Task.WhenAll(Enumerable.Range(0, Killed).Select(KillAsync));
        string[] left = _ids[Killed..];
        await MeasureAsync(
            $"{Killed} killed: each of the rest is linked to all four others",
            async () => (await PeersAsync(Killed)).Select((peers, i) => left.Count(id => id != left[i] && peers.Contains(id))).Select(static linked => (linked, Target)));

        await StopAllAsync("TERM");
        await StartAllAsync();
        await MeasureAsync("all restarted without --bootstrap: linked again from their stores", AtTarget(0));

        await StopAllAsync("KILL");
        await StartAllAsync();
        await MeasureAsync("all killed and restarted without --bootstrap: linked again from their stores", AtTarget(0));

        foreach (string error in _running.Select(static child => child!.AllError()))
        {
            Assert.Equal("", error);
        }
    }

    private async Task StartAllAsync(params string[] more)
    {
        Stopwatch watch = Stopwatch.StartNew();
        for (int i = 0; i < Nodes; i++)
        {
            _running[i] = Child.Start(["run", "--json", "--open", "--target-peers", $"{Target}", "--listen", $"127.0.0.1:{_ports[i]}", "--data", _folder[$"{i}"], .. more]);
        }

        _ids = await Task.WhenAll(_running.Select(static async child => (await child!.EventAsync("listening")).GetProperty("node_id").GetString()!));
        output.WriteLine($"{Nodes} processes listen after {watch.Elapsed.TotalSeconds:0.00} s");
    }

    private Task StopAllAsync(string signal) => Task.WhenAll(Enumerable.Range(0, Nodes).Select(i => StopAsync(i, signal)));

    private Task KillAsync(int node) => StopAsync(node, "KILL");

    private async Task StopAsync(int node, string signal)
    {
        if (_running[node] is not { } child)
        {
            return;
        }

        await child.SignalAsync(signal);
        await child.ExitAsync();
        await child.DisposeAsync();
        _running[node] = null;
    }

    // What it has, and what it wants, for each node from this one on.
    private Func<Task<IEnumerable<(int Has, int Wants)>>> AtTarget(int from) =>
        async () => (await PeersAsync(from)).Select(static peers => (peers.Count, Target));

    // Over the control socket, as 'meshara peers' asks, without the start of a process.
    private async Task<HashSet<string>[]> PeersAsync(int from)
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        List<PeerLine>[] peers = await Task.WhenAll(Enumerable.Range(from, Nodes - from).Select(i => PeersCommand.ListAsync(_terminal.Terminal, _folder[$"{i}"], cancellation)));
        return [.. peers.Select(static of => of.Select(static peer => peer.Peer).ToHashSet())];
    }

    // As the next start would find it; a copy, because the store is the running node's.
    private async Task<IEnumerable<(int Has, int Wants)>> StoredAsync()
    {
        List<(int Has, int Wants)> stored = [];
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
                stored.Add(((await store.LoadAsync(TestContext.Current.CancellationToken)).Peers.Count(static peer => peer.Addresses.Count > 0), Target));
            }
            catch (FileNotFoundException)
            {
                stored.Add((0, Target));
            }
        }

        return stored;
    }

    private async Task MeasureAsync(string what, Func<Task<IEnumerable<(int Has, int Wants)>>> look)
    {
        Stopwatch watch = Stopwatch.StartNew();
        (int Has, int Wants)[] nodes = [.. await look()];
        while (nodes.Any(static node => node.Has < node.Wants))
        {
            Assert.True(watch.Elapsed < Promised, $"Not within {Promised.TotalSeconds} s: {what}. Peers: {string.Join(", ", nodes.Select(static node => node.Has))}\n{Logs()}");
            await Task.Delay(LookEvery, TimeProvider.System);
            nodes = [.. await look()];
        }

        output.WriteLine($"{what}: {watch.Elapsed.TotalSeconds:0.00} s ({string.Join(", ", nodes.Select(static node => node.Has))} peers)");
    }

    private string Logs() => string.Join('\n', _running.OfType<Child>().Select(static child => $"--- {child.Id}\n{child.AllOutput()}\n{child.AllError()}"));
}
