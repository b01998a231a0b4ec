using System.Net;
using System.Text.Json;
using Meshara.Net;
using Meshara.Security;
using Meshara.Tests.Wire;
using Meshara.Wire;

namespace Meshara.Fuzz;

/// <summary>Signed records, alone and in the reply of peer exchange. A finding is: another exception than WireException, a record that is not what was read, or a book of records that gives what it may not.</summary>
internal static class RecordTargets
{
    private static readonly byte[][] Seeds = ReadSeeds();

    // Of the mesh of the first one, an hour before it expires.
    private static readonly SignedRecord First = SignedRecord.Parse(Seeds[0]);
    private static readonly FixedClock Clock = new(DateTimeOffset.FromUnixTimeMilliseconds((long)First.Expires).AddHours(-1));

    /// <summary>One record.</summary>
    public static FuzzTarget Record { get; } = new("record", Seeds, Compose, Run);

    /// <summary>The reply of a peer that was asked for others.</summary>
    public static FuzzTarget Peers { get; } = new("peers", [[0, 0], .. Seeds.Select(static r => PeerLists.WriteReply([r, r], 1 << 16)), PeerLists.WriteReply([.. Seeds.Select(static r => (ReadOnlyMemory<byte>)r)], 1 << 16)], ComposeList, RunList);

    private static byte[][] ReadSeeds()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(VectorFile.Root, "specs", "vectors", "record.json")));
        return [.. document.RootElement.GetProperty("vectors").EnumerateArray()
            .Select(static v => Convert.FromHexString(v.GetProperty("value").GetString()!)).Where(static v => v.Length is > 0 and <= 1024)];
    }

    // Every other one is signed again, by a key that everybody knows, if it is like a record still: 65 to 72 bytes of signature behind their length.
    private static byte[] Compose(Mutator mutator, byte[] seed, IReadOnlyList<byte[]> all)
    {
        byte[] changed = mutator.Mutate(seed, mutator.Pick(all));
        if (mutator.Below(2) == 0)
            return changed;
        for (int length = 65; length <= 72; length++)
        {
            int end = changed.Length - length - 2;
            if (end < PublicKey.Size || changed[end] != 0x40 || changed[end + 1] != length)
                continue;
            byte[] signed = [.. ToySigner.Key.Der.Span, .. changed.AsSpan(PublicKey.Size, end - PublicKey.Size)];
            byte[] signature = ToySigner.Sign([.. Enumerable.Repeat((byte)0x20, 64), .. "meshara/1 peer record\0"u8, .. signed]);
            return [.. signed, 0x40, (byte)signature.Length, .. signature];
        }

        return changed;
    }

    // Whatever is taken for a record is what was read, and nothing that comes of it throws.
    private static long Run(byte[] input)
    {
        try
        {
            SignedRecord record = SignedRecord.Parse(input);
            bool isSigned = record.Verify();
            int addresses = Net.Records.AddressesOf(record).Count;
            if (!record.Bytes.Span.SequenceEqual(input) || input.Length > SignedRecord.MaxSize)
            {
                throw new FindingException("A record is not what was read.");
            }

            return Verdict.With(addresses, isSigned ? 1 : 2);
        }
        catch (WireException)
        {
            // The one exception a parser may throw.
            return Verdict.Refused;
        }
    }

    // One of the records is changed, goes, or comes from another list; now and then bytes are changed without a look at records.
    private static byte[] ComposeList(Mutator mutator, byte[] seed, IReadOnlyList<byte[]> all)
    {
        if (mutator.Below(4) == 0 || TryParse(seed) is not { } records || TryParse(mutator.Pick(all)) is not { Count: > 0 } others)
            return mutator.Mutate(seed, mutator.Pick(all));
        do
        {
            int at = mutator.Below(records.Count + 1);
            if (at == records.Count || mutator.Below(3) == 0)
                records.Insert(at, mutator.Pick(others));
            else if (mutator.Below(4) == 0)
                records.RemoveAt(at);
            else
                records[at] = Compose(mutator, records[at], others);
        }
        while (mutator.Below(3) != 0);

        return PeerLists.WriteReply([.. records.Where(static r => r.Length <= PeerLists.MaxRecordBytes).Take(PeerLists.MaxRecords).Select(static r => (ReadOnlyMemory<byte>)r)], 1 << 16);
    }

    private static List<byte[]>? TryParse(byte[] list)
    {
        try
        {
            return [.. PeerLists.ParseReply(list)];
        }
        catch (WireException)
        {
            return null;
        }
    }

    private static long RunList(byte[] input)
    {
        if (TryParse(input) is not { } records)
            return Verdict.Refused;
        byte[] again = PeerLists.WriteReply([.. records.Select(static r => (ReadOnlyMemory<byte>)r)], int.MaxValue);
        if (records.Count > PeerLists.MaxRecords || PeerLists.ParseReply(again).Count != records.Count)
            throw new FindingException("A list of records is not written as it was read.");

        // As the node takes them: form, rules, number, signature. Every other one as its owner's own word.
        RecordBook book = new(new byte[32], new NodeClock(Clock));
        long verdict = Verdict.Of(again);
        for (int i = 0; i < records.Count && verdict != Verdict.Refused; i++)
            verdict = Take(book, records[i], fromOwner: i % 2 == 0) is { } taken ? Verdict.With(verdict, taken) : Verdict.Refused;
        Check(book);
        return verdict;
    }

    // Null: it ends the link.
    private static long? Take(RecordBook book, byte[] bytes, bool fromOwner)
    {
        try
        {
            SignedRecord record = SignedRecord.Parse(bytes);
            if (RecordRules.WhyIgnored(record, First.Mesh, Clock.GetUtcNow()) is { } why)
                return Verdict.Of(why);
            if (!book.IsNews(record.Id, record.Sequence, fromOwner))
                return 1;
            if (!record.Verify())
                return null;
            if (fromOwner)
                book.Put(record, IPAddress.Loopback);
            else
                book.Heard(record);
            return 2;
        }
        catch (WireException)
        {
            return null;
        }
    }

    private static void Check(RecordBook book)
    {
        IReadOnlyList<ReadOnlyMemory<byte>> given = book.Choose(int.MaxValue, ToySigner.Key.Id, IPAddress.Loopback);
        if (given.Count > RecordBook.MostGiven || given.Count > book.Count)
            throw new FindingException($"The book gives {given.Count} of {book.Count} records.");
        foreach (ReadOnlyMemory<byte> bytes in given)
        {
            SignedRecord record = SignedRecord.Parse(bytes.Span);
            if (!record.Verify() || record.Mesh != First.Mesh || record.Expires <= RecordRules.Milliseconds(Clock.GetUtcNow()))
                throw new FindingException("The book gives a record that does not count.");
        }
    }

    private sealed class FixedClock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
