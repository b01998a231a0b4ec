using System.Globalization;
using System.Text;

namespace Meshara.Sqlite.Writer;

/// <summary>Batches 1, 2, …, and what a store holds after each: every batch touches every table, and half of one is seen.</summary>
internal static class Batches
{
    private const int Steady = 6, Kept = 150;

    /// <summary>Peers that change each time, one that comes, one that goes, a new key and a new anchor.</summary>
    public static PeerStoreChanges Number(long batch) => new()
    {
        Removed = batch > Kept ? [Id("passing", batch - Kept)] : [],
        Upserted = [.. Enumerable.Range(0, Steady).Select(i => Record(Id("steady", i), batch, addresses: 2)), Record(Id("passing", batch), batch, addresses: 1)],
        TableKey = Key(batch),
        Anchors = [Anchor(batch)],
    };

    /// <summary>What differs from what a store holds after this batch; null: nothing.</summary>
    public static string? Difference(PeerStoreContent content, long batch)
    {
        if (batch == 0)
            return content.Peers.Count == 0 && content.TableKey is null && content.Anchors.Count == 0 ? null : "something where nothing was written";

        HashSet<PeerRecord> expected = [.. Number(batch).Upserted];
        for (long passing = Math.Max(1, batch - Kept + 1); passing < batch; passing++)
            expected.Add(Record(Id("passing", passing), passing, addresses: 1));

        return !expected.SetEquals(content.Peers) ? $"peers: {content.Peers.Count(expected.Contains)} of {expected.Count} right, {content.Peers.Count} there"
            : content.TableKey?.Span.SequenceEqual(Key(batch).Span) != true ? "the table key"
            : !content.Anchors.SequenceEqual([Anchor(batch)]) ? "the anchors"
            : content.Skipped != 0 ? $"{content.Skipped} entries skipped"
            : null;
    }

    private static PeerRecord Record(NodeId id, long batch, int addresses)
    {
        DateTimeOffset time = DateTimeOffset.FromUnixTimeMilliseconds(batch);
        return new PeerRecord
        {
            Id = id,
            FirstSeen = DateTimeOffset.UnixEpoch,
            LastSeen = time,
            BytesSent = batch,
            Alias = "peer",
            Addresses = [.. Enumerable.Range(1, addresses).Select(port => new StoredAddress("192.0.2.1", port)
            {
                Source = AddressSource.Hello,
                FirstSeen = DateTimeOffset.UnixEpoch,
                LastTried = time,
                Failures = (int)batch,
            })],
            History = [new ReputationEvent { Time = time, Cause = ReputationCause.Timeout, Delta = -2, Value = -2, Count = (int)batch }],
        };
    }

    private static ReadOnlyMemory<byte> Key(long batch)
    {
        byte[] key = new byte[PeerStoreContent.TableKeySize];
        BitConverter.TryWriteBytes(key, batch);
        return key;
    }

    private static PeerAddress Anchor(long batch) => new("192.0.2.2", 1 + (int)(batch % 60_000), Id("steady", 0));

    private static NodeId Id(string kind, long number) => NodeId.FromPublicKey(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{kind} {number}")));
}
