namespace Meshara.Sqlite;

/// <summary>The layout of the file. A step, once released, never changes: a new layout is a new step.</summary>
internal static class Schema
{
    /// <summary><c>PRAGMA application_id</c>, "Mshr": tells our files from other programs'.</summary>
    public const long ApplicationId = 0x4D736872;

    // Times are Unix milliseconds. `row` is short where the id has 32 bytes, and two tables repeat it.
    private const string Version1 = """
        CREATE TABLE peers (
            row INTEGER PRIMARY KEY,
            id BLOB NOT NULL UNIQUE,
            public_key BLOB,
            first_seen INTEGER NOT NULL,
            last_seen INTEGER NOT NULL,
            reputation REAL NOT NULL,
            reputation_at INTEGER NOT NULL,
            ban_until INTEGER,
            ban_count INTEGER NOT NULL,
            alias TEXT,
            bytes_sent INTEGER NOT NULL,
            bytes_received INTEGER NOT NULL
        );
        CREATE INDEX peers_by_last_seen ON peers (last_seen);
        CREATE INDEX peers_by_ban ON peers (ban_until) WHERE ban_until IS NOT NULL;
        CREATE TABLE addresses (
            peer INTEGER NOT NULL REFERENCES peers (row) ON DELETE CASCADE,
            place INTEGER NOT NULL,
            host TEXT NOT NULL,
            port INTEGER NOT NULL,
            source INTEGER NOT NULL,
            source_group TEXT NOT NULL,
            first_seen INTEGER NOT NULL,
            last_tried INTEGER,
            last_success INTEGER,
            failures INTEGER NOT NULL,
            PRIMARY KEY (peer, place)
        ) WITHOUT ROWID;
        CREATE TABLE history (
            peer INTEGER NOT NULL REFERENCES peers (row) ON DELETE CASCADE,
            place INTEGER NOT NULL,
            time INTEGER NOT NULL,
            cause INTEGER NOT NULL,
            delta REAL NOT NULL,
            value REAL NOT NULL,
            count INTEGER NOT NULL,
            PRIMARY KEY (peer, place)
        ) WITHOUT ROWID;
        CREATE TABLE anchors (place INTEGER PRIMARY KEY, address TEXT NOT NULL);
        CREATE TABLE settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
        """;

    /// <summary>The SQL that leads from one version to the next: item 0 from an empty file to version 1.</summary>
    public static IReadOnlyList<string> Steps { get; } = [Version1];
}
