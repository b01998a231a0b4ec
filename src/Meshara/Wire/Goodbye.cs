namespace Meshara.Wire;

/// <summary>Why a side ends the link, spec section 7.2.</summary>
internal sealed record Goodbye
{
    public const int MaxMessageBytes = 256;

    /// <summary>Unknown codes are read as <see cref="GoodbyeCode.Shutdown"/>.</summary>
    public required GoodbyeCode Code { get; init; }

    /// <summary>When to try again; null: not said. Whole milliseconds, at most <see cref="Wire.RetryAfter.Max"/>.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>For people; at most 256 bytes, cut to that when written.</summary>
    public string Message { get; init; } = "";

    /// <summary>Reads the payload of GOODBYE, spec section 7.2.</summary>
    /// <exception cref="WireException">A malformed payload.</exception>
    public static Goodbye Parse(ReadOnlySpan<byte> payload)
    {
        WireReader reader = new(payload);
        ulong code = reader.ReadVarint();
        TimeSpan? retryAfter = Wire.RetryAfter.Read(ref reader);
        string message = reader.ReadString(MaxMessageBytes);
        reader.End();
        return new Goodbye
        {
            Code = code <= (ulong)GoodbyeCode.InternalError ? (GoodbyeCode)code : GoodbyeCode.Shutdown,
            RetryAfter = retryAfter,
            Message = message,
        };
    }

    /// <summary>Writes the payload and returns its length.</summary>
    /// <exception cref="ArgumentException">The destination is too short.</exception>
    public int Write(Span<byte> payload)
    {
        WireWriter writer = new(payload);
        writer.WriteVarint((ulong)Code);
        Wire.RetryAfter.Write(ref writer, RetryAfter);
        writer.WriteText(Message, MaxMessageBytes);
        return writer.Written;
    }
}
