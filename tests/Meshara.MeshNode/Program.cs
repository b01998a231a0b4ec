using Meshara;
using Meshara.Sqlite;

// A node of a mesh that keeps itself, to be killed: `address ADDRESS .` at first, `peers ID,ID… .` after each change; a line without its end is half a line.
// Reads `learn ADDRESS` and `quit`. With port 0 the system chooses.
if (args is not [var folder, var port])
{
    Console.Error.WriteLine("usage: Meshara.MeshNode DIRECTORY PORT");
    return 2;
}

await using SqlitePeerStore store = new(Path.Combine(folder, "peers.db"));
IAsyncEnumerable<PeerEvent>? events = null;
await using Node node = await Node.StartAsync(new NodeOptions
{
    Mesh = "eight",
    Admission = Admission.Open,
    DataDirectory = folder,
    Listen = [$"127.0.0.1:{port}"],
    PeerStore = store,
    Discovery = DiscoveryOptions.Minimal,
    OnStarting = n => events = n.WatchAsync(),
});
Console.WriteLine($"address {node.Addresses[0]} .");
Task watching = WatchAsync();
while (await Console.In.ReadLineAsync() is { } line && line != "quit")
{
    await node.LearnAddressAsync(PeerAddress.Parse(line["learn ".Length..]));
}

await node.DisposeAsync();
await watching;
return 0;

async Task WatchAsync()
{
    Tell();
    await foreach (PeerEvent happened in events!)
    {
        if (happened is PeerConnected or PeerDisconnected)
        {
            Tell();
        }
    }
}

void Tell() => Console.WriteLine($"peers {string.Join(',', node.ListPeers().Select(p => p.Id))} .");
