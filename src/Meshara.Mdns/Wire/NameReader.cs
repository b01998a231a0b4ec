using System.Diagnostics.CodeAnalysis;

namespace Meshara.Mdns.Wire;

/// <summary>A name that a packet was found to hold, and where.</summary>
internal readonly record struct KnownName(int At, DnsName Name);

/// <summary>Reads the names of one packet (RFC 1035 sections 3.1 and 4.1.4). A name that is only a pointer to another is that same object.</summary>
internal ref struct NameReader(ReadOnlySpan<byte> packet, KnownName[] known)
{
    /// <summary>How many names of a packet are remembered; further ones are read anew each time.</summary>
    public const int MaxKnown = 64;

    private const int MaxJumps = 128;

    // What is walked of all names together: pointers could make a small packet long work.
    private const int MaxLabels = 16_384;

    private readonly ReadOnlySpan<byte> _packet = packet;
    private readonly KnownName[] _known = known;
    private int _count;
    private int _labels;

    /// <summary>Reads a name that begins at <paramref name="at"/> and whose own bytes end before <paramref name="end"/>; what pointers point to may lie anywhere before it.</summary>
    public bool TryRead(ref int at, int end, [NotNullWhen(true)] out DnsName? name)
    {
        name = null;
        int start = at;
        if (start + 1 < end && _packet[start] >= 0xC0 && Find(Pointer(start)) is { } same)
        {
            at = start + 2;
            name = same;
            return true;
        }

        Span<byte> wire = stackalloc byte[DnsName.MaxSize + 1];
        int size = TryCopy(ref at, end, wire);
        if (size == 0)
            return false;

        // The whole name behind one pointer is likely to be pointed at again: by the place pointed to.
        int home = _packet[start] >= 0xC0 ? Pointer(start) : start;
        name = DnsName.FromCheckedWire(wire[..size]);
        if (_count < MaxKnown)
            _known[_count++] = new KnownName(home, name);
        return true;
    }

    // Returns the size of the uncompressed name; 0: malformed.
    private int TryCopy(ref int at, int end, scoped Span<byte> wire)
    {
        int size = 0;
        int position = at;
        int limit = at;
        int jumps = 0;
        while (position < end)
        {
            int length = _packet[position];
            if (length >= 0xC0)
            {
                // Each pointer must lead before all that was read so far, and behind the header: no loop is possible.
                if (position + 1 >= end)
                    return 0;
                int target = Pointer(position);
                if (jumps == 0)
                    at = position + 2;
                if (target >= limit || target < DnsReader.HeaderSize || ++jumps > MaxJumps)
                    return 0;
                position = limit = target;
                end = _packet.Length;
                continue;
            }

            if (++_labels > MaxLabels || length > DnsName.MaxLabel || position + 1 + length > end || size + 1 + length > wire.Length)
                return 0;
            _packet.Slice(position, 1 + length).CopyTo(wire[size..]);
            size += 1 + length;
            position += 1 + length;
            if (length == 0)
            {
                if (jumps == 0)
                    at = position;
                return size;
            }
        }

        return 0;
    }

    private readonly int Pointer(int at) => ((_packet[at] & 0x3F) << 8) | _packet[at + 1];

    private readonly DnsName? Find(int at)
    {
        foreach (KnownName read in _known.AsSpan(0, _count))
        {
            if (read.At == at)
                return read.Name;
        }

        return null;
    }
}
