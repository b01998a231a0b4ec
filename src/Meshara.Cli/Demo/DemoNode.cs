namespace Meshara.Cli.Demo;

/// <summary>One node of the demonstration: over real TCP and TLS, with a data directory of its own, and mortal.</summary>
internal sealed class DemoNode : IAsyncDisposable
{
    public const string Protocol = "demo/1";
    public const string Mesh = "demo";

    private readonly CuttableTransport _transport;
    private readonly Task _watching;
    private readonly IDisposable _handler;

    private DemoNode(string name, int port, Node node, CuttableTransport transport)
    {
        Name = name;
        Port = port;
        Node = node;
        _transport = transport;
        _watching = WatchAsync(node.WatchAsync());
        _handler = node.Handle(Protocol, (message, _) =>
        {
            Messages.Add((message.Peer, message.Text));
            return ValueTask.CompletedTask;
        });
    }

    public string Name { get; }

    public int Port { get; }

    public Node Node { get; }

    /// <summary>Where others dial it: the id is the pin.</summary>
    public PeerAddress Address => new("127.0.0.1", Port, Node.Id);

    public Journal<PeerEvent> Events { get; } = new();

    public Journal<(NodeId From, string Text)> Messages { get; } = new();

    /// <summary>Starts on this port of the loopback.</summary>
    public static async Task<DemoNode> StartAsync(string name, string root, int port, CancellationToken cancellationToken)
    {
        CuttableTransport transport = new(new TcpTransport());
        Node node = await Node.StartAsync(
            new NodeOptions
            {
                Mesh = Mesh,
                DataDirectory = Path.Combine(root, name),
                Listen = [$"127.0.0.1:{port}"],
                Transport = transport,

                // Who comes back should be found again within the demonstration, not within a minute.
                Timeouts = new NodeTimeouts { MaxBackoff = TimeSpan.FromMilliseconds(500) },
            },
            cancellationToken);
        return new DemoNode(name, port, node, transport);
    }

    public Task LinkedToAsync(DemoNode other, int from, CancellationToken cancellationToken) =>
        Events.FirstAsync(happened => happened is PeerConnected connected && connected.Peer == other.Node.Id, from, cancellationToken);

    public Task LostAsync(DemoNode other, int from, CancellationToken cancellationToken) =>
        Events.FirstAsync(happened => happened is PeerDisconnected lost && lost.Peer == other.Node.Id, from, cancellationToken);

    /// <summary>Sends, and returns when the other's handler has seen exactly this from exactly this node.</summary>
    public async Task TellAsync(DemoNode other, string text, CancellationToken cancellationToken)
    {
        int from = other.Messages.Count;
        await Node.SendAsync(other.Node.Id, Protocol, System.Text.Encoding.UTF8.GetBytes(text), cancellationToken);
        NodeId self = Node.Id;
        await other.Messages.FirstAsync(message => message.From == self && message.Text == text, from, cancellationToken);
    }

    /// <summary>Ends as a killed process does: its sockets close, and it says nothing.</summary>
    public async Task KillAsync()
    {
        await _transport.CutAsync();
        await DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _handler.Dispose();
        await Node.DisposeAsync();
        await _watching;
    }

    private async Task WatchAsync(IAsyncEnumerable<PeerEvent> events)
    {
        await foreach (PeerEvent happened in events)
        {
            Events.Add(happened);
        }
    }
}
