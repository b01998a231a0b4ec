using Meshara.Core;
using Meshara.Core.Policy;

namespace Meshara.Net;

// What is announced in the local network.
internal sealed partial class MeshDriver
{
    /// <summary>Nodes of this mesh were announced.</summary>
    public Task NearbyAsync(IReadOnlyList<LanFound> found) => AskAsync(() => _mesh.HandleNearby(found, Now));

    /// <summary>A node is announced no longer under this name; its addresses are kept for a while.</summary>
    public Task NearbyGoneAsync(string service, TimeSpan keep) => AskAsync(() => _mesh.HandleNearbyGone(service, keep, Now));

    /// <summary>The interfaces of this machine, and where this node listens.</summary>
    public Task NearbyInterfacesAsync(IReadOnlyList<LanInterface> interfaces, IReadOnlySet<int> ownPorts) =>
        AskAsync(() => _mesh.HandleNearbyInterfaces(interfaces, ownPorts));

    /// <summary>Nobody listens for announcements any more.</summary>
    public Task NearbyEndedAsync() => AskAsync(_mesh.HandleNearbyEnded);

    private void TellOfNearby(MeshAction.Nearby nearby, DateTimeOffset time)
    {
        // Bytes that have the form of a key and are none cost the reading of one, at the pace at which strangers are told.
        if (PublicKey.TryParse(nearby.Key, out PublicKey? key))
        {
            _node.Logger.PeerDiscovered(nearby.Peer, nearby.Address, key);
            _node.Events.Publish(new PeerDiscovered(time, nearby.Peer, nearby.Address, key));
        }
    }
}
