namespace Meshara.Mdns;

/// <summary>How a type of service is looked for.</summary>
public sealed record BrowseOptions
{
    /// <summary>Only the instances of this narrower kind, as <c>_color</c>: 1 to 63 bytes of UTF-8 without control characters (RFC 6763 section 7.1). Null (the default): all.</summary>
    /// <exception cref="ArgumentException">It is not that.</exception>
    public string? Subtype
    {
        get;
        init => field = value is null || ServiceProfile.IsInstanceName(value)
            ? value
            : throw new ArgumentException("A subtype is 1 to 63 bytes of UTF-8 without control characters (RFC 6763 section 7.1).", nameof(value));
    }

    /// <summary>Ask again at this interval, for ever. Null (the default): after 1, 2, 4 … seconds up to an hour, as RFC 6762 section 5.2 says. 1 s to 60 min.</summary>
    /// <remarks>A deviation from the RFC: it bounds how long a service whose announcements were all lost stays unseen, and costs everybody on the network a packet each time.
    /// The pauses of the RFC still apply while they are shorter.</remarks>
    public TimeSpan? RequeryInterval
    {
        get;
        init => field = value is null || (value >= TimeSpan.FromSeconds(1) && value <= TimeSpan.FromMinutes(60))
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "An interval of 1 s to 60 min.");
    }
}
