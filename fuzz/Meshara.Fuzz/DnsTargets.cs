using Meshara.Mdns;
using Meshara.Mdns.Tests.Wire;
using Meshara.Mdns.Wire;

namespace Meshara.Fuzz;

/// <summary>The reader of multicast DNS. A finding is: any exception, more memory than the packet explains, or a message that does not survive being written and read again.</summary>
internal static class DnsTargets
{
    // Each record is an object with its data and, mostly, a name; the rest follows the packet's size. Ten bytes are the least a record takes.
    private const int BytesAllocatedPerByte = 100;

    /// <summary>Packets of hosts that are on many networks.</summary>
    public static FuzzTarget Dns { get; } = new("dns", [.. RealPackets.Bytes], (mutator, seed, all) => mutator.Below(3) == 0 && seed.Length > 1 ? Point(mutator, seed) : mutator.Mutate(seed, mutator.Pick(all)), Run);

    // Two bytes become a pointer, mostly to where it may well lead.
    private static byte[] Point(Mutator mutator, byte[] seed)
    {
        byte[] changed = [.. seed];
        int at = mutator.Below(changed.Length - 1);
        int target = mutator.Below(mutator.Below(2) == 0 ? at + 2 : changed.Length);
        (changed[at], changed[at + 1]) = ((byte)(0xC0 | (target >> 8)), (byte)target);
        return changed;
    }

    private static long Run(byte[] input)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        bool isRead = DnsReader.TryRead(input, out DnsMessage? message);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        if (allocated > 4096 + ((long)BytesAllocatedPerByte * input.Length))
            throw new FindingException($"{allocated} bytes of memory for a packet of {input.Length}.");
        if (!isRead)
            return Verdict.Refused;
        DnsRecord[] records = [.. message!.Answers, .. message.Authorities, .. message.Additionals];
        if (records.Length > 512 || message.Questions.Length > 256)
            throw new FindingException("More records or questions than the reader is to take.");
        foreach (DnsRecord record in records)
            Look(record);
        return WriteAgain(message, records);
    }

    // What comes after reading: nothing of it may throw either.
    private static void Look(DnsRecord record)
    {
        if (!DnsName.Parse(record.Name.ToString()).Wire.SequenceEqual(record.Name.Wire))
            throw new FindingException($"The name {record.Name} is not read as it is shown.");
        if (record.Data is TextData text)
        {
            TxtRecord txt = text.ToTxtRecord();
            if (txt.Keys.Any(k => !txt.Contains(k)) || txt.ToString().Any(char.IsControl))
                throw new FindingException($"A TXT record contradicts itself: {txt}");
        }

        if (record.CompareRaw(record) != 0 || !record.SameAs(record))
            throw new FindingException($"{record} is not itself.");
    }

    private static long WriteAgain(DnsMessage message, DnsRecord[] records)
    {
        DnsWriter writer = new(60_000);
        bool fits = Array.TrueForAll(message.Questions, q => writer.TryAdd(q)) && Array.TrueForAll(records, r => writer.TryAdd(r, DnsSection.Answer));
        ReadOnlyMemory<byte> packet = writer.Finish(message.Id, message.Flags);

        // Names in the data of other types are kept expanded: such a packet may outgrow what is read.
        if (!fits || packet.Length > DnsReader.MaxPacket)
            return records.Length;
        if (!DnsReader.TryRead(packet.Span, out DnsMessage? again) || !again.Questions.AsSpan().SequenceEqual(message.Questions) || again.Answers.Length != records.Length)
            throw new FindingException("A message is not read as it was written.");
        for (int i = 0; i < records.Length; i++)
        {
            if (!again.Answers[i].SameAs(records[i]) || again.Answers[i].Ttl != records[i].Ttl || again.Answers[i].CacheFlush != records[i].CacheFlush)
                throw new FindingException($"{records[i]} became {again.Answers[i]}.");
        }

        return Verdict.Of(packet.Span);
    }
}
