namespace Meshara.Wire;

/// <summary>Something the peer should know while the link lives on, spec section 7.3.</summary>
internal sealed record Notice
{
    public const int MaxMessageBytes = 256;

    /// <summary>Unknown codes are read as <see cref="NoticeCode.Unknown"/>; the receiver ignores them.</summary>
    public required NoticeCode Code { get; init; }

    /// <summary>At most 256 bytes, cut to that when written. Of <see cref="NoticeCode.IdentityInUse"/>: the address of the other node.</summary>
    public string Message { get; init; } = "";

    /// <summary>Reads the payload of NOTICE, spec section 7.3.</summary>
    /// <exception cref="WireException">A malformed payload.</exception>
    public static Notice Parse(ReadOnlySpan<byte> payload)
    {
        WireReader reader = new(payload);
        ulong code = reader.ReadVarint();
        string message = reader.ReadString(MaxMessageBytes);
        reader.End();
        return new Notice
        {
            Code = code == (ulong)NoticeCode.IdentityInUse ? NoticeCode.IdentityInUse : NoticeCode.Unknown,
            Message = message,
        };
    }

    /// <summary>Writes the payload and returns its length.</summary>
    /// <exception cref="ArgumentException">The destination is too short.</exception>
    public int Write(Span<byte> payload)
    {
        WireWriter writer = new(payload);
        writer.WriteVarint((ulong)Code);
        writer.WriteText(Message, MaxMessageBytes);
        return writer.Written;
    }
}
