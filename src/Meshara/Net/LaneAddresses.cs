using System.Collections.Frozen;
using System.Net;

namespace Meshara.Net;

/// <summary>From where known peers come: a lane each. Immutable; the owner puts a new one in the place of the old.</summary>
/// <param name="Pinned">Addresses of peers that the operator named.</param>
/// <param name="Proven">Addresses at which a peer was reached before.</param>
internal sealed record LaneAddresses(FrozenSet<IPAddress> Pinned, FrozenSet<IPAddress> Proven)
{
    /// <summary>Nobody is known.</summary>
    public static LaneAddresses None { get; } = new([], []);

    /// <summary>Those of the hosts that are IP addresses; a name has no lane, since looking it up would take time and the word of a name server.</summary>
    public static LaneAddresses Of(IEnumerable<string> pinnedHosts, IEnumerable<string> provenHosts) => new(Addresses(pinnedHosts), Addresses(provenHosts));

    private static FrozenSet<IPAddress> Addresses(IEnumerable<string> hosts) =>
        hosts.Select(h => IPAddress.TryParse(h, out IPAddress? address) ? address : null).OfType<IPAddress>().Select(TcpSockets.Plain).ToFrozenSet();
}
