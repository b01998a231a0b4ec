using Microsoft.Extensions.Logging;

namespace Meshara;

// 6100: the static peers file; 6150: lists over HTTPS.
internal static partial class Log
{
    [LoggerMessage(6100, LogLevel.Information, "Static peers file '{Path}' names {Count} addresses")]
    public static partial void StaticPeersRead(this ILogger logger, string path, int count);

    [LoggerMessage(6101, LogLevel.Warning, "{Trouble} Peers that were read of it before stay ({Count}); it is read again when it changes")]
    public static partial void StaticPeersKept(this ILogger logger, string trouble, int count);

    [LoggerMessage(6102, LogLevel.Information, "Peer {Peer} has moved from {Old} to {New}: static peers file '{Path}' says so now")]
    public static partial void StaticPeerMoved(this ILogger logger, NodeId peer, string old, string @new, string path);

    [LoggerMessage(6103, LogLevel.Warning, "Peer {Peer} has moved from {Old} to {New}, but static peers file '{Path}' still has the old address: {Why}")]
    public static partial void StaticPeerNotMoved(this ILogger logger, NodeId peer, string old, string @new, string path, string why);

    [LoggerMessage(6104, LogLevel.Debug, "Static peers file '{Path}' cannot be watched, and is only looked at every {Seconds} s: {Why}")]
    public static partial void StaticPeersNotWatched(this ILogger logger, string path, double seconds, string why);

    [LoggerMessage(6150, LogLevel.Information, "The list of peers {Location} names {Count} addresses")]
    public static partial void ListFetched(this ILogger logger, string location, int count);

    // Once, until it has been fetched.
    [LoggerMessage(6151, LogLevel.Warning, "The list of peers {Location} cannot be used: {Why} {Instead}; it is tried again within the hour")]
    public static partial void ListFailed(this ILogger logger, string location, string why, string instead);

    [LoggerMessage(6152, LogLevel.Warning, "No copy of the list of peers {Location} could be kept in '{Path}': {Why}")]
    public static partial void ListNotKept(this ILogger logger, string location, string path, string why);
}
