using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace Meshara.Mdns.Wire;

/// <summary>Reads packets of strangers: never throws, and allocates no more than the packet's own size explains.</summary>
internal ref struct DnsReader
{
    /// <summary>Most bytes that are read (RFC 6762 section 17).</summary>
    public const int MaxPacket = 9000;

    /// <summary>Bytes of the header (RFC 1035 section 4.1.1).</summary>
    internal const int HeaderSize = 12;

    private const int MaxQuestions = 256;
    private const int MaxRecords = 512;

    // Behind the name: type, class, and in records lifetime and length of the data.
    private const int QuestionTail = 4;
    private const int RecordTail = 10;

    private readonly ReadOnlySpan<byte> _packet;
    private NameReader _names;
    private int _at;

    private DnsReader(ReadOnlySpan<byte> packet, KnownName[] known)
    {
        _packet = packet;
        _names = new NameReader(packet, known);
        _at = HeaderSize;
    }

    /// <summary>Reads a message as a whole; false: it is malformed, or beyond what is read, and nothing of it counts. Bytes after the last record are passed over.</summary>
    public static bool TryRead(ReadOnlySpan<byte> packet, [NotNullWhen(true)] out DnsMessage? message)
    {
        message = null;
        if (packet.Length is < HeaderSize or > MaxPacket)
            return false;
        KnownName[] known = ArrayPool<KnownName>.Shared.Rent(NameReader.MaxKnown);
        DnsReader reader = new(packet, known);
        bool isRead = reader.TryRead(out message);
        ArrayPool<KnownName>.Shared.Return(known, clearArray: true);
        return isRead;
    }

    // RFC 1035 section 4.1.1 and RFC 6762 section 18.
    private bool TryRead([NotNullWhen(true)] out DnsMessage? message)
    {
        message = null;
        int questions = Word(4);
        int answers = Word(6);
        int authorities = Word(8);
        int additionals = Word(10);

        // A count that the rest of the packet cannot hold is found before anything is allocated for it.
        int left = _packet.Length - HeaderSize - (questions * (1 + QuestionTail));
        int records = answers + authorities + additionals;
        if (questions > MaxQuestions || records > MaxRecords || left < records * (1 + RecordTail))
            return false;
        if (!TryReadQuestions(questions, out DnsQuestion[] asked)
            || !TryReadRecords(answers, out DnsRecord[] first)
            || !TryReadRecords(authorities, out DnsRecord[] second)
            || !TryReadRecords(additionals, out DnsRecord[] third))
        {
            return false;
        }

        message = new DnsMessage
        {
            Id = Word(0),
            Flags = (DnsFlags)Word(2),
            Questions = asked,
            Answers = first,
            Authorities = second,
            Additionals = third,
        };
        return true;
    }

    // RFC 1035 section 4.1.2; the top bit of the class is QU (RFC 6762 section 18.12).
    private bool TryReadQuestions(int count, out DnsQuestion[] questions)
    {
        questions = count == 0 ? [] : new DnsQuestion[count];
        int kept = 0;
        for (int i = 0; i < count; i++)
        {
            if (!_names.TryRead(ref _at, _packet.Length, out DnsName? name) || _at + QuestionTail > _packet.Length)
                return false;
            int top = Word(_at + 2);
            if ((top & ~DnsClass.TopBit) is DnsClass.In or DnsClass.Any)
                questions[kept++] = new DnsQuestion(name, (DnsType)Word(_at), (top & DnsClass.TopBit) != 0);
            _at += QuestionTail;
        }

        if (kept < count)
            Array.Resize(ref questions, kept);
        return true;
    }

    private bool TryReadRecords(int count, out DnsRecord[] records)
    {
        records = count == 0 ? [] : new DnsRecord[count];
        int kept = 0;
        for (int i = 0; i < count; i++)
        {
            if (!TryReadRecord(out DnsRecord? record))
                return false;
            if (record is not null)
                records[kept++] = record;
        }

        if (kept < count)
            Array.Resize(ref records, kept);
        return true;
    }

    // RFC 1035 section 4.1.3; the top bit of the class is cache-flush (RFC 6762 section 18.13). True and null: well formed, but not for us.
    private bool TryReadRecord(out DnsRecord? record)
    {
        record = null;
        if (!_names.TryRead(ref _at, _packet.Length, out DnsName? name) || _at + RecordTail > _packet.Length)
            return false;
        DnsType type = (DnsType)Word(_at);
        int top = Word(_at + 2);
        uint ttl = BinaryPrimitives.ReadUInt32BigEndian(_packet[(_at + 4)..]);
        int start = _at + RecordTail;
        int end = start + Word(_at + 8);
        if (end > _packet.Length)
            return false;
        _at = end;
        if (type == DnsType.Opt || (top & ~DnsClass.TopBit) != DnsClass.In)
            return true;
        if (!TryReadData(type, start, end, out RecordData? data))
            return false;

        // RFC 2181 section 8: a lifetime with its top bit set counts as 0.
        if (data is not null)
            record = new DnsRecord(name, ttl > int.MaxValue ? 0 : ttl, data, (top & DnsClass.TopBit) != 0);
        return true;
    }

    private bool TryReadData(DnsType type, int start, int end, out RecordData? data)
    {
        ReadOnlySpan<byte> raw = _packet[start..end];
        switch (type)
        {
            case DnsType.A:
                data = raw.Length == 4 ? new AddressData(new IPAddress(raw)) : null;
                return data is not null;
            case DnsType.Aaaa:
                data = raw.Length == 16 ? new AddressData(new IPAddress(raw)) : null;
                return data is not null;
            case DnsType.Ptr:
                data = TryReadLastName(start, end, out DnsName? target) ? new PointerData(target) : null;
                return data is not null;
            case DnsType.Srv:
                data = TryReadService(start, end);
                return data is not null;
            case DnsType.Txt:
                data = AreStrings(raw) ? new TextData(raw.ToArray()) : null;
                return data is not null;
            case DnsType.Nsec:
                return TryReadNextSecure(start, end, out data);
            default:
                return TryReadOther(type, start, end, out data);
        }
    }

    // RFC 2782.
    private ServiceData? TryReadService(int start, int end) =>
        end - start > ServiceData.FixedSize && TryReadLastName(start + ServiceData.FixedSize, end, out DnsName? target)
            ? new ServiceData(Word(start), Word(start + 2), Word(start + 4), target)
            : null;

    // RFC 6762 section 6.1: another form than block 0 with 1 to 32 bytes is no fault, but the record is ignored.
    private bool TryReadNextSecure(int start, int end, out RecordData? data)
    {
        data = null;
        if (!_names.TryRead(ref start, end, out DnsName? next))
            return false;
        ReadOnlySpan<byte> rest = _packet[start..end];
        if (rest.Length > 2 && rest[0] == 0 && rest[1] is >= 1 and <= NextSecureData.MaxBitmap && rest.Length == 2 + rest[1])
            data = new NextSecureData(next, rest[2..].ToArray());
        return true;
    }

    // RFC 6762 section 18.14 names the types whose data may hold compressed names: they are kept uncompressed.
    private bool TryReadOther(DnsType type, int start, int end, out RecordData? data)
    {
        data = null;
        (int before, int names, int after) = (int)type switch
        {
            2 or 5 or 39 => (0, 1, 0), // NS, CNAME, DNAME
            6 => (0, 2, 20), // SOA
            15 or 18 or 21 or 36 => (2, 1, 0), // MX, AFSDB, RT, KX
            17 => (0, 2, 0), // RP
            26 => (2, 2, 0), // PX
            _ => (0, 0, end - start),
        };
        if (before + after > end - start)
            return false;
        byte[] expanded = new byte[before + (names * (DnsName.MaxSize + 1)) + after];
        _packet.Slice(start, before).CopyTo(expanded);
        int size = before;
        start += before;
        for (int i = 0; i < names; i++)
        {
            if (!_names.TryRead(ref start, end, out DnsName? name))
                return false;
            name.Wire.CopyTo(expanded.AsSpan(size));
            size += name.Wire.Length;
        }

        if (end - start != after)
            return false;
        _packet[start..end].CopyTo(expanded.AsSpan(size));
        data = new OpaqueData(type, expanded.AsMemory(0, size + after));
        return true;
    }

    // A name that is the last thing in the data and ends where it ends.
    private bool TryReadLastName(int start, int end, [NotNullWhen(true)] out DnsName? name) => _names.TryRead(ref start, end, out name) && start == end;

    // RFC 1035 section 3.3.14: strings of a length byte each. RFC 6763 section 6.1: no byte at all counts as one empty string.
    private static bool AreStrings(ReadOnlySpan<byte> raw)
    {
        while (raw.Length > 0)
        {
            if (raw[0] >= raw.Length)
                return false;
            raw = raw[(1 + raw[0])..];
        }

        return true;
    }

    private readonly ushort Word(int at) => BinaryPrimitives.ReadUInt16BigEndian(_packet[at..]);
}
