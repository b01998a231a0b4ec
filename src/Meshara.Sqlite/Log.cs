using Microsoft.Extensions.Logging;

namespace Meshara.Sqlite;

/// <summary>Everything the peer store logs. Event ids: 5000, beside those of the library.</summary>
internal static partial class Log
{
    [LoggerMessage(5000, LogLevel.Warning, "Peer store '{Path}' was damaged ({Why}); it is kept as '{Copy}', and a new one begins: addresses and scores are learned anew")]
    public static partial void SetAside(this ILogger logger, string path, string why, string copy);

    [LoggerMessage(5001, LogLevel.Warning, "Peer store '{Path}' cannot be used now, so that what is learned stays in memory: {Why}. It is tried again at most once a minute, and then all is written")]
    public static partial void InMemory(this ILogger logger, string path, string why);

    [LoggerMessage(5002, LogLevel.Information, "Peer store '{Path}' can be used again; all that was missing is written")]
    public static partial void OnDiskAgain(this ILogger logger, string path);

    [LoggerMessage(5003, LogLevel.Warning, "Peer store '{Path}' has {Count} wrong entries, which are left out")]
    public static partial void Skipped(this ILogger logger, string path, int count);

    [LoggerMessage(5005, LogLevel.Warning, "Peer store '{Path}' was removed while this node used it; a new one begins, with what changes from now on")]
    public static partial void Gone(this ILogger logger, string path);

    [LoggerMessage(5004, LogLevel.Information, "Peer store '{Path}' has been brought from version {Old} to {New}")]
    public static partial void Migrated(this ILogger logger, string path, long old, int @new);
}
