using FsCheck;
using FsCheck.Fluent;
using Meshara.Tests.Support;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Wire;

public sealed class CodecProperties
{
    private static readonly Config Config = Seeded.Config.WithMaxTest(1000);
    private static readonly FrameType[] Types = Enum.GetValues<FrameType>();

    [Fact]
    public void Varint_AnyValue_RoundTripsInShortestForm() =>
        Prop.ForAll(FrameGenerators.Number.ToArbitrary(), value =>
        {
            byte[] bytes = new byte[Varint.MaxLength];
            int written = Varint.Write(bytes, value);
            bool shortest = written == 1 || value >= 1UL << ((4 * written) - 2);
            return shortest && Varint.TryRead(bytes.AsSpan(0, written), out ulong read, out int used) && read == value && used == written;
        }).Check(Config);

    [Fact]
    public void Varint_LongerFormThanNeeded_Violation() =>
        Prop.ForAll(FrameGenerators.Number.ToArbitrary(), Gen.Choose(1, 3).ToArbitrary(), (value, form) =>
        {
            // The value in 1 << form bytes, the form's number in the two high bits.
            int length = 1 << form;
            if (length <= Varint.Length(value))
                return true;

            byte[] bytes = new byte[8];
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(bytes, value << (64 - (8 * length)));
            bytes[0] |= (byte)(form << 6);
            return Varint.TryRead(bytes, out ulong read, out int used) && read == value && used == length
                && Outcome(() => new WireReader(bytes).ReadVarint()) == "violation";
        }).Check(Config);

    [Fact]
    public void Frame_AnyThatWeWrite_BothDecodersReadIt() =>
        Prop.ForAll(FrameGenerators.Frame.ToArbitrary(), written =>
        {
            foreach (string stage in Stages(written.Frame))
            {
                Decoded ours = CodecDecoder.Decode(written.Frame, stage), theirs = IndependentDecoder.Decode(written.Frame, stage);
                Assert.True(written.Expected.Agrees(ours), $"ours: {ours}");
                Assert.True(written.Expected.Agrees(theirs), $"independent: {theirs}");
            }
        }).Check(Config.WithMaxTest(3000));

    [Fact]
    public void Frame_OneByteChanged_BothDecodersAgree() =>
        Prop.ForAll(FrameGenerators.Frame.ToArbitrary(), Gen.Choose(0, int.MaxValue).Two().ToArbitrary(), (written, where) =>
        {
            byte[] changed = [.. written.Frame];
            int at = where.Item1 % Math.Min(changed.Length, 400);
            changed[at] ^= (byte)(1 + (where.Item2 % 255));
            foreach (string stage in new[] { "first", "handshake", "link" })
                AssertAgree(changed, stage);
        }).Check(Config.WithMaxTest(3000));

    [Fact]
    public void Header_ArbitraryBytes_WireExceptionOrBothAgree() =>
        Prop.ForAll(FrameGenerators.Bytes.ToArbitrary(), bytes =>
        {
            foreach (string stage in new[] { "first", "handshake", "link" })
                AssertAgree(bytes, stage);
        }).Check(Config);

    [Fact]
    public void Payload_ArbitraryBytesOfEveryType_NothingButWireException() =>
        Prop.ForAll(FrameGenerators.Bytes.ToArbitrary(), Gen.Elements(Types).ToArbitrary(), Gen.Choose(0, 7).ToArbitrary(), (bytes, type, flags) =>
        {
            byte[] frame = [0, 0, (byte)(bytes.Length >> 8), (byte)bytes.Length, (byte)type, type == FrameType.Data ? (byte)flags : (byte)0, .. bytes];
            AssertAgree(frame, type == FrameType.Hello ? "first" : "link");
        }).Check(Config.WithMaxTest(5000));

    // The spans cannot be overrun; this shows that nothing outside the payload decides anything either.
    [Fact]
    public void Payload_WhateverSurroundsIt_SameResult() =>
        Prop.ForAll(FrameGenerators.Frame.ToArbitrary(), FrameGenerators.Bytes.ToArbitrary(), (written, noise) =>
        {
            byte[] surrounded = [.. noise, .. written.Frame, .. noise];
            string stage = Stages(written.Frame)[0];
            Decoded alone = CodecDecoder.Decode(written.Frame, stage);
            return alone.Agrees(CodecDecoder.Decode(surrounded.AsSpan(noise.Length), stage));
        }).Check(Config);

    [Fact]
    public void WriteText_AnyString_FitsAndIsAccepted() =>
        Prop.ForAll(ArbMap.Default.ArbFor<string>(), Gen.Choose(0, 300).ToArbitrary(), (text, max) =>
        {
            byte[] bytes = new byte[max + 8];
            WireWriter writer = new(bytes);
            writer.WriteText(text ?? "", max);
            WireReader reader = new(bytes.AsSpan(0, writer.Written));
            string read = reader.ReadString(max);
            reader.End();

            // What is good as it is and fits goes through unchanged.
            bool good = (text ?? "").EnumerateRunes().All(r => !System.Text.Rune.IsControl(r) && r != System.Text.Rune.ReplacementChar);
            return !good || System.Text.Encoding.UTF8.GetByteCount(text ?? "") > max || read == (text ?? "");
        }).Check(Config);

    [Fact]
    public void WriteString_AnyString_WhatItAcceptsTheReaderAccepts() =>
        Prop.ForAll(ArbMap.Default.ArbFor<string>(), text =>
        {
            byte[] bytes = new byte[4096];
            WireWriter writer = new(bytes);
            try
            {
                writer.WriteString(text ?? "", 200);
            }
            catch (ArgumentException)
            {
                return true;
            }

            return new WireReader(bytes.AsSpan(0, writer.Written)).ReadString(200) == (text ?? "");
        }).Check(Config);

    private static string[] Stages(byte[] frame) => (FrameType)frame[4] switch
    {
        FrameType.Hello => ["first"],
        FrameType.Proof or FrameType.Ready or FrameType.Refuse => ["handshake"],
        FrameType.Goodbye => ["handshake", "link"],
        _ => ["link"],
    };

    private static void AssertAgree(byte[] bytes, string stage)
    {
        Decoded ours = CodecDecoder.Decode(bytes, stage), theirs = IndependentDecoder.Decode(bytes, stage);
        Assert.True(theirs.Agrees(ours), $"{Convert.ToHexStringLower(bytes)} at {stage}\n  ours        {ours}\n  independent {theirs}");
    }

    private static string Outcome(Action parse)
    {
        try
        {
            parse();
            return "accept";
        }
        catch (WireException e)
        {
            return e.IsViolation ? "violation" : "close";
        }
    }
}
