using Meshara.Cli.Rendering;
using Spectre.Console;

namespace Meshara.Cli.Demo;

/// <summary><c>meshara demo</c>: a small story whose every sentence is checked before it is told.</summary>
internal sealed class Demonstration(Terminal terminal)
{
    // Outside the ranges from which systems give ports to outgoing connections, so that a port stays free while its owner is dead.
    private const int FirstPort = 20000;
    private const int Ports = 10000;
    private const int MostPortsTried = 200;

    private static readonly TimeSpan ForAll = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan ForOneStep = TimeSpan.FromSeconds(10);

    private readonly List<string> _shown = [];
    private readonly List<DemoNode> _alive = [];
    private CancellationToken _stop;

    // Set by the first step, and Mallory by his; no step goes before them.
    private DemoNode _alice = null!;
    private DemoNode _bob = null!;
    private DemoNode _carol = null!;
    private DemoNode _mallory = null!;
    private int _nextPort = FirstPort + (int)((uint)Environment.ProcessId * 16 % Ports);

    /// <summary>Tells the story; returns if all of it came true.</summary>
    /// <exception cref="CliException">Something did not happen, or not in time.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        string root = Directory.CreateTempSubdirectory("meshara-demo-").FullName;
        using CancellationTokenSource deadline = new(ForAll, terminal.Time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            _stop = either.Token;
            await TellAsync(root);
        }
        finally
        {
            foreach (DemoNode node in _alive)
            {
                await node.DisposeAsync();
            }

            Directory.Delete(root, recursive: true);
        }

        terminal.WriteLine("");
        terminal.WriteLine("Shown:");
        foreach (string fact in _shown)
        {
            terminal.WriteLine($"  - {fact}");
        }
    }

    private async Task TellAsync(string root)
    {
        await StepAsync(
            "Alice, Bob and Carol start: three nodes, a key each, TLS over loopback",
            "nodes start with an identity of their own, kept in a data directory",
            ct => StartAsync(root, ct));
        DemoNode[] all = [_alice, _bob, _carol];
        foreach (DemoNode node in all)
        {
            terminal.WriteLine($"      {node.Name,-6} {node.Node.Id.ToShortString()} at {node.Address.HostAndPort}");
        }

        await StepAsync(
            "each adds both others by their pinned public keys",
            "a peer is added by address and pinned key; TLS itself checks the key",
            ct => AcquaintAsync(all, ct));
        await StepAsync(
            "each says hello to both others, six messages",
            "messages arrive, and from whom they say",
            ct => GreetAsync(all, ct));
        terminal.Console.Write(Links(all));
        await StepAsync(
            "Bob is killed without a goodbye; Alice and Carol notice and go on talking",
            "a node that is killed is noticed, and nobody else is disturbed",
            KillAsync);
        await StepAsync(
            "Mallory takes Bob's address with another key; Alice and Carol refuse him",
            "a wrong key at a known address is refused (pin-mismatch)",
            ct => ImpersonateAsync(root, ct));
        await StepAsync(
            "Mallory dials Alice with a key that nobody admitted, and is refused",
            "a key that nobody admitted is refused (not-admitted)",
            IntrudeAsync);
        await StepAsync(
            "Bob comes back with his own key; the links return by themselves",
            "a node that comes back is linked again by its key, by itself",
            ct => ReturnAsync(root, ct));
    }

    private async Task StartAsync(string root, CancellationToken cancellationToken)
    {
        _alice = await BirthAsync("alice", root, cancellationToken);
        _bob = await BirthAsync("bob", root, cancellationToken);
        _carol = await BirthAsync("carol", root, cancellationToken);
    }

    private async Task KillAsync(CancellationToken cancellationToken)
    {
        int atAlice = _alice.Events.Count, atCarol = _carol.Events.Count;
        _alive.Remove(_bob);
        await _bob.KillAsync();
        await _alice.LostAsync(_bob, atAlice, cancellationToken);
        await _carol.LostAsync(_bob, atCarol, cancellationToken);
        await _alice.TellAsync(_carol, "where is Bob?", cancellationToken);
        await _carol.TellAsync(_alice, "gone", cancellationToken);
    }

    private async Task ImpersonateAsync(string root, CancellationToken cancellationToken)
    {
        _mallory = await DemoNode.StartAsync("mallory", root, _bob.Port, cancellationToken);
        _alive.Add(_mallory);
        foreach (DemoNode honest in (DemoNode[])[_alice, _carol])
        {
            await RefusedAsync(MesharaErrorCode.PinMismatch, () => honest.Node.AddPeerAsync(_bob.Address, _bob.Node.PublicKey, cancellationToken), cancellationToken);
        }
    }

    private async Task IntrudeAsync(CancellationToken cancellationToken)
    {
        await RefusedAsync(MesharaErrorCode.NotAdmitted, () => _mallory.Node.AddPeerAsync(_alice.Address, null, cancellationToken), cancellationToken);
        foreach (DemoNode honest in (DemoNode[])[_alice, _carol])
        {
            Require(honest.Node.ListPeers().All(peer => peer.Id != _mallory.Node.Id), $"Mallory has a link to {honest.Name}");
        }

        _alive.Remove(_mallory);
        await _mallory.DisposeAsync();
    }

    private async Task ReturnAsync(string root, CancellationToken cancellationToken)
    {
        int atAlice = _alice.Events.Count, atCarol = _carol.Events.Count;
        NodeId before = _bob.Node.Id;
        _bob = await DemoNode.StartAsync("bob", root, _bob.Port, cancellationToken);
        _alive.Add(_bob);
        Require(_bob.Node.Id == before, "Bob has another id than before");
        await _alice.LinkedToAsync(_bob, atAlice, cancellationToken);
        await _carol.LinkedToAsync(_bob, atCarol, cancellationToken);
        await _bob.LinkedToAsync(_alice, 0, cancellationToken);
        await _bob.LinkedToAsync(_carol, 0, cancellationToken);
        await GreetAsync([_alice, _bob, _carol], cancellationToken);
    }

    private async Task<DemoNode> BirthAsync(string name, string root, CancellationToken cancellationToken)
    {
        for (int tries = 1; ; tries++)
        {
            int port = _nextPort;
            _nextPort = FirstPort + ((_nextPort + 1 - FirstPort) % Ports);
            try
            {
                DemoNode node = await DemoNode.StartAsync(name, root, port, cancellationToken);
                _alive.Add(node);
                return node;
            }
            catch (MesharaException e) when (e.Code == MesharaErrorCode.ListenFailed && tries < MostPortsTried)
            {
                // Taken; the next one.
            }
        }
    }

    private static async Task AcquaintAsync(DemoNode[] all, CancellationToken cancellationToken)
    {
        // The three operators have told each other their keys.
        foreach ((DemoNode one, DemoNode other) in Pairs(all))
        {
            await one.Node.TrustAsync(other.Node.PublicKey, cancellationToken: cancellationToken);
        }

        foreach ((DemoNode one, DemoNode other) in Pairs(all))
        {
            NodeId id = await one.Node.AddPeerAsync(other.Address, other.Node.PublicKey, cancellationToken);
            Require(id == other.Node.Id, $"{one.Name} added {other.Name} and got another id");
        }

        foreach ((DemoNode one, DemoNode other) in Pairs(all))
        {
            await one.LinkedToAsync(other, 0, cancellationToken);
        }
    }

    private static async Task GreetAsync(DemoNode[] all, CancellationToken cancellationToken)
    {
        foreach ((DemoNode one, DemoNode other) in Pairs(all))
        {
            await one.TellAsync(other, $"hello {other.Name}, this is {one.Name}", cancellationToken);
        }
    }

    private static async Task RefusedAsync(MesharaErrorCode expected, Func<Task> attempt, CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                await attempt();
            }
            catch (MesharaException e) when (e.Code == expected)
            {
                return;
            }
            catch (MesharaException e) when (e.Code == MesharaErrorCode.ConnectFailed)
            {
                // Joined a dial that had begun before anybody listened there again.
                continue;
            }

            throw new CliException($"nobody refused ({Kebab.Of(expected)} was expected)");
        }
    }

    private static void Require(bool condition, string otherwise)
    {
        if (!condition)
        {
            throw new CliException(otherwise);
        }
    }

    private static IEnumerable<(DemoNode One, DemoNode Other)> Pairs(DemoNode[] all) =>
        from one in all from other in all where one != other select (one, other);

    private static Table Links(DemoNode[] all)
    {
        Table table = new() { Border = TableBorder.Rounded };
        table.AddColumns(new TableColumn("node"), new TableColumn("peer"), new TableColumn("way"), new TableColumn("messages in/out"), new TableColumn("bytes in/out"));
        foreach ((DemoNode one, DemoNode other) in Pairs(all))
        {
            PeerInfo link = one.Node.ListPeers().FirstOrDefault(peer => peer.Id == other.Node.Id)
                ?? throw new CliException($"{one.Name} has no link to {other.Name}");
            table.AddRow(
                new Text(one.Name),
                new Text($"{other.Name} {link.Id.ToShortString()}"),
                new Text(link.Inbound ? "in" : "out"),
                new Text($"{link.MessagesReceived}/{link.MessagesSent}"),
                new Text($"{Show.Bytes(link.BytesReceived)}/{Show.Bytes(link.BytesSent)}"));
        }

        return table;
    }

    private async Task StepAsync(string sentence, string shows, Func<CancellationToken, Task> step)
    {
        using CancellationTokenSource deadline = new(ForOneStep, terminal.Time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, _stop);
        try
        {
            await step(either.Token);
        }
        catch (OperationCanceledException e)
        {
            throw new CliException($"demo: this did not happen in time: {sentence}", e);
        }
        catch (Exception e) when (e is CliException or MesharaException)
        {
            throw new CliException($"demo: this did not happen: {sentence}: {e.Message}", e);
        }

        _shown.Add(shows);
        terminal.Console.Write(new Text("ok", new Style(Color.Green)));
        terminal.WriteLine($"    {sentence}");
    }
}
