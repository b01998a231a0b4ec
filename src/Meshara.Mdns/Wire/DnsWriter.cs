using System.Buffers.Binary;

namespace Meshara.Mdns.Wire;

/// <summary>Writes one packet after the other into one buffer: questions first, then answers, authorities and additional records. Names are compressed over the whole packet (RFC 6762 section 18.14).</summary>
internal sealed class DnsWriter
{
    /// <summary>Most bytes of a packet that is sent, unless one says otherwise.</summary>
    public const int DefaultSize = 1440;

    private const int MaxPointer = 0x3FFF;

    private readonly Memory<byte> _buffer;

    // Where in the packet each label begins that can be pointed at, with the hash of the name from there on.
    private readonly List<(int At, int Hash)> _suffixes = [];
    private readonly ushort[] _counts = new ushort[4];
    private int _at = DnsReader.HeaderSize;

    /// <summary>Writes into a buffer of its own.</summary>
    public DnsWriter(int size = DefaultSize)
        : this(new byte[size])
    {
    }

    /// <summary>Writes into a buffer of the caller's; no packet is longer.</summary>
    /// <exception cref="ArgumentException">The header does not fit.</exception>
    public DnsWriter(Memory<byte> buffer)
    {
        if (buffer.Length < DnsReader.HeaderSize)
            throw new ArgumentException($"A packet has at least the {DnsReader.HeaderSize} bytes of its header.", nameof(buffer));
        _buffer = buffer;
    }

    /// <summary>RFC 6762 section 18.14: false for legacy unicast responses, in which the target of SRV records is not compressed.</summary>
    public bool CompressServiceTargets { get; set; } = true;

    /// <summary>Bytes written so far, the header included.</summary>
    public int Length => _at;

    /// <summary>Whether nothing was added yet.</summary>
    public bool IsEmpty => _at == DnsReader.HeaderSize;

    /// <summary>Adds a question; false: it does not fit, and the packet is as it was.</summary>
    /// <exception cref="InvalidOperationException">There are records already.</exception>
    public bool TryAdd(in DnsQuestion question)
    {
        Begin(0);
        (int at, int suffixes) = (_at, _suffixes.Count);
        return End(0, at, suffixes, TryWriteName(question.Name, compress: true)
            && TryWriteWord((ushort)question.Type)
            && TryWriteWord((ushort)(DnsClass.In | (question.UnicastResponse ? DnsClass.TopBit : 0))));
    }

    /// <summary>Adds a record; false: it does not fit, and the packet is as it was.</summary>
    /// <exception cref="InvalidOperationException">There are records of a later section already.</exception>
    public bool TryAdd(DnsRecord record, DnsSection section)
    {
        int index = 1 + (int)section;
        Begin(index);
        (int at, int suffixes) = (_at, _suffixes.Count);
        return End(index, at, suffixes, TryWrite(record));
    }

    /// <summary>Completes the packet. It lies in the writer's buffer: whoever keeps it copies it before <see cref="Clear"/>.</summary>
    public ReadOnlyMemory<byte> Finish(ushort id, DnsFlags flags)
    {
        Span<byte> header = _buffer.Span;
        BinaryPrimitives.WriteUInt16BigEndian(header, id);
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)flags);
        for (int i = 0; i < _counts.Length; i++)
            BinaryPrimitives.WriteUInt16BigEndian(header[(4 + (2 * i))..], _counts[i]);
        return _buffer[.._at];
    }

    /// <summary>Begins the next packet.</summary>
    public void Clear()
    {
        _at = DnsReader.HeaderSize;
        _suffixes.Clear();
        Array.Clear(_counts);
    }

    private void Begin(int index)
    {
        if (_counts.AsSpan(index + 1).ContainsAnyExcept((ushort)0))
            throw new InvalidOperationException("A packet is written section by section: questions, answers, authorities, additional records.");
    }

    private bool End(int index, int at, int suffixes, bool isWritten)
    {
        if (isWritten)
        {
            _counts[index]++;
            return true;
        }

        _at = at;
        _suffixes.RemoveRange(suffixes, _suffixes.Count - suffixes);
        return false;
    }

    // RFC 1035 section 4.1.3, RFC 6762 section 18.13.
    private bool TryWrite(DnsRecord record)
    {
        if (!TryWriteName(record.Name, compress: true) || _buffer.Length - _at < 10)
            return false;
        Span<byte> tail = _buffer.Span[_at..];
        BinaryPrimitives.WriteUInt16BigEndian(tail, (ushort)record.Type);
        BinaryPrimitives.WriteUInt16BigEndian(tail[2..], (ushort)(DnsClass.In | (record.CacheFlush ? DnsClass.TopBit : 0)));
        BinaryPrimitives.WriteUInt32BigEndian(tail[4..], record.Ttl);
        _at += 10;
        int start = _at;
        if (!TryWriteData(record.Data))
            return false;
        BinaryPrimitives.WriteUInt16BigEndian(tail[8..], (ushort)(_at - start));
        return true;
    }

    private bool TryWriteData(RecordData data)
    {
        switch (data)
        {
            case PointerData pointer:
                return TryWriteName(pointer.Target, compress: true);
            case ServiceData service:
                if (_buffer.Length - _at < ServiceData.FixedSize)
                    return false;
                service.CopyFixedTo(_buffer.Span[_at..]);
                _at += ServiceData.FixedSize;
                return TryWriteName(service.Target, CompressServiceTargets);
            case NextSecureData next:
                return TryWriteName(next.Next, compress: true)
                    && TryWriteWord((ushort)next.Bitmap.Length)
                    && TryWriteBytes(next.Bitmap);
            default:
                if (_buffer.Length - _at < data.Size)
                    return false;
                data.CopyTo(_buffer.Span[_at..]);
                _at += data.Size;
                return true;
        }
    }

    // RFC 1035 section 4.1.4. Only a name of the same bytes is pointed at, so that a reader sees each name in its own case.
    private bool TryWriteName(DnsName name, bool compress)
    {
        ReadOnlySpan<byte> wire = name.Wire;
        Span<int> hashes = stackalloc int[DnsName.MaxSize / 2 + 1];
        int labels = HashSuffixes(wire, hashes);
        for (int i = 0; wire.Length > 1; i++)
        {
            int hash = hashes[labels - 1 - i];
            if (compress && TryFind(wire, hash, out int target))
                return TryWriteWord((ushort)(0xC000 | target));
            int size = 1 + wire[0];
            int at = _at;
            if (!TryWriteBytes(wire[..size]))
                return false;
            if (at <= MaxPointer)
                _suffixes.Add((at, hash));
            wire = wire[size..];
        }

        return TryWriteBytes(wire);
    }

    // Hashes of the name from each label on, the last label's first. They only spare comparisons.
    private static int HashSuffixes(ReadOnlySpan<byte> wire, Span<int> hashes)
    {
        Span<byte> starts = stackalloc byte[DnsName.MaxSize / 2 + 1];
        int labels = 0;
        for (int at = 0; wire[at] != 0; at += 1 + wire[at])
            starts[labels++] = (byte)at;
        int hash = 17;
        for (int i = labels - 1, end = wire.Length - 1; i >= 0; end = starts[i], i--)
        {
            foreach (byte b in wire[starts[i]..end])
                hash = unchecked((hash * 31) + b);
            hashes[labels - 1 - i] = hash;
        }

        return labels;
    }

    private bool TryFind(ReadOnlySpan<byte> wire, int hash, out int target)
    {
        foreach ((int at, int known) in _suffixes)
        {
            if (known == hash && IsAt(wire, at))
            {
                target = at;
                return true;
            }
        }

        target = 0;
        return false;
    }

    // Whether the packet holds this name at that place, through pointers of our own making.
    private bool IsAt(ReadOnlySpan<byte> wire, int at)
    {
        ReadOnlySpan<byte> packet = _buffer.Span[.._at];
        while (true)
        {
            // The name that is being written has no end yet.
            if (at >= packet.Length)
                return false;
            if (packet[at] >= 0xC0)
                at = ((packet[at] & 0x3F) << 8) | packet[at + 1];
            int size = 1 + packet[at];
            if (size > wire.Length || !packet.Slice(at, size).SequenceEqual(wire[..size]))
                return false;
            if (size == 1)
                return true;
            wire = wire[size..];
            at += size;
        }
    }

    private bool TryWriteWord(ushort value)
    {
        if (_buffer.Length - _at < 2)
            return false;
        BinaryPrimitives.WriteUInt16BigEndian(_buffer.Span[_at..], value);
        _at += 2;
        return true;
    }

    private bool TryWriteBytes(ReadOnlySpan<byte> bytes)
    {
        if (_buffer.Length - _at < bytes.Length)
            return false;
        bytes.CopyTo(_buffer.Span[_at..]);
        _at += bytes.Length;
        return true;
    }
}
