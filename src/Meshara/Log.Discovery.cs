using Microsoft.Extensions.Logging;

namespace Meshara;

// 6100: the static peers file; 6150: lists over HTTPS; 6200: the local network.
internal static partial class Log
{
    /// <summary>The word for so many.</summary>
    public static string Addresses(int count) => count == 1 ? "address" : "addresses";

    [LoggerMessage(6100, LogLevel.Information, "Static peers file '{Path}' names {Count} {Addresses}")]
    public static partial void StaticPeersRead(this ILogger logger, string path, int count, string addresses);

    [LoggerMessage(6101, LogLevel.Warning, "{Trouble} Peers that were read of it before stay ({Count}); it is read again when it changes")]
    public static partial void StaticPeersKept(this ILogger logger, string trouble, int count);

    [LoggerMessage(6102, LogLevel.Information, "Peer {Peer} has moved from {Old} to {New}: static peers file '{Path}' says so now")]
    public static partial void StaticPeerMoved(this ILogger logger, NodeId peer, string old, string @new, string path);

    [LoggerMessage(6103, LogLevel.Warning, "Peer {Peer} has moved from {Old} to {New}, but static peers file '{Path}' still has the old address: {Why}")]
    public static partial void StaticPeerNotMoved(this ILogger logger, NodeId peer, string old, string @new, string path, string why);

    [LoggerMessage(6104, LogLevel.Debug, "Static peers file '{Path}' cannot be watched, and is only looked at every {Seconds} s: {Why}")]
    public static partial void StaticPeersNotWatched(this ILogger logger, string path, double seconds, string why);

    // At the level of 6101: who heard of the fault hears of its end.
    [LoggerMessage(6105, LogLevel.Warning, "Static peers file '{Path}' can be used again and names {Count} {Addresses}")]
    public static partial void StaticPeersMended(this ILogger logger, string path, int count, string addresses);

    [LoggerMessage(6150, LogLevel.Information, "The list of peers {Location} names {Count} {Addresses}")]
    public static partial void ListFetched(this ILogger logger, string location, int count, string addresses);

    // Once, until it has been fetched.
    [LoggerMessage(6151, LogLevel.Warning, "The list of peers {Location} cannot be used: {Why} {Instead}; it is tried again in 5 s, then after twice as long each time, up to an hour")]
    public static partial void ListFailed(this ILogger logger, string location, string why, string instead);

    // At the level of 6151: who heard of the fault hears of its end.
    [LoggerMessage(6153, LogLevel.Warning, "The list of peers {Location} can be used again and names {Count} {Addresses}")]
    public static partial void ListMended(this ILogger logger, string location, int count, string addresses);

    [LoggerMessage(6152, LogLevel.Warning, "No copy of the list of peers {Location} could be kept in '{Path}': {Why}")]
    public static partial void ListNotKept(this ILogger logger, string location, string path, string why);

    [LoggerMessage(6200, LogLevel.Information, "Announced in the local network as '{Name}', port {Port}")]
    public static partial void MdnsAnnounced(this ILogger logger, string name, int port);

    // Once.
    [LoggerMessage(6201, LogLevel.Warning, "The local network cannot be used to find peers: {Why}. The other ways go on, and this one is tried again within 5 min; --no-mdns, or EnabledMethods without LocalMdns, leaves it alone")]
    public static partial void MdnsFailed(this ILogger logger, string why, Exception exception);

    // Once for each interface, family and reason, and again when it comes back after an hour.
    [LoggerMessage(6202, LogLevel.Warning, "On interface {Interface} no peers are found by {Family} multicast. {Trouble} Peers are still found in the other ways")]
    public static partial void MdnsTrouble(this ILogger logger, string @interface, string family, string trouble);

    // Once.
    [LoggerMessage(6204, LogLevel.Warning, "No peers are found in the local network by {Family}: {Why}. Peers are still found in the other ways")]
    public static partial void MdnsFamilyFault(this ILogger logger, string family, string why);

    [LoggerMessage(6203, LogLevel.Information, "Node {Peer} of this mesh is in the local network at {Address} and may not join. To admit it: meshara trust add {Key}, and there the same with the key of this node")]
    public static partial void PeerDiscovered(this ILogger logger, NodeId peer, string address, PublicKey key);
}
