using System.Numerics;
using System.Text;

namespace Meshara.Tests.Wire;

/// <summary>A second reading of specs/wire-protocol.md that shares no code with src: the frames are tables of layouts, interpreted. It reads like the document and cares for nothing else.</summary>
public sealed class IndependentDecoder
{
    // "name:type" in the order of the document. A type may have a range after '@'.
    private static readonly Dictionary<int, (string Name, string Layout)> Frames = new()
    {
        [0x01] = ("HELLO", "min_version:u16 max_version:u16 #versions id:bytes32 expected_id:blob32@0|32 instance:bytes16 nonce:bytes32 purpose:u8 features:u64 "
            + "mesh:string64@1+ agent:string128 addresses:list8/string300 max_message:varint@1024-1073741824 initial_window:varint@4096-1073741824 max_streams:varint@16-1048576 critical:extensions"),
        [0x02] = ("PROOF", "proof:bytes32"),
        [0x03] = ("READY", "critical:extensions"),
        [0x04] = ("REFUSE", "code:varint retry_after:varint limit:string64 value:varint message:string256 records:list8/blob1024"),
        [0x05] = ("PING", "opaque:bytes8"),
        [0x06] = ("PONG", "opaque:bytes8"),
        [0x07] = ("GOODBYE", "code:varint retry_after:varint message:string256"),
        [0x08] = ("DONE", ""),
        [0x10] = ("OPEN", "id:varint kind:u8 protocol:string128@1+ critical:extensions"),
        [0x11] = ("DATA", "id:varint body:rest"),
        [0x12] = ("RESET", "id:varint code:varint"),
        [0x13] = ("STOP_SENDING", "id:varint code:varint"),
        [0x14] = ("WINDOW", "id:varint increment:varint@1-4611686018427387903"),
        [0x15] = ("MAX_STREAMS", "count:varint"),
        [0x16] = ("ACK", "id:varint code:varint"),
        [0x81] = ("NOTICE", "code:varint message:string256"),
    };

    private readonly byte[] _bytes;
    private readonly int _end;
    private int _at;

    private IndependentDecoder(byte[] bytes, int start, int end) => (_bytes, _at, _end) = (bytes, start, end);

    /// <summary>Decodes the first frame of <paramref name="bytes"/>; the stages and outcomes are those of specs/vectors/README.md.</summary>
    public static Decoded Decode(byte[] bytes, string stage)
    {
        if (bytes.Length < 6)
            return new Decoded("incomplete");

        BigInteger length = Number(bytes, 0, 4);
        int type = bytes[4], flags = bytes[5];
        int cap = stage == "first" ? 4096 : stage == "handshake" ? 16384 : 65536;
        bool known = Frames.ContainsKey(type);
        bool fault = length > cap
            || (stage == "first" && type != 1)
            || (!known && type < 128)
            || (known && flags > (type == 0x11 ? 7 : 0));
        if (fault)
            return new Decoded("violation");
        if (length > bytes.Length - 6)
            return new Decoded("incomplete");
        if (!known)
            return new Decoded("ignore");

        try
        {
            return new IndependentDecoder(bytes, 6, 6 + (int)length).Payload(type, flags);
        }
        catch (Fault fault2)
        {
            return new Decoded(fault2.Outcome);
        }
    }

    private Decoded Payload(int type, int flags)
    {
        (string name, string layout) = Frames[type];

        // "The whole payload keeps to 4096 bytes", also where a later frame may be longer.
        Require(name != "HELLO" || _end - _at <= 4096);
        Dictionary<string, string> fields = [];
        foreach (string field in layout.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (field == "#versions")
            {
                int min = int.Parse(fields["min_version"]);
                Require(min > 0 && min <= int.Parse(fields["max_version"]), "close");
                continue;
            }

            string[] parts = field.Split(':');
            fields[parts[0]] = Field(parts[1]);
        }

        Require(_at == _end);
        return Finish(name, flags, fields);
    }

    private static Decoded Finish(string name, int flags, Dictionary<string, string> fields)
    {
        switch (name)
        {
            case "READY":
                Require(fields["critical"] == "false", "close");
                return new Decoded("accept", name, new Dictionary<string, string>());
            case "REFUSE":
                fields.Remove("records");
                fields["code"] = BigInteger.Parse(fields["code"]) <= 10 ? fields["code"] : "0";
                break;
            case "GOODBYE":
                fields["code"] = BigInteger.Parse(fields["code"]) <= 8 ? fields["code"] : "0";
                break;
            case "NOTICE":
                Require(fields["code"] == "1", "ignore");
                break;
            case "DATA":
                bool eom = flags % 2 == 1, fin = flags / 2 % 2 == 1, ack = flags >= 4, empty = fields["body"] == "";
                Require(!ack || eom);
                Require(!empty || eom || fin);
                fields["flags"] = Decoded.List(new[] { eom ? "EOM" : "", fin ? "FIN" : "", ack ? "ACK" : "" }.Where(f => f != ""));
                fields["cost"] = empty && fin && !eom ? "0" : (32 + fields["body"].Length / 2).ToString();
                break;
        }

        return new Decoded("accept", name, fields);
    }

    private string Field(string type)
    {
        string[] ranged = type.Split('@');
        string range = ranged.Length > 1 ? ranged[1] : "";
        string kind = ranged[0].TrimEnd("0123456789".ToCharArray());
        string digits = ranged[0][kind.Length..];
        int n = digits == "" ? 0 : int.Parse(digits);
        switch (kind)
        {
            case "u":
                return Number(Take(n / 8)).ToString();
            case "varint":
                BigInteger value = ReadVarint();
                if (range != "")
                    Require(value >= BigInteger.Parse(range.Split('-')[0]) && value <= BigInteger.Parse(range.Split('-')[1]));
                return value.ToString();
            case "bytes":
                return Lower(Take(n));
            case "blob":
                byte[] blob = Take(Count(n));
                Require(range == "" || range.Split('|').Contains(blob.Length.ToString()));
                return Lower(blob);
            case "string":
                byte[] text = Take(Count(n));
                Require(range == "" || text.Length > 0);
                return Characters(text);
            case "rest":
                return Lower(Take(_end - _at));
            case "extensions":
                return Extensions();
            default:
                string[] list = ranged[0].Split('/');
                return Decoded.List(Enumerable.Range(0, Count(int.Parse(list[0]["list".Length..]))).Select(_ => Field(list[1])).ToList());
        }
    }

    private string Extensions()
    {
        HashSet<BigInteger> types = [];
        bool critical = false;
        for (int left = Count(16); left > 0; left--)
        {
            BigInteger type = ReadVarint();
            Require(types.Add(type));
            critical |= !type.IsEven;
            Take(Count(1024));
        }

        return critical ? "true" : "false";
    }

    private int Count(int max)
    {
        BigInteger count = ReadVarint();
        Require(count <= max);
        return (int)count;
    }

    // RFC 9000 section 16: the two high bits are the logarithm of the length.
    private BigInteger ReadVarint()
    {
        Require(_at < _end);
        int size = (_bytes[_at] / 64) switch { 0 => 1, 1 => 2, 2 => 4, _ => 8 };
        BigInteger value = Number(Take(size)) % BigInteger.Pow(2, (8 * size) - 2);
        Require(size == 1 || value >= BigInteger.Pow(2, (4 * size) - 2));
        return value;
    }

    private byte[] Take(int count)
    {
        Require(count <= _end - _at);
        _at += count;
        return _bytes[(_at - count).._at];
    }

    // RFC 3629 section 4, its grammar by hand.
    private static string Characters(byte[] utf8)
    {
        StringBuilder text = new();
        for (int i = 0; i < utf8.Length;)
        {
            int lead = utf8[i];
            int more = lead < 0x80 ? 0 : lead is >= 0xC2 and <= 0xDF ? 1 : lead is >= 0xE0 and <= 0xEF ? 2 : lead is >= 0xF0 and <= 0xF4 ? 3 : -1;
            Require(more >= 0 && i + more < utf8.Length);
            int point = more == 0 ? lead : lead & (0x3F >> more);
            for (int k = 1; k <= more; k++)
            {
                Require(utf8[i + k] is >= 0x80 and <= 0xBF);
                point = (point * 64) + (utf8[i + k] - 0x80);
            }

            Require(more != 2 || (point >= 0x800 && point is not (>= 0xD800 and <= 0xDFFF)));
            Require(more != 3 || point is >= 0x10000 and <= 0x10FFFF);
            Require(point is not (< 0x20 or (>= 0x7F and <= 0x9F)));
            text.Append(char.ConvertFromUtf32(point));
            i += 1 + more;
        }

        return text.ToString();
    }

    private static BigInteger Number(byte[] bytes) => Number(bytes, 0, bytes.Length);

    private static BigInteger Number(byte[] bytes, int start, int count) => new(bytes.AsSpan(start, count), isUnsigned: true, isBigEndian: true);

    private static string Lower(byte[] bytes) => string.Concat(bytes.Select(b => b.ToString("x2")));

    private static void Require(bool condition, string outcome = "violation")
    {
        if (!condition)
            throw new Fault(outcome);
    }

    private sealed class Fault(string outcome) : Exception(outcome)
    {
        public string Outcome { get; } = outcome;
    }
}
