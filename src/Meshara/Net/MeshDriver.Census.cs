using Meshara.Core;
using Meshara.Core.Policy;

namespace Meshara.Net;

// What is held, for the simulated network. The census is read without the loop, so only where nothing runs beside the caller.
internal sealed partial class MeshDriver
{
    /// <summary>Connections that were dialled or accepted and have not ended, live or not; what came to the loop before has been done by then.</summary>
    public Task<int> CountConnectionsAsync() => AskAsync(() => _connections.Count);

    public NodeCensus Census()
    {
        MeshSizes sizes = _mesh.Sizes;
        MeshCounts counts = _mesh.Counts;
        AddressCounts addresses = _mesh.AddressCounts;
        (int waiting, int shaking) = _door.Present;
        Link[] links = [.. _connections.Values.Select(c => c.Link).OfType<Link>()];
        return new NodeCensus
        {
            Peers = sizes.Peers,
            Linked = sizes.Linked,
            Connections = _connections.Count,
            MeshConnections = sizes.Connections,
            Greeting = sizes.Greeting,
            MaxPeers = _node.Options.Discovery.MaxPeers,
            TargetPeers = _node.Options.Discovery.TargetPeers,
            PlacesTaken = counts.Mesh + counts.Passing,
            Passing = counts.Passing,
            Static = counts.Static,
            Waiting = waiting,
            Shaking = shaking,
            Targets = sizes.Targets,
            Addresses = addresses.Proven + addresses.Unproven,
            Nearby = sizes.Nearby,
            Records = _node.Records.Book.Count,
            RecordsHeard = _node.Records.Book.HeardCount,
            Reputations = sizes.Reputations,
            Bans = sizes.Bans,
            RefusedKeys = sizes.RefusedKeys,
            Deadlines = sizes.Deadlines,
            Streams = links.Sum(static l => l.Streams.Count),
            OutgoingBytes = links.Sum(static l => (long)l.BytesWaiting),
            WindowBytes = links.Sum(static l => l.Streams.Windows.Used),
            Tasks = _tasks.Count,
        };
    }
}
