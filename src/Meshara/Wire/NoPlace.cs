namespace Meshara.Wire;

/// <summary>What a probe is told whose sender would be refused as full if it came as a peer: extension 4 of READY, spec section 5.3. The same fields as in <see cref="Refuse"/>.</summary>
internal sealed record NoPlace
{
    /// <summary>Bytes that are enough for <see cref="Write"/>.</summary>
    public const int MaxSize = 16 + 2 + Refuse.MaxLimitBytes;

    /// <summary>When to try; null: not said.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Name of the limit; at most 64 bytes.</summary>
    public required string Limit { get; init; }

    /// <summary>Value of that limit.</summary>
    public required long Value { get; init; }

    /// <summary>Reads the extension's value. Null: it is malformed, and says nothing.</summary>
    public static NoPlace? TryParse(ReadOnlySpan<byte> value)
    {
        try
        {
            WireReader reader = new(value);
            TimeSpan? retryAfter = Wire.RetryAfter.Read(ref reader);
            string limit = reader.ReadString(Refuse.MaxLimitBytes);
            return new NoPlace { RetryAfter = retryAfter, Limit = limit, Value = (long)reader.ReadVarint() };
        }
        catch (WireException)
        {
            return null;
        }
    }

    /// <summary>Writes the extension's value and returns its length.</summary>
    public int Write(Span<byte> destination)
    {
        WireWriter writer = new(destination);
        Wire.RetryAfter.Write(ref writer, RetryAfter);
        writer.WriteText(Limit, Refuse.MaxLimitBytes);
        writer.WriteVarint((ulong)Value);
        return writer.Written;
    }
}
