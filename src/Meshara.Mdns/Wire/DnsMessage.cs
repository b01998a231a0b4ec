namespace Meshara.Mdns.Wire;

/// <summary>One packet, read. Questions and records of other classes than the Internet's, and EDNS options, are left out.</summary>
internal sealed class DnsMessage
{
    /// <summary>0 in multicast messages; echoed in legacy unicast responses (RFC 6762 section 18.1).</summary>
    public ushort Id { get; init; }

    /// <summary>The header's flags.</summary>
    public DnsFlags Flags { get; init; }

    /// <summary>A response; else a query.</summary>
    public bool IsResponse => Flags.HasFlag(DnsFlags.Response);

    /// <summary>The TC bit.</summary>
    public bool IsTruncated => Flags.HasFlag(DnsFlags.Truncated);

    /// <summary>The AA bit.</summary>
    public bool IsAuthoritative => Flags.HasFlag(DnsFlags.Authoritative);

    /// <summary>A message in which it is not 0 is to be ignored (RFC 6762 section 18.3).</summary>
    public int Opcode => ((int)Flags >> 11) & 0xF;

    /// <summary>A message in which it is not 0 is to be ignored (RFC 6762 section 18.11).</summary>
    public int ResponseCode => (int)Flags & 0xF;

    /// <summary>The questions, in their order.</summary>
    public DnsQuestion[] Questions { get; init; } = [];

    /// <summary>The answers, in their order.</summary>
    public DnsRecord[] Answers { get; init; } = [];

    /// <summary>The authorities, in their order.</summary>
    public DnsRecord[] Authorities { get; init; } = [];

    /// <summary>The additional records, in their order.</summary>
    public DnsRecord[] Additionals { get; init; } = [];
}
