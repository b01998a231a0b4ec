namespace Meshara.Wire;

/// <summary>Request and reply of <c>meshara/peers/1</c>, spec section 12.</summary>
internal static class PeerLists
{
    /// <summary>Most records of a reply.</summary>
    public const int MaxRecords = 64;

    /// <summary>Longest record.</summary>
    public const int MaxRecordBytes = 1024;

    /// <summary>The request: no extensions.</summary>
    public static byte[] Request { get; } = [0];

    /// <summary>Reads a request. False: a critical extension that is not known.</summary>
    /// <exception cref="WireException">Malformed.</exception>
    public static bool ParseRequest(ReadOnlySpan<byte> body)
    {
        WireReader reader = new(body);
        bool acceptable = reader.ReadExtensions();
        reader.End();
        return acceptable;
    }

    /// <summary>Writes a reply of as many records as the receiver takes.</summary>
    /// <param name="records">At most 64, of at most 1024 bytes each.</param>
    /// <param name="maxBytes">The receiver's <c>max_message</c>.</param>
    public static byte[] WriteReply(IReadOnlyList<ReadOnlyMemory<byte>> records, int maxBytes)
    {
        // Its count takes at most two bytes, its extensions one.
        int size = 3, count = 0;
        while (count < records.Count && size + LengthOf(records[count]) <= maxBytes)
        {
            size += LengthOf(records[count++]);
        }

        byte[] body = new byte[size];
        WireWriter writer = new(body);
        writer.WriteCount(count, MaxRecords);
        for (int i = 0; i < count; i++)
        {
            writer.WriteBlob(records[i].Span, MaxRecordBytes);
        }

        writer.WriteNoExtensions();
        return body[..writer.Written];
    }

    /// <summary>Reads a reply: the bytes of each record, not looked at. Empty: a critical extension that is not known.</summary>
    /// <exception cref="WireException">Malformed, or over a limit.</exception>
    public static IReadOnlyList<byte[]> ParseReply(ReadOnlySpan<byte> body)
    {
        WireReader reader = new(body);
        List<byte[]> records = [];
        for (int count = reader.ReadCount(MaxRecords); count > 0; count--)
        {
            records.Add(reader.ReadBlob(MaxRecordBytes).ToArray());
        }

        bool acceptable = reader.ReadExtensions();
        reader.End();
        return acceptable ? records : [];
    }

    private static int LengthOf(ReadOnlyMemory<byte> record) => Varint.Length((ulong)record.Length) + record.Length;
}
