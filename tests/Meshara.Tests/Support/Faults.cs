using System.Net;
using System.Net.Sockets;

namespace Meshara.Tests.Support;

/// <summary>Faults that a diagnosis has to name.</summary>
internal static class Faults
{
    /// <summary>A port of loopback on which nobody listens.</summary>
    public static int ClosedPort()
    {
        using Socket taken = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)taken.LocalEndPoint!).Port;
    }

    /// <summary>A store in which an id is banned for an hour.</summary>
    public static async Task<MemoryPeerStore> BanAsync(NodeId id)
    {
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        MemoryPeerStore store = new();
        await store.SaveAsync(new PeerStoreChanges
        {
            Upserted = [new PeerRecord { Id = id, FirstSeen = now, LastSeen = now, Reputation = -80, ReputationAt = now, BanUntil = now.AddHours(1), BanCount = 1 }],
        });
        return store;
    }
}
