using Microsoft.Data.Sqlite;

namespace Meshara.Sqlite;

/// <summary>Writes batches with statements that are prepared once.</summary>
internal sealed class PeerWriter
{
    private readonly StoreSettings _settings;
    private readonly Statement _upsert, _remove, _clearAddresses, _clearHistory, _addAddress, _addEvent, _setKey, _clearAnchors, _addAnchor, _count, _shrink;

    /// <summary>Prepares the statements; they end with the connection.</summary>
    public PeerWriter(SqliteConnection connection, StoreSettings settings)
    {
        _settings = settings;
        _upsert = new(
            connection,
            """
            INSERT INTO peers (id, public_key, first_seen, last_seen, reputation, reputation_at, ban_until, ban_count, alias, bytes_sent, bytes_received)
            VALUES ($id, $public_key, $first_seen, $last_seen, $reputation, $reputation_at, $ban_until, $ban_count, $alias, $bytes_sent, $bytes_received)
            ON CONFLICT (id) DO UPDATE SET
                public_key = excluded.public_key, first_seen = excluded.first_seen, last_seen = excluded.last_seen,
                reputation = excluded.reputation, reputation_at = excluded.reputation_at, ban_until = excluded.ban_until,
                ban_count = excluded.ban_count, alias = excluded.alias, bytes_sent = excluded.bytes_sent, bytes_received = excluded.bytes_received
            RETURNING row
            """,
            "$id", "$public_key", "$first_seen", "$last_seen", "$reputation", "$reputation_at", "$ban_until", "$ban_count", "$alias", "$bytes_sent", "$bytes_received");
        _remove = new(connection, "DELETE FROM peers WHERE id = $id", "$id");
        _clearAddresses = new(connection, "DELETE FROM addresses WHERE peer = $peer", "$peer");
        _clearHistory = new(connection, "DELETE FROM history WHERE peer = $peer", "$peer");
        _addAddress = new(
            connection,
            """
            INSERT INTO addresses (peer, place, host, port, source, source_group, first_seen, last_tried, last_success, failures)
            VALUES ($peer, $place, $host, $port, $source, $source_group, $first_seen, $last_tried, $last_success, $failures)
            """,
            "$peer", "$place", "$host", "$port", "$source", "$source_group", "$first_seen", "$last_tried", "$last_success", "$failures");
        _addEvent = new(
            connection,
            "INSERT INTO history (peer, place, time, cause, delta, value, count) VALUES ($peer, $place, $time, $cause, $delta, $value, $count)",
            "$peer", "$place", "$time", "$cause", "$delta", "$value", "$count");
        _setKey = new(
            connection,
            "INSERT INTO settings (name, value) VALUES ('table_key', $value) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            "$value");
        _clearAnchors = new(connection, "DELETE FROM anchors");
        _addAnchor = new(connection, "INSERT INTO anchors (place, address) VALUES ($place, $address)", "$place", "$address");
        _count = new(connection, "SELECT count(*) FROM peers");
        _shrink = new(
            connection,
            """
            DELETE FROM peers WHERE row IN (
                SELECT row FROM peers
                WHERE row NOT IN (SELECT row FROM peers WHERE ban_until > $now ORDER BY ban_until DESC, id LIMIT $spared)
                ORDER BY last_seen, id LIMIT $excess)
            """,
            "$now", "$spared", "$excess");
    }

    /// <summary>Writes within the open transaction.</summary>
    /// <exception cref="SqliteException">It cannot be written.</exception>
    public void Write(PeerStoreChanges changes, DateTimeOffset now)
    {
        foreach (NodeId id in changes.Removed)
            _remove.Run(id.ToByteArray());

        foreach (PeerRecord peer in changes.Upserted)
            Upsert(peer);

        if (changes.TableKey is { } key)
            _setKey.Run(key.ToArray());

        if (changes.Anchors is { } anchors)
        {
            _clearAnchors.Run();
            foreach ((int place, PeerAddress anchor) in anchors.Index())
                _addAnchor.Run(place, anchor.ToString());
        }

        long excess = _count.Run() - _settings.MaxPeers;
        if (excess > 0)
            _shrink.Run(now.ToUnixTimeMilliseconds(), _settings.MaxBanned, excess);
    }

    private void Upsert(PeerRecord peer)
    {
        long row = _upsert.Run(
            peer.Id.ToByteArray(),
            peer.PublicKey is { } key && key.Id == peer.Id ? key.Der.ToArray() : null,
            Milliseconds(peer.FirstSeen),
            Milliseconds(peer.LastSeen),
            peer.Reputation,
            Milliseconds(peer.ReputationAt),
            Milliseconds(peer.BanUntil),
            peer.BanCount,
            peer.Alias,
            peer.BytesSent,
            peer.BytesReceived);
        _clearAddresses.Run(row);
        foreach ((int place, StoredAddress address) in peer.Addresses.Index())
        {
            _addAddress.Run(
                row, place, address.Host, address.Port, (int)address.Source, address.SourceGroup, Milliseconds(address.FirstSeen),
                Milliseconds(address.LastTried), Milliseconds(address.LastSuccess), address.Failures);
        }

        _clearHistory.Run(row);
        foreach ((int place, ReputationEvent line) in peer.History.Index())
            _addEvent.Run(row, place, Milliseconds(line.Time), (int)line.Cause, line.Delta, line.Value, line.Count);
    }

    private static long? Milliseconds(DateTimeOffset? time) => time?.ToUnixTimeMilliseconds();

    /// <summary>One prepared statement.</summary>
    private sealed class Statement
    {
        private readonly SqliteCommand _command;

        public Statement(SqliteConnection connection, string sql, params ReadOnlySpan<string> parameters)
        {
            // Disposed by the connection when it is closed.
            _command = connection.CreateCommand();
#pragma warning disable CA2100 // Constants of this file.
            _command.CommandText = sql;
#pragma warning restore CA2100
            foreach (string parameter in parameters)
                _command.Parameters.Add(new SqliteParameter { ParameterName = parameter });
        }

        /// <summary>Runs it with one value for each parameter.</summary>
        /// <returns>The number that it answers; 0 if none.</returns>
        public long Run(params ReadOnlySpan<object?> values)
        {
            for (int i = 0; i < values.Length; i++)
                _command.Parameters[i].Value = values[i] ?? DBNull.Value;

            return _command.ExecuteScalar() is long number ? number : 0;
        }
    }
}
