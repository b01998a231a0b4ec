using FsCheck;
using FsCheck.Fluent;
using Meshara.Mdns.Wire;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Mdns.Tests.Wire;

/// <summary>A million packets: each of 10,000 messages as it is written, and changed 99 times.</summary>
public sealed class DnsPropertyTests
{
    private const int Messages = 10_000;
    private const int ChangesEach = 99;

    [Fact]
    public void WriteAndRead_MillionPackets_RoundTripAndNeverThrow()
    {
        // Seeded: the same packets in every run.
        Random random = new(6762);
        long read = 0;
        long inputs = 0;
        byte[] other = RealPackets.TenServices();
        Prop.ForAll(Arb.From(DnsGenerators.Message), message =>
        {
            byte[] packet = DnsGenerators.Write(message);
            Assert.True(DnsReader.TryRead(packet, out DnsMessage? again));
            Assert.Equal(DnsGenerators.Show(message), DnsGenerators.Show(again));
            inputs++;
            for (int i = 0; i < ChangesEach; i++, inputs++)
                read += ReadChanged(Change(packet, other, random)) ? 1 : 0;
            other = packet;
        }).Check(Seeded.With(6762).WithMaxTest(Messages).WithEndSize(40));

        Assert.Equal(1_000_000, inputs);

        // The changes are neither so wild that all are refused at once nor so tame that none is.
        Assert.InRange(read, inputs / 20, inputs * 19 / 20);
    }

    // What is accepted, however it came about, is written and read as the same again.
    private static bool ReadChanged(byte[] packet)
    {
        if (!DnsReader.TryRead(packet, out DnsMessage? message))
            return false;
        byte[] rewritten = DnsGenerators.Write(message);

        // Expanded names of other types are not compressed again.
        if (rewritten.Length > DnsReader.MaxPacket)
            return true;
        Assert.True(DnsReader.TryRead(rewritten, out DnsMessage? again));
        Assert.Equal(message.Questions, again.Questions);
        AssertSame(message.Answers, again.Answers);
        AssertSame(message.Authorities, again.Authorities);
        AssertSame(message.Additionals, again.Additionals);
        foreach (DnsRecord record in message.Answers)
        {
            if (record.Data is TextData text)
                Assert.InRange(text.ToTxtRecord().Keys.Count, 0, packet.Length);
        }

        return true;
    }

    private static void AssertSame(DnsRecord[] expected, DnsRecord[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(expected[i].SameAs(actual[i]) && expected[i].Ttl == actual[i].Ttl && expected[i].CacheFlush == actual[i].CacheFlush);
    }

    private static byte[] Change(byte[] packet, byte[] other, Random random)
    {
        byte[] changed = [.. packet];
        for (int i = random.Next(3); i >= 0; i--)
        {
            int at = random.Next(changed.Length);
            switch (random.Next(6))
            {
                case 0:
                    changed[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    changed[at] = (byte)random.Next(256);
                    break;
                case 2 when at + 1 < changed.Length:
                    int target = random.Next(changed.Length);
                    (changed[at], changed[at + 1]) = ((byte)(0xC0 | (target >> 8)), (byte)target);
                    break;
                case 3 when changed.Length > 13:
                    changed = changed[..random.Next(12, changed.Length)];
                    break;
                case 4:
                    changed = [.. changed[..at], .. changed.AsSpan(Math.Min(at + 1, changed.Length))];
                    changed = changed.Length == 0 ? [0] : changed;
                    break;
                default:
                    int length = Math.Min(random.Next(1, 40), Math.Min(other.Length, changed.Length - at));
                    other.AsSpan(random.Next(other.Length - length + 1), length).CopyTo(changed.AsSpan(at));
                    break;
            }
        }

        return changed;
    }
}
