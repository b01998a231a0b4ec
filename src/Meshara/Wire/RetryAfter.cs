namespace Meshara.Wire;

/// <summary>The field retry_after of REFUSE and GOODBYE: milliseconds, 0 for "not said". Spec sections 5.4 and 7.2.</summary>
internal static class RetryAfter
{
    /// <summary>What a longer wait is cut to, about 24 days: more than any backoff, and what a timer can hold.</summary>
    public static readonly TimeSpan Max = TimeSpan.FromMilliseconds(int.MaxValue);

    /// <summary>Reads the field; null: not said. The receiver still clamps it to its own backoff maximum.</summary>
    public static TimeSpan? Read(ref WireReader reader)
    {
        ulong milliseconds = reader.ReadVarint();
        return milliseconds == 0 ? null : TimeSpan.FromMilliseconds((double)Math.Min(milliseconds, int.MaxValue));
    }

    /// <summary>Writes the field, rounded up so that a short wait is not "not said".</summary>
    public static void Write(ref WireWriter writer, TimeSpan? value)
    {
        double milliseconds = Math.Ceiling((value ?? TimeSpan.Zero).TotalMilliseconds);
        writer.WriteVarint((ulong)Math.Clamp(milliseconds, 0, int.MaxValue));
    }
}
