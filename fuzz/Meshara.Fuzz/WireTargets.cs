using System.Buffers.Binary;
using System.Text.Json;
using Meshara.Security;
using Meshara.Tests.Wire;
using Meshara.Wire;

namespace Meshara.Fuzz;

/// <summary>The parsers of src/Meshara/Wire. A finding is: another exception than WireException, more memory than the input explains, another verdict than the independent decoder's, or a value that does not survive being written and read again.</summary>
internal static class WireTargets
{
    /// <summary>The longest seed taken from the vectors: long ones only make runs slow.</summary>
    private const int MaxSeed = 5000;

    private static readonly string[] Stages = ["first", "handshake", "link"];

    /// <summary>All of them, in the order of <c>all</c>.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } = Create();

    private static FuzzTarget[] Create()
    {
        Vector[] vectors = [.. VectorFile.ReadAll().Where(v => v.Frame.Length <= MaxSeed)];
        return
        [
            // One byte for the stage, then a frame.
            new("frame", [.. vectors.Select(v => (byte[])[(byte)Array.IndexOf(Stages, v.Stage), .. v.Frame])], ComposeFrame, RunFrame),
            Payload("hello", FrameType.Hello, vectors),
            Payload("refuse", FrameType.Refuse, vectors),
            Payload("goodbye", FrameType.Goodbye, vectors),
            Payload("open", FrameType.Open, vectors),

            // Frames of a link, one after the other, to the decoders and then to a real link.
            new("stream", [.. vectors.Where(v => v.Stage == "link").Select(v => v.Frame), .. LinkScript.Seeds()], ComposeStream, RunStream),

            // The key of a certificate, then the value of its extension.
            new("successor", SuccessorSeeds(), RunSuccessor),

            RecordTargets.Record,
            RecordTargets.Peers,

            FileTargets.StaticPeers,
            DnsTargets.Dns,
            MdnsTargets.Mdns,
            CertificateTargets.Certificate,
            AddressTargets.Multiaddr,
        ];
    }

    private static FuzzTarget Payload(string name, FrameType type, Vector[] vectors)
    {
        byte[][] seeds = [.. vectors.Where(v => v.Frame.Length >= FrameCodec.HeaderSize && v.Frame[4] == (byte)type).Select(v => v.Frame[FrameCodec.HeaderSize..])];
        return new FuzzTarget(name, seeds, payload =>
        {
            byte[] frame = [0, 0, 0, 0, (byte)type, 0, .. payload];
            SetLength(frame);
            return Verdict.Of(Check(frame, type == FrameType.Hello ? 0 : 2).ToString());
        });
    }

    private static byte[][] SuccessorSeeds()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(VectorFile.Root, "specs", "vectors", "successor.json")));
        return [.. document.RootElement.GetProperty("vectors").EnumerateArray()
            .Select(static v => Convert.FromHexString(v.GetProperty("key").GetString() + v.GetProperty("value").GetString()))];
    }

    // Whatever is taken for a chain is written as it was read, and checking its signatures throws nothing.
    private static long RunSuccessor(byte[] input)
    {
        int split = Math.Min(PublicKey.Size, input.Length);
        NodeId key = NodeId.FromPublicKey(input.AsSpan(0, split));
        if (!SuccessorChain.TryParse(input.AsSpan(split), key, out SuccessorChain? chain))
        {
            return Verdict.Refused;
        }

        bool isSigned = chain.Verify(0);
        if (!chain.ToBytes().AsSpan().SequenceEqual(input.AsSpan(split)))
        {
            throw new FindingException("A chain is not written as it was read.");
        }

        return Verdict.With(chain.OldIds.Count, isSigned ? 1 : 2);
    }

    private static byte[] ComposeFrame(Mutator mutator, byte[] seed, IReadOnlyList<byte[]> all) =>
        [seed.Length == 0 || mutator.Below(4) == 0 ? (byte)mutator.Below(3) : seed[0], .. ChangeFrame(mutator, [.. seed.Skip(1)], [.. mutator.Pick(all).Skip(1)])];

    // One of the frames is changed, goes, or gets another one beside it; now and then bytes are changed without a look at frames.
    private static byte[] ComposeStream(Mutator mutator, byte[] seed, IReadOnlyList<byte[]> all)
    {
        List<byte[]> frames = Split(seed);
        do
        {
            byte[] other = mutator.Pick(Split(mutator.Pick(all)));
            int at = mutator.Below(frames.Count);
            switch (mutator.Below(4))
            {
                case 0:
                    frames.Insert(mutator.Below(frames.Count + 1), other);
                    break;
                case 1 when frames.Count > 1:
                    frames.RemoveAt(at);
                    break;
                default:
                    frames[at] = ChangeFrame(mutator, frames[at], other);
                    break;
            }
        }
        while (mutator.Below(3) != 0 && frames.Count < 64);

        return [.. frames.SelectMany(static frame => frame)];
    }

    // At least one; the last may be less or more than a frame.
    private static List<byte[]> Split(byte[] stream)
    {
        List<byte[]> frames = [];
        int at = 0;
        while (stream.Length - at >= FrameCodec.HeaderSize && BinaryPrimitives.ReadUInt32BigEndian(stream.AsSpan(at)) is var length && length <= stream.Length - at - FrameCodec.HeaderSize)
        {
            int next = at + FrameCodec.HeaderSize + (int)length;
            frames.Add(stream[at..next]);
            at = next;
        }

        if (at < stream.Length || frames.Count == 0)
            frames.Add(stream[at..]);
        return frames;
    }

    // A wrong length hides the payload from its parser, so it is put right three times out of four.
    private static byte[] ChangeFrame(Mutator mutator, byte[] frame, byte[] other)
    {
        byte[] changed = mutator.Mutate(frame, other);
        if (changed.Length >= FrameCodec.HeaderSize && mutator.Below(4) != 0)
            SetLength(changed);
        return changed;
    }

    private static void SetLength(byte[] frame) => BinaryPrimitives.WriteInt32BigEndian(frame, frame.Length - FrameCodec.HeaderSize);

    private static long RunFrame(byte[] input) => input.Length > 0 ? Verdict.Of(Check(input.AsSpan(1), input[0] % Stages.Length).ToString()) : Verdict.Refused;

    private static long RunStream(byte[] input)
    {
        int at = 0;
        long verdict = 0;
        Decoded decoded;
        LinkScript link = new();
        do
        {
            decoded = Check(input.AsSpan(at), 2);
            if (decoded.Outcome is "accept" or "ignore")
                link.Play(input.AsSpan(at));
            verdict = Verdict.With(verdict, Verdict.Of(decoded.ToString()));
            at += FrameCodec.HeaderSize + (decoded.Outcome is "accept" or "ignore" ? BinaryPrimitives.ReadInt32BigEndian(input.AsSpan(at)) : 0);
        }
        while (decoded.Outcome is "accept" or "ignore");

        return Verdict.With(verdict, link.End());
    }

    private static Decoded Check(ReadOnlySpan<byte> bytes, int stage)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        ParseOnly(bytes, stage);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        if (allocated > (32 << 10) + (4L * bytes.Length))
            throw new FindingException($"{allocated} bytes allocated for {bytes.Length} bytes of input.");

        Decoded ours = CodecDecoder.Decode(bytes, Stages[stage]);
        Decoded theirs = IndependentDecoder.Decode(bytes.ToArray(), Stages[stage]);
        if (!ours.Agrees(theirs))
            throw new FindingException($"The decoders differ.\n  ours        {ours}\n  independent {theirs}");
        if (ours.Outcome == "accept")
            Rewrite(bytes, ours, stage);
        return ours;
    }

    private static void ParseOnly(ReadOnlySpan<byte> bytes, int stage)
    {
        try
        {
            int cap = stage == 0 ? FrameCodec.MaxHelloPayload : stage == 1 ? FrameCodec.MaxHandshakePayload : FrameCodec.MaxPayload;
            if (FrameCodec.TryReadHeader(bytes, cap, out FrameHeader header) && bytes.Length - FrameCodec.HeaderSize >= header.Length)
                WireRewriter.Parse(header, bytes.Slice(FrameCodec.HeaderSize, header.Length));
        }
        catch (WireException)
        {
            // The one exception a parser may throw.
        }
    }

    private static void Rewrite(ReadOnlySpan<byte> bytes, Decoded ours, int stage)
    {
        byte[] buffer = new byte[FrameCodec.HeaderSize + FrameCodec.MaxPayload];
        FrameCodec.TryReadHeader(bytes, FrameCodec.MaxPayload, out FrameHeader header);
        int length = WireRewriter.Rewrite(header, bytes.Slice(FrameCodec.HeaderSize, header.Length), buffer);
        Decoded again = CodecDecoder.Decode(buffer.AsSpan(0, length), Stages[stage]);

        // Extensions that we do not know are read and not written.
        if (again.ToString() != ours.ToString().Replace("critical=true", "critical=false", StringComparison.Ordinal))
            throw new FindingException($"Written again it reads otherwise.\n  first {ours}\n  again {again}");
    }
}
