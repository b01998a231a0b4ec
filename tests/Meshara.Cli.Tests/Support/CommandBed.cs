using Meshara.Cli.Control;

namespace Meshara.Cli.Tests.Support;

/// <summary>Running nodes with their control sockets, in this process: what commands need to have somebody to talk to.</summary>
internal sealed class CommandBed : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly MemoryTransport _transport = new();
    private readonly Stack<IAsyncDisposable> _running = new();

    public static TimeSpan Guard { get; } = TimeSpan.FromSeconds(60);

    /// <summary>A node that listens, on a data directory of this name, and whoever proves a key may join.</summary>
    public async Task<Node> StartAsync(string name, Func<NodeOptions, NodeOptions>? change = null, ControlTimeouts? timeouts = null)
    {
        string directory = Directory.CreateDirectory(_folder[name]).FullName;
        NodeOptions options = new() { Mesh = "test", Admission = Admission.Open, Listen = [$"{name}:1"], Transport = _transport };
        options = change?.Invoke(options) ?? options;
        Node node = await Node.StartAsync(options).WaitAsync(Guard);
        NodeCommands commands = new(node, new NodeFacts("test", "open", directory, "test/1", DateTimeOffset.UnixEpoch));
        _running.Push(node);
        _running.Push(ControlServer.Start(directory, commands.ExecuteAsync, timeouts, commands.PipeAsync));
        return node;
    }

    /// <summary>Two nodes with a link between them; each has pinned the other.</summary>
    public async Task<(Node Alice, Node Bob)> StartPairAsync()
    {
        Node alice = await StartAsync("alice");
        Node bob = await StartAsync("bob");
        await bob.TrustAsync(alice.PublicKey);
        await alice.AddPeerAsync(bob.Addresses[0]).WaitAsync(Guard);
        await Eventually.TrueAsync(() => bob.ListPeers().Count == 1);
        return (alice, bob);
    }

    public string DirectoryOf(string name) => _folder[name];

    /// <summary>Runs a command on the data directory of a node.</summary>
    public Task<int> RunAsync(string name, TestTerminal terminal, params string[] args) => RunAsync(name, terminal, CancellationToken.None, args);

    /// <summary>The same, and the token is what kills the process.</summary>
    public Task<int> RunAsync(string name, TestTerminal terminal, CancellationToken cancellationToken, params string[] args) =>
        App.RunAsync([.. args, "--data", _folder[name]], terminal.Terminal, cancellationToken).WaitAsync(Guard);

    public async ValueTask DisposeAsync()
    {
        while (_running.TryPop(out IAsyncDisposable? running))
        {
            await running.DisposeAsync().AsTask().WaitAsync(Guard);
        }

        _folder.Dispose();
    }
}
