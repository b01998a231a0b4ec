namespace Meshara.Wire;

/// <summary>Why a side does not admit the other, spec section 5.4.</summary>
internal sealed record Refuse
{
    public const int MaxLimitBytes = 64;
    public const int MaxMessageBytes = 256;
    public const int MaxRecords = 8;
    public const int MaxRecordBytes = 1024;

    // Code, retry_after and value of at most 8 bytes each, the two texts with their lengths, and the count.
    private const int MaxWithoutRecords = 24 + 2 + MaxLimitBytes + 2 + MaxMessageBytes + 1;

    /// <summary>Unknown codes are read as <see cref="RefuseCode.Other"/>.</summary>
    public required RefuseCode Code { get; init; }

    /// <summary>When to try again; null: not said. Whole milliseconds, at most <see cref="Wire.RetryAfter.Max"/>.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Name of the limit that refused, or empty; at most 64 bytes.</summary>
    public string Limit { get; init; } = "";

    /// <summary>Value of that limit, or 0; at most 2^62 − 1.</summary>
    public long Value { get; init; }

    /// <summary>For people; at most 256 bytes, cut to that when written.</summary>
    public string Message { get; init; } = "";

    /// <summary>Signed records of other peers (section 11), not looked at; at most 8 of at most 1024 bytes.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Records { get; init; } = [];

    /// <summary>Bytes of payload that are enough for <see cref="Write"/>.</summary>
    public int MaxPayload => MaxWithoutRecords + Records.Sum(r => r.Length + 2);

    /// <summary>Reads the payload of REFUSE, spec section 5.4.</summary>
    /// <exception cref="WireException">A malformed payload.</exception>
    public static Refuse Parse(ReadOnlySpan<byte> payload)
    {
        WireReader reader = new(payload);
        ulong code = reader.ReadVarint();
        TimeSpan? retryAfter = Wire.RetryAfter.Read(ref reader);
        string limit = reader.ReadString(MaxLimitBytes);
        long value = (long)reader.ReadVarint();
        string message = reader.ReadString(MaxMessageBytes);
        ReadOnlyMemory<byte>[] records = new ReadOnlyMemory<byte>[reader.ReadCount(MaxRecords)];
        for (int i = 0; i < records.Length; i++)
            records[i] = reader.ReadBlob(MaxRecordBytes).ToArray();

        reader.End();
        return new Refuse
        {
            Code = code <= (ulong)RefuseCode.Unsupported ? (RefuseCode)code : RefuseCode.Other,
            RetryAfter = retryAfter,
            Limit = limit,
            Value = value,
            Message = message,
            Records = records,
        };
    }

    /// <summary>Writes the payload and returns its length.</summary>
    /// <exception cref="ArgumentException">A negative value, or the destination is too short.</exception>
    public int Write(Span<byte> payload)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(Value);
        WireWriter writer = new(payload);
        writer.WriteVarint((ulong)Code);
        Wire.RetryAfter.Write(ref writer, RetryAfter);
        writer.WriteText(Limit, MaxLimitBytes);
        writer.WriteVarint((ulong)Value);
        writer.WriteText(Message, MaxMessageBytes);
        writer.WriteCount(Records.Count, MaxRecords);
        foreach (ReadOnlyMemory<byte> record in Records)
            writer.WriteBlob(record.Span, MaxRecordBytes);

        return writer.Written;
    }
}
