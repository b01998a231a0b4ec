using Microsoft.Data.Sqlite;

namespace Meshara.Sqlite;

/// <summary>Reads all rows into records. Trusts none: what can be clamped is, by the records; what cannot is left out and counted.</summary>
/// <param name="connection">Within a transaction.</param>
/// <param name="maxPeers">More rows are left out.</param>
internal sealed class PeerReader(SqliteConnection connection, int maxPeers)
{
    // Rows between two looks at the token.
    private const int Stride = 1024;

    private static readonly long LastMillisecond = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();

    private readonly Dictionary<long, List<StoredAddress>> _addresses = [];
    private readonly Dictionary<long, List<ReputationEvent>> _history = [];
    private readonly Dictionary<NodeId, PeerRecord> _peers = [];
    private int _rows, _skipped;

    /// <summary>Reads everything.</summary>
    /// <exception cref="SqliteException">It cannot be read.</exception>
    /// <exception cref="OperationCanceledException">Given up.</exception>
    public PeerStoreContent Read(CancellationToken cancellationToken)
    {
        Each(
            """
            SELECT peer, host, port, source, source_group, first_seen, last_tried, last_success, failures
            FROM addresses WHERE place >= 0 AND place < $places ORDER BY peer, place LIMIT $most
            """,
            PeerRecord.MaxAddresses, maxPeers * PeerRecord.MaxAddresses, ReadAddress, cancellationToken);
        CountLeftOut("SELECT count(*) FROM addresses");
        Each(
            "SELECT peer, time, cause, delta, value, count FROM history WHERE place >= 0 AND place < $places ORDER BY peer, place LIMIT $most",
            PeerRecord.MaxHistory, maxPeers * PeerRecord.MaxHistory, ReadEvent, cancellationToken);
        CountLeftOut("SELECT count(*) FROM history");
        Each(
            """
            SELECT row, id, public_key, first_seen, last_seen, reputation, reputation_at, ban_until, ban_count, alias, bytes_sent, bytes_received
            FROM peers ORDER BY row LIMIT $most
            """,
            places: 0, maxPeers, ReadPeer, cancellationToken);
        CountLeftOut("SELECT count(*) FROM peers");

        List<PeerAddress> anchors = [];
        Each(
            "SELECT address FROM anchors WHERE place >= 0 AND place < $places ORDER BY place LIMIT $most",
            PeerStoreContent.MaxAnchors, PeerStoreContent.MaxAnchors, row => ReadAnchor(row, anchors), cancellationToken);
        CountLeftOut("SELECT count(*) FROM anchors");
        byte[]? key = null;
        Each("SELECT value FROM settings WHERE name = 'table_key' LIMIT $most", places: 0, most: 1, row => key = ReadKey(row), cancellationToken);

        // Rows of no peer.
        _skipped += _addresses.Values.Sum(list => list.Count) + _history.Values.Sum(list => list.Count);
        return new PeerStoreContent { Peers = [.. _peers.Values], TableKey = key, Anchors = anchors, Skipped = _skipped };
    }

    private void Each(string sql, int places, int most, Action<SqliteDataReader> take, CancellationToken cancellationToken)
    {
        using SqliteCommand command = Command(sql);
        command.Parameters.Add("$places", SqliteType.Integer).Value = places;
        command.Parameters.Add("$most", SqliteType.Integer).Value = most;
        using SqliteDataReader row = command.ExecuteReader();
        for (_rows = 0; row.Read(); _rows++)
        {
            if (_rows % Stride == 0)
                cancellationToken.ThrowIfCancellationRequested();

            take(row);
        }
    }

    // Rows beyond a bound, which the query before did not give.
    private void CountLeftOut(string countAll)
    {
        using SqliteCommand count = Command(countAll);
        _skipped += (int)Math.Min(int.MaxValue / 8, (long)count.ExecuteScalar()! - _rows);
    }

    private SqliteCommand Command(string sql)
    {
        SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Constants of this file.
        command.CommandText = sql;
#pragma warning restore CA2100
        return command;
    }

    private void ReadPeer(SqliteDataReader row)
    {
        long number = Number(row, 0);
        _addresses.Remove(number, out List<StoredAddress>? addresses);
        _history.Remove(number, out List<ReputationEvent>? history);
        if (row.GetValue(1) is not byte[] { Length: NodeId.Size } idBytes || _peers.ContainsKey(NodeId.FromBytes(idBytes)))
        {
            _skipped++;
            return;
        }

        NodeId id = NodeId.FromBytes(idBytes);
        _peers.Add(id, new PeerRecord
        {
            Id = id,
            PublicKey = ReadPublicKey(row, id),
            Addresses = addresses ?? [],
            FirstSeen = Time(row, 3) ?? default,
            LastSeen = Time(row, 4) ?? default,
            Reputation = Real(row, 5),
            ReputationAt = Time(row, 6) ?? default,
            BanUntil = Time(row, 7),
            BanCount = Count(row, 8),
            Alias = row.IsDBNull(9) ? null : row.GetString(9),
            BytesSent = Number(row, 10),
            BytesReceived = Number(row, 11),
            History = history ?? [],
        });
    }

    private PublicKey? ReadPublicKey(SqliteDataReader row, NodeId id)
    {
        if (row.IsDBNull(2))
            return null;

        // The hash first: it costs little, and what does not hash to the id need not be looked at.
        if (row.GetValue(2) is byte[] der && NodeId.FromPublicKey(der) == id && PublicKey.TryFromDer(der, out PublicKey? key))
            return key;

        _skipped++;
        return null;
    }

    private void ReadAddress(SqliteDataReader row)
    {
        try
        {
            Add(_addresses, Number(row, 0), new StoredAddress(row.IsDBNull(1) ? "" : row.GetString(1), Count(row, 2))
            {
                Source = (AddressSource)Count(row, 3),
                SourceGroup = row.IsDBNull(4) ? "" : row.GetString(4),
                FirstSeen = Time(row, 5) ?? default,
                LastTried = Time(row, 6),
                LastSuccess = Time(row, 7),
                Failures = Count(row, 8),
            });
        }
        catch (ArgumentException)
        {
            // Not a host, or not a port.
            _skipped++;
        }
    }

    private void ReadEvent(SqliteDataReader row)
    {
        ReputationCause cause = (ReputationCause)Count(row, 2);
        if (!Enum.IsDefined(cause))
        {
            _skipped++;
            return;
        }

        Add(_history, Number(row, 0), new ReputationEvent
        {
            Time = Time(row, 1) ?? default,
            Cause = cause,
            Delta = Real(row, 3),
            Value = Real(row, 4),
            Count = Count(row, 5),
        });
    }

    private void ReadAnchor(SqliteDataReader row, List<PeerAddress> anchors)
    {
        if (!row.IsDBNull(0) && PeerAddress.TryParse(row.GetString(0), out PeerAddress? address))
            anchors.Add(address);
        else
            _skipped++;
    }

    private byte[]? ReadKey(SqliteDataReader row)
    {
        if (row.GetValue(0) is byte[] { Length: PeerStoreContent.TableKeySize } key)
            return key;

        _skipped++;
        return null;
    }

    private static void Add<T>(Dictionary<long, List<T>> lists, long peer, T item)
    {
        if (lists.TryGetValue(peer, out List<T>? list))
            list.Add(item);
        else
            lists.Add(peer, [item]);
    }

    // SQLite columns have no fixed type: text where a number should be reads as 0, a null would throw.
    private static long Number(SqliteDataReader row, int column) => row.IsDBNull(column) ? 0 : row.GetInt64(column);

    private static double Real(SqliteDataReader row, int column) => row.IsDBNull(column) ? 0 : row.GetDouble(column);

    private static int Count(SqliteDataReader row, int column) => (int)Math.Clamp(Number(row, column), int.MinValue, int.MaxValue);

    private static DateTimeOffset? Time(SqliteDataReader row, int column) =>
        row.IsDBNull(column) ? null : DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(row.GetInt64(column), 0, LastMillisecond));
}
