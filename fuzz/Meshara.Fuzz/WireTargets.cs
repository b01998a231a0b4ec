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

            // Frames of a link, one after the other.
            new("stream", [.. vectors.Where(v => v.Stage == "link").Select(v => v.Frame)], ComposeStream, RunStream),

            // The key of a certificate, then the value of its extension.
            new("successor", SuccessorSeeds(), (mutator, all) => mutator.Mutate(mutator.Pick(all), mutator.Pick(all)), RunSuccessor),

            new("record", RecordSeeds(), (mutator, all) => mutator.Mutate(mutator.Pick(all), mutator.Pick(all)), RunRecord),

            // The reply of a peer that was asked for others.
            new("peers", [[0, 0], .. RecordSeeds().Select(static r => PeerLists.WriteReply([r, r], 1 << 16))], (mutator, all) => mutator.Mutate(mutator.Pick(all), mutator.Pick(all)), RunPeers),

            FileTargets.StaticPeers,
            DnsTargets.Dns,
        ];
    }

    private static FuzzTarget Payload(string name, FrameType type, Vector[] vectors)
    {
        byte[][] seeds = [.. vectors.Where(v => v.Frame.Length >= FrameCodec.HeaderSize && v.Frame[4] == (byte)type).Select(v => v.Frame[FrameCodec.HeaderSize..])];
        return new FuzzTarget(name, seeds, (mutator, all) => mutator.Mutate(mutator.Pick(all), mutator.Pick(all)), payload =>
        {
            byte[] frame = [0, 0, 0, 0, (byte)type, 0, .. payload];
            SetLength(frame);
            Check(frame, type == FrameType.Hello ? 0 : 2);
        });
    }

    private static byte[][] SuccessorSeeds()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(VectorFile.Root, "specs", "vectors", "successor.json")));
        return [.. document.RootElement.GetProperty("vectors").EnumerateArray()
            .Select(static v => Convert.FromHexString(v.GetProperty("key").GetString() + v.GetProperty("value").GetString()))];
    }

    // Whatever is taken for a chain is written as it was read, and checking its signatures throws nothing.
    private static void RunSuccessor(byte[] input)
    {
        int split = Math.Min(PublicKey.Size, input.Length);
        NodeId key = NodeId.FromPublicKey(input.AsSpan(0, split));
        if (!SuccessorChain.TryParse(input.AsSpan(split), key, out SuccessorChain? chain))
        {
            return;
        }

        _ = chain.Verify(0);
        if (!chain.ToBytes().AsSpan().SequenceEqual(input.AsSpan(split)))
        {
            throw new FindingException("A chain is not written as it was read.");
        }
    }

    private static byte[][] RecordSeeds()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(VectorFile.Root, "specs", "vectors", "record.json")));
        return [.. document.RootElement.GetProperty("vectors").EnumerateArray()
            .Select(static v => Convert.FromHexString(v.GetProperty("value").GetString()!)).Where(static v => v.Length is > 0 and <= 1024)];
    }

    // Whatever is taken for a record is what was read, and nothing that comes of it throws.
    private static void RunRecord(byte[] input)
    {
        try
        {
            SignedRecord record = SignedRecord.Parse(input);
            _ = record.Verify();
            _ = Net.Records.AddressesOf(record);
            if (!record.Bytes.Span.SequenceEqual(input) || input.Length > SignedRecord.MaxSize)
            {
                throw new FindingException("A record is not what was read.");
            }
        }
        catch (WireException)
        {
            // The one exception a parser may throw.
        }
    }

    private static void RunPeers(byte[] input)
    {
        try
        {
            IReadOnlyList<byte[]> records = PeerLists.ParseReply(input);
            byte[] again = PeerLists.WriteReply([.. records.Select(static r => (ReadOnlyMemory<byte>)r)], int.MaxValue);
            if (records.Count > PeerLists.MaxRecords || PeerLists.ParseReply(again).Count != records.Count)
            {
                throw new FindingException("A list of records is not written as it was read.");
            }
        }
        catch (WireException)
        {
            // As above.
        }
    }

    private static byte[] ComposeFrame(Mutator mutator, IReadOnlyList<byte[]> seeds)
    {
        byte[] seed = mutator.Pick(seeds);
        return [mutator.Below(4) == 0 ? (byte)mutator.Below(3) : seed[0], .. ChangeFrame(mutator, seed[1..], mutator.Pick(seeds)[1..])];
    }

    private static byte[] ComposeStream(Mutator mutator, IReadOnlyList<byte[]> seeds)
    {
        List<byte> bytes = [];
        do
        {
            byte[] seed = mutator.Pick(seeds);
            bytes.AddRange(mutator.Below(2) == 0 ? seed : ChangeFrame(mutator, seed, mutator.Pick(seeds)));
        }
        while (mutator.Below(6) != 0);

        return [.. bytes];
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

    private static void RunFrame(byte[] input)
    {
        if (input.Length > 0)
            Check(input.AsSpan(1), input[0] % Stages.Length);
    }

    private static void RunStream(byte[] input)
    {
        int at = 0;
        Decoded decoded;
        do
        {
            decoded = Check(input.AsSpan(at), 2);
            at += FrameCodec.HeaderSize + (decoded.Outcome is "accept" or "ignore" ? BinaryPrimitives.ReadInt32BigEndian(input.AsSpan(at)) : 0);
        }
        while (decoded.Outcome is "accept" or "ignore");
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
