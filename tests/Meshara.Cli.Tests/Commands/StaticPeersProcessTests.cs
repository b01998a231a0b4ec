using System.Diagnostics;
using System.Globalization;
using Meshara.Cli.Commands;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

/// <summary>The case that users wrote down: static peers that went stale because ports changed at a restart.</summary>
[Collection(nameof(Child))]
public sealed class StaticPeersProcessTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const int Nodes = 3;
    private const int Rounds = 3;

    // What the issue promises, on a machine with two cores; from the moment on at which the restarted node listens.
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(20);

    private readonly TempFolder _folder = new();
    private readonly int[] _ports = Ports.Free(Nodes * (Rounds + 1));
    private readonly TestTerminal _terminal = new();
    private readonly Child?[] _running = new Child?[Nodes];
    private readonly int[] _port = new int[Nodes];
    private readonly string[] _ids = new string[Nodes];
    private readonly string[] _keys = new string[Nodes];
    private int _next;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_running.OfType<Child>().Select(static child => child.DisposeAsync().AsTask()));
        _folder.Dispose();
    }

    [Fact]
    public async Task Run_ThreeNodesRestartedOnOtherPorts_RelinkAndTheirFilesFollow()
    {
        for (int i = 0; i < Nodes; i++)
        {
            (_, string id, _) = await Child.RunAsync("id", "--json", "--data", _folder[$"{i}"]);
            (_ids[i], _keys[i]) = (Child.Parse(id).GetProperty("node_id").GetString()!, Child.Parse(id).GetProperty("public_key").GetString()!);
            _port[i] = _ports[_next++];
        }

        for (int i = 0; i < Nodes; i++)
        {
            await File.WriteAllTextAsync(FileOf(i), ExpectedFile(i));
        }

        await Task.WhenAll(Enumerable.Range(0, Nodes).Select(StartAsync));
        await MeasureAsync("three nodes with static files are linked");
        for (int round = 1; round <= Rounds; round++)
        {
            for (int i = 0; i < Nodes; i++)
            {
                await StopAsync(i);
                _port[i] = _ports[_next++];
                await StartAsync(i);
                await MeasureAsync(string.Create(CultureInfo.InvariantCulture, $"round {round}: node {i} is back on port {_port[i]}, linked to both others, whose files say so"));
            }
        }

        // Nothing but the files tells them now where the others are.
        await Task.WhenAll(Enumerable.Range(0, Nodes).Select(StopAsync));
        await Task.WhenAll(Enumerable.Range(0, Nodes).Select(StartAsync));
        await MeasureAsync("all restarted at once");
        foreach (string error in _running.Select(static child => child!.AllError()))
        {
            Assert.Equal("", error);
        }
    }

    private string FileOf(int node) => _folder[$"peers-{node}.json"];

    // The three forms; what no version knows, odd blanks and line ends are kept as well.
    private string ExpectedFile(int node)
    {
        int a = (node + 1) % Nodes, b = (node + 2) % Nodes;
        string first = node == 0 ? $"\"address\":\"{_ids[a]}@127.0.0.1:{_port[a]}\"" : $"\"multiaddr\" : \"/ip4/127.0.0.1/tcp/{_port[a]}/p2p/{_ids[a]}\"";
        return $"{{ // of node {node}\r\n  \"static_peers\": [\r\n\t{{ \"name\": \"n{a}\",  {first}, \"since\": [1, {{\"x\":null}}] }},\r\n"
            + $"    {{ \"public_key\":\"{_keys[b]}\", \"address\": \"127.0.0.1:{_port[b]}\" }},\r\n  ],\n  \"more\": {{}} }}";
    }

    private async Task StartAsync(int node)
    {
        _running[node] = Child.Start(["run", "--json", "--listen", $"127.0.0.1:{_port[node]}", "--data", _folder[$"{node}"], "--static-peers", FileOf(node)]);
        await _running[node]!.EventAsync("listening");
    }

    private async Task StopAsync(int node)
    {
        Child child = _running[node]!;
        await child.SignalAsync("TERM");
        await child.ExitAsync();
        await child.DisposeAsync();
        _running[node] = null;
    }

    private async Task MeasureAsync(string what)
    {
        Stopwatch watch = Stopwatch.StartNew();
        TimeSpan? linked = null;
        while (true)
        {
            int[] peers = await Task.WhenAll(Enumerable.Range(0, Nodes).Select(async i => (await PeersCommand.ListAsync(_terminal.Terminal, _folder[$"{i}"], TestContext.Current.CancellationToken)).Count));
            linked ??= peers.All(static count => count == Nodes - 1) ? watch.Elapsed : null;
            string[] stale = [.. Enumerable.Range(0, Nodes).Where(i => File.ReadAllText(FileOf(i)) != ExpectedFile(i)).Select(i => File.ReadAllText(FileOf(i)))];
            if (peers.All(static count => count == Nodes - 1) && stale.Length == 0)
            {
                break;
            }

            Assert.True(
                watch.Elapsed < Promised,
                $"Not within {Promised.TotalSeconds} s: {what}. Peers: {string.Join(", ", peers)}; stale files:\n{string.Join('\n', stale)}\n{Logs()}");
            await Task.Delay(LookEvery, TimeProvider.System);
        }

        output.WriteLine($"{what}: linked after {linked!.Value.TotalSeconds:0.00} s, files after {watch.Elapsed.TotalSeconds:0.00} s");
    }

    private string Logs() => string.Join('\n', _running.OfType<Child>().Select(static child => $"--- {child.Id}\n{child.AllOutput()}\n{child.AllError()}"));
}
