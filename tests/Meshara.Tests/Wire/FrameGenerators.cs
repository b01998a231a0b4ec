using FsCheck;
using FsCheck.Fluent;
using Meshara.Wire;

namespace Meshara.Tests.Wire;

/// <summary>Random frames and fields that a sender may send.</summary>
internal static class FrameGenerators
{
    // Each length of a varint and its edges as often as the other.
    public static readonly Gen<ulong> Number =
        from bits in Gen.Choose(0, 62)
        from high in Gen.Choose(0, int.MaxValue)
        from low in Gen.Choose(0, int.MaxValue)
        from edge in Gen.Elements(0UL, 0UL, 0UL, 1UL, 2UL)
        let max = (1UL << bits) - 1
        select edge switch { 1 => max, 2 => Math.Min(max + 1, Varint.Max), _ => (((ulong)high << 31) | (uint)low) & max };

    public static readonly Gen<byte[]> Bytes =
        from size in Gen.Choose(0, 300)
        from bytes in Gen.ArrayOf(Gen.Choose(0, 255).Select(i => (byte)i), size)
        select bytes;

    /// <summary>A frame as one of our Write methods writes it, and what it must decode to.</summary>
    public static readonly Gen<(byte[] Frame, Decoded Expected)> Frame = Gen.OneOf(
        Hellos().Select(h => Written(b => ControlFrames.WriteHello(b, h), CodecDecoder.Show(h))),
        Refuses().Select(r => Written(b => ControlFrames.WriteRefuse(b, r), CodecDecoder.Show(r))),
        Goodbyes().Select(g => Written(b => ControlFrames.WriteGoodbye(b, g), CodecDecoder.Show(g))),
        Text(256).Select(m => new Notice { Code = NoticeCode.IdentityInUse, Message = m }).Select(n => Written(b => ControlFrames.WriteNotice(b, n), CodecDecoder.Show(n))),
        ArrayOfBytes(32).Select(p => Written(b => ControlFrames.WriteProof(b, p), Accept("PROOF", ("proof", Convert.ToHexStringLower(p))))),
        Bytes.Select(r => Written(b => ControlFrames.WriteReady(b, r), Accept("READY"))),
        Gen.Constant(0).Select(_ => Written(ControlFrames.WriteDone, Accept("DONE"))),
        Number.Select(n => Written(b => ControlFrames.WritePing(b, n), Accept("PING", ("opaque", $"{n:x16}")))),
        Number.Select(n => Written(b => ControlFrames.WritePong(b, ~n), Accept("PONG", ("opaque", $"{~n:x16}")))),
        Number.Select(n => Written(b => StreamFrames.WriteMaxStreams(b, (long)n), Accept("MAX_STREAMS", ("count", $"{n}")))),
        Pair("RESET", "code", StreamFrames.WriteReset),
        Pair("STOP_SENDING", "code", StreamFrames.WriteStopSending),
        Pair("ACK", "code", StreamFrames.WriteAck),
        Pair("WINDOW", "increment", (b, id, n) => StreamFrames.WriteWindow(b, id, Math.Max(1, n)), least: 1),
        Opens(),
        Datas());

    /// <summary>Text of at most so many bytes in UTF-8: all planes, no controls, no surrogates.</summary>
    public static Gen<string> Text(int maxBytes, int minBytes = 0)
    {
        Gen<int> point = Gen.OneOf(Gen.Choose(0x20, 0x7E), Gen.Choose(0xA0, 0x7FF), Gen.Choose(0x800, 0xD7FF), Gen.Choose(0xE000, 0xFFFF), Gen.Choose(0x10000, 0x10FFFF));
        return from size in Gen.Choose(minBytes, maxBytes)
               from points in Gen.ArrayOf(point, size)
               select Cut(points, maxBytes);
    }

    private static string Cut(int[] points, int maxBytes)
    {
        string text = "";
        int bytes = 0;
        foreach (int point in points)
        {
            bytes += new System.Text.Rune(point).Utf8SequenceLength;
            if (bytes > maxBytes)
                break;

            text += char.ConvertFromUtf32(point);
        }

        return text;
    }

    private static Gen<byte[]> ArrayOfBytes(int size) => Gen.ArrayOf(Gen.Choose(0, 255).Select(i => (byte)i), size);

    private static Gen<TimeSpan?> Wait() =>
        Gen.OneOf(Gen.Constant((TimeSpan?)null), Gen.Choose(1, int.MaxValue).Select(ms => (TimeSpan?)TimeSpan.FromMilliseconds(ms)));

    private static Gen<Hello> Hellos() =>
        from versions in Gen.Choose(1, 65535).Two()
        from ids in ArrayOfBytes(32).Two()
        from expects in Gen.Elements(false, true)
        from random in ArrayOfBytes(48)
        from purpose in Gen.Choose(0, 255)
        from features in Number
        from mesh in Text(64, 1).Where(m => m.Length > 0)
        from agent in Text(128)
        from count in Gen.Choose(0, 8)
        from addresses in Gen.ArrayOf(Text(300), count)
        from message in Gen.Choose(1024, 1 << 30)
        from window in Gen.Choose(4096, 1 << 30)
        from streams in Gen.Choose(16, 1 << 20)
        select new Hello
        {
            MinVersion = (ushort)Math.Min(versions.Item1, versions.Item2),
            MaxVersion = (ushort)Math.Max(versions.Item1, versions.Item2),
            Id = NodeId.FromBytes(ids.Item1),
            ExpectedId = expects ? NodeId.FromBytes(ids.Item2) : null,
            Instance = Bits128.Read(random),
            Nonce = random[16..],
            Purpose = (HelloPurpose)purpose,
            Features = features,
            Mesh = mesh,
            Agent = agent,
            Addresses = addresses,
            MaxMessage = message,
            InitialWindow = window,
            MaxStreams = streams,
        };

    private static Gen<Refuse> Refuses() =>
        from code in Gen.Choose(0, 10)
        from wait in Wait()
        from limit in Text(64)
        from value in Number
        from message in Text(256)
        from count in Gen.Choose(0, Refuse.MaxRecords)
        from records in Gen.ArrayOf(Bytes, count)
        select new Refuse { Code = (RefuseCode)code, RetryAfter = wait, Limit = limit, Value = (long)value, Message = message, Records = [.. records.Select(r => (ReadOnlyMemory<byte>)r)] };

    private static Gen<Goodbye> Goodbyes() =>
        from code in Gen.Choose(0, 8)
        from wait in Wait()
        from message in Text(256)
        select new Goodbye { Code = (GoodbyeCode)code, RetryAfter = wait, Message = message };

    private static Gen<(byte[] Frame, Decoded Expected)> Opens() =>
        from id in Number
        from kind in Gen.Choose(0, 2)
        from protocol in Text(128, 1).Where(p => p.Length > 0)
        select Written(
            b => StreamFrames.WriteOpen(b, id, (StreamKind)kind, protocol),
            Accept("OPEN", ("id", $"{id}"), ("kind", $"{kind}"), ("protocol", protocol), ("critical", "false")));

    private static Gen<(byte[] Frame, Decoded Expected)> Datas() =>
        from id in Number
        from body in Gen.OneOf(Bytes, Gen.Constant(Array.Empty<byte>()), Gen.Constant(new byte[StreamFrames.MaxDataBody]))
        from flags in Gen.Elements(0, 1, 2, 3, 5, 7).Where(f => f != 0 || body.Length > 0)
        select Written(
            b => StreamFrames.WriteData(b, (FrameFlags)flags, id, body),
            Accept(
                "DATA",
                ("id", $"{id}"),
                ("body", Convert.ToHexStringLower(body)),
                ("flags", Decoded.List(new[] { (1, "EOM"), (2, "FIN"), (4, "ACK") }.Where(f => (flags & f.Item1) != 0).Select(f => f.Item2))),
                ("cost", body.Length == 0 && flags == 2 ? "0" : $"{body.Length + 32}")));

    private delegate int PairWriter(Span<byte> destination, ulong id, long value);

    private static Gen<(byte[] Frame, Decoded Expected)> Pair(string type, string field, PairWriter write, ulong least = 0) =>
        from id in Number
        from value in Number
        select Written(b => write(b, id, (long)value), Accept(type, ("id", $"{id}"), (field, $"{Math.Max(value, least)}")));

    private static Decoded Accept(string type, params (string Name, string Value)[] fields) =>
        new("accept", type, fields.ToDictionary(f => f.Name, f => f.Value));

    private delegate int FrameWriter(Span<byte> destination);

    private static (byte[] Frame, Decoded Expected) Written(FrameWriter write, Decoded expected)
    {
        byte[] buffer = new byte[FrameCodec.HeaderSize + FrameCodec.MaxPayload];
        return (buffer[..write(buffer)], expected);
    }
}
