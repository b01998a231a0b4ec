using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Meshara.Sqlite;
using Microsoft.Data.Sqlite;

namespace Meshara.Fuzz;

/// <summary>The rows of a peer store, as somebody may have left them: any value in any column. A finding is: any exception but SQLite's own, a record out of its ranges, or one that is not read as it was written.</summary>
internal static class StoreTargets
{
    private static readonly (string Name, string[] Columns)[] Tables =
    [
        ("peers", ["row", "id", "public_key", "first_seen", "last_seen", "reputation", "reputation_at", "ban_until", "ban_count", "alias", "bytes_sent", "bytes_received"]),
        ("addresses", ["peer", "place", "host", "port", "source", "source_group", "first_seen", "last_tried", "last_success", "failures"]),
        ("history", ["peer", "place", "time", "cause", "delta", "value", "count"]),
        ("anchors", ["place", "address"]),
        ("settings", ["name", "value"]),
    ];

    // Without the types and rules of the real ones: whoever can change the file can leave them out.
    private static readonly SqliteConnection Loose = Open([.. Tables.Select(static t => $"CREATE TABLE {t.Name} ({string.Join(", ", t.Columns)})")]);
    private static readonly SqliteConnection Strict = Open(Schema.Steps);
    private static readonly PeerWriter Writer = new(Strict, new StoreSettings());
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch.AddYears(56);
    private static readonly SqliteCommand[] Inserts = [.. Tables.Select(Insert)], Clears = [.. Tables.SelectMany(static t => (SqliteCommand[])[Clear(Loose, t.Name), Clear(Strict, t.Name)])];

    /// <summary>Rows of a sound store, and of one that was damaged.</summary>
    public static FuzzTarget StoreRow { get; } = new("store-row", Seeds(), Run);

    private static SqliteConnection Open(IReadOnlyList<string> steps)
    {
        SQLitePCL.Batteries_V2.Init();
        SqliteConnection connection = new("Data Source=:memory:");
        connection.Open();
        foreach (string step in steps)
            Command(connection, step).ExecuteNonQuery();
        return connection;
    }

    private static SqliteCommand Insert((string Name, string[] Columns) table)
    {
        SqliteCommand command = Command(Loose, $"INSERT INTO {table.Name} VALUES ({string.Join(", ", table.Columns.Select(static c => "$" + c))})");
        foreach (string column in table.Columns)
            command.Parameters.AddWithValue("$" + column, DBNull.Value);
        return command;
    }

    private static SqliteCommand Clear(SqliteConnection connection, string table) => Command(connection, $"DELETE FROM {table}");

    private static SqliteCommand Command(SqliteConnection connection, string sql)
    {
        SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Constants of this file and of the store.
        command.CommandText = sql;
#pragma warning restore CA2100
        return command;
    }

    private static byte[][] Seeds()
    {
        byte[] id = [.. Enumerable.Repeat((byte)7, NodeId.Size)];
        byte[] peer = Row(0, 1L, id, null, 1000L, 2000L, 1.5, 2000L, null, 0L, "alice", 10L, 20L);
        return
        [
            peer,
            [.. peer, .. Row(1, 1L, 0L, "10.0.0.1", 4040L, 1L, "10.0", 5L, 6L, null, 2L), .. Row(1, 1L, 1L, "fe80::1%eth0", 65535L, 0L, "", 0L, null, null, 0L)],
            [.. peer, .. Row(2, 1L, 0L, 5L, 1L, -1.0, 3.5, 2L), .. Row(2, 1L, 1L, 6L, 99L, double.PositiveInfinity, double.NaN, -1L)],
            [.. Row(3, 0L, "host.example:4040"), .. Row(3, 1L, "not an address"), .. Row(4, "table_key", new byte[32])],
            [.. Row(0, 1L, id, new byte[91], long.MinValue, long.MaxValue, double.NegativeInfinity, "x", 1e300, 5000000000L, "\u001b[31m", -1L, null), .. Row(1, 1L, 0L, null, 70000L, 99L, null, "x", 1.5, -5L, "z")],
            [.. Row(0, null, "id", 5L, null, null, null, null, null, null, null, null, null), .. Row(4, "table_key", "short")],
        ];
    }

    // A table, then the cells: a tag for the type, then the value.
    private static byte[] Row(byte table, params ReadOnlySpan<object?> cells)
    {
        List<byte> bytes = [table];
        foreach (object? cell in cells)
        {
            bytes.AddRange(cell switch
            {
                null => [0],
                long number => [1, .. Bytes(number)],
                double number => [2, .. Bytes(BitConverter.DoubleToInt64Bits(number))],
                string text => [3, (byte)Encoding.UTF8.GetByteCount(text), .. Encoding.UTF8.GetBytes(text)],
                _ => [4, (byte)((byte[])cell).Length, .. (byte[])cell],
            });
        }

        return [.. bytes];
    }

    private static byte[] Bytes(long number)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(bytes, number);
        return bytes;
    }

    private static object Cell(ref ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
            return DBNull.Value;
        int tag = input[0] % 5;
        input = input[1..];
        switch (tag)
        {
            case 1 or 2 when input.Length >= 8:
                long number = BinaryPrimitives.ReadInt64BigEndian(input);
                input = input[8..];
                return tag == 1 ? number : BitConverter.Int64BitsToDouble(number);
            case 3 or 4 when input.Length > 0:
                int length = Math.Min(input[0], input.Length - 1);
                ReadOnlySpan<byte> bytes = input.Slice(1, length);
                input = input[(1 + length)..];
                return tag == 3 ? Encoding.UTF8.GetString(bytes) : bytes.ToArray();
            default:
                return DBNull.Value;
        }
    }

    private static long Run(byte[] input)
    {
        // Without transactions: what ends in the middle leaves none open.
        foreach (SqliteCommand clear in Clears)
            clear.ExecuteNonQuery();
        ReadOnlySpan<byte> rest = input;
        for (int rows = 0; !rest.IsEmpty && rows < 64; rows++)
        {
            SqliteCommand insert = Inserts[rest[0] % Tables.Length];
            rest = rest[1..];
            foreach (SqliteParameter parameter in insert.Parameters)
            {
                object cell = Cell(ref rest);

                // SQLite keeps a NaN as null, and this driver refuses to ask it.
                parameter.Value = cell is double.NaN ? DBNull.Value : cell;
            }

            insert.ExecuteNonQuery();
        }

        PeerStoreContent content = new PeerReader(Loose, PeerStoreContent.MaxPeers).Read(CancellationToken.None);
        return Check(content);
    }

    private static long Check(PeerStoreContent content)
    {
        if (content.Skipped < 0 || content.Anchors.Count > PeerStoreContent.MaxAnchors)
            throw new FindingException($"{content.Skipped} rows are left out, {content.Anchors.Count} anchors read.");
        foreach (PeerRecord peer in content.Peers)
            Check(peer);

        // What was read can be written, and read again.
        Writer.Write(new PeerStoreChanges { Upserted = content.Peers, TableKey = content.TableKey, Anchors = content.Anchors }, Now);
        PeerStoreContent again = new PeerReader(Strict, PeerStoreContent.MaxPeers).Read(CancellationToken.None);
        if (again.Skipped != 0 || !again.Peers.OrderBy(static p => p.Id.ToString()).SequenceEqual(content.Peers.OrderBy(static p => p.Id.ToString())) || !again.Anchors.SequenceEqual(content.Anchors))
            throw new FindingException("What was read is not read again as it was written.");
        return Verdict.With(Verdict.Of(string.Join('\n', content.Peers.Select(static p => p.ToString()).Order(StringComparer.Ordinal))), content.Skipped);
    }

    private static void Check(PeerRecord peer)
    {
        bool isRight = peer.Addresses.Count <= PeerRecord.MaxAddresses
            && peer.History.Count <= PeerRecord.MaxHistory
            && peer.Reputation is >= PeerRecord.MinReputation and <= PeerRecord.MaxReputation
            && peer is { BanCount: >= 0, BytesSent: >= 0, BytesReceived: >= 0 }
            && peer.FirstSeen >= DateTimeOffset.UnixEpoch
            && (peer.PublicKey is not { } key || key.Id == peer.Id)
            && (peer.Alias is not { } alias || (alias.Length <= PeerRecord.MaxAlias && !alias.Any(char.IsControl)))
            && peer.History.All(static e => double.IsFinite(e.Delta) && double.IsFinite(e.Value) && e.Count >= 0)
            && peer.Addresses.All(static a => a is { Port: > 0 and <= 65535, Failures: >= 0, SourceGroup.Length: <= StoredAddress.MaxSourceGroup } && !a.SourceGroup.Any(char.IsControl));
        if (!isRight)
            throw new FindingException(string.Create(CultureInfo.InvariantCulture, $"A record out of its ranges: {peer}"));
    }
}
