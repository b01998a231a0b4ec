namespace Meshara.Wire;

/// <summary>Why a side does not admit the other, spec section 5.4.</summary>
internal sealed record Refuse
{
    public const int MaxLimitBytes = 64;
    public const int MaxMessageBytes = 256;
    public const int MaxRecords = 8;
    public const int MaxRecordBytes = 1024;

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

    /// <summary>Reads the payload of REFUSE, spec section 5.4; the records are checked for their size and skipped.</summary>
    /// <exception cref="WireException">A malformed payload.</exception>
    public static Refuse Parse(ReadOnlySpan<byte> payload)
    {
        WireReader reader = new(payload);
        ulong code = reader.ReadVarint();
        TimeSpan? retryAfter = Wire.RetryAfter.Read(ref reader);
        string limit = reader.ReadString(MaxLimitBytes);
        long value = (long)reader.ReadVarint();
        string message = reader.ReadString(MaxMessageBytes);
        int records = reader.ReadCount(MaxRecords);
        for (int i = 0; i < records; i++)
            reader.ReadBlob(MaxRecordBytes);

        reader.End();
        return new Refuse
        {
            Code = code <= (ulong)RefuseCode.Unsupported ? (RefuseCode)code : RefuseCode.Other,
            RetryAfter = retryAfter,
            Limit = limit,
            Value = value,
            Message = message,
        };
    }

    /// <summary>Writes the payload, without records, and returns its length.</summary>
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
        writer.WriteCount(0, MaxRecords);
        return writer.Written;
    }
}
