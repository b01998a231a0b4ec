namespace Meshara.Mdns.Wire;

/// <summary>Types of records; of others only the number is known. https://www.iana.org/assignments/dns-parameters</summary>
internal enum DnsType : ushort
{
    /// <summary>An IPv4 address.</summary>
    A = 1,

    /// <summary>A pointer to another name.</summary>
    Ptr = 12,

    /// <summary>Strings: in DNS-SD keys and values.</summary>
    Txt = 16,

    /// <summary>An IPv6 address.</summary>
    Aaaa = 28,

    /// <summary>Host and port of a service.</summary>
    Srv = 33,

    /// <summary>EDNS options, not a record; passed over.</summary>
    Opt = 41,

    /// <summary>Which types a name has, so that others are known to be absent.</summary>
    Nsec = 47,

    /// <summary>In questions: all types.</summary>
    Any = 255,
}

/// <summary>Classes, their top bit taken away.</summary>
internal static class DnsClass
{
    /// <summary>The Internet: the class of every record of multicast DNS.</summary>
    public const ushort In = 1;

    /// <summary>In questions: all classes.</summary>
    public const ushort Any = 255;

    /// <summary>RFC 6762 sections 18.12 and 18.13: in a question "a unicast reply is welcome", in a record "flush the cache".</summary>
    internal const ushort TopBit = 0x8000;
}

/// <summary>The second word of the header (RFC 6762 section 18); other bits are kept as they came.</summary>
[Flags]
internal enum DnsFlags : ushort
{
    /// <summary>A query.</summary>
    None = 0,

    /// <summary>TC: in a query "more known answers follow" (section 7.2).</summary>
    Truncated = 0x0200,

    /// <summary>AA: set in every response (section 18.4).</summary>
    Authoritative = 0x0400,

    /// <summary>QR: a response.</summary>
    Response = 0x8000,
}

/// <summary>Where in a message a record stands.</summary>
internal enum DnsSection
{
    /// <summary>Answers of a response; in a query known answers (section 7.1).</summary>
    Answer,

    /// <summary>In a probe: the records one means to use (section 8.2).</summary>
    Authority,

    /// <summary>Records nobody asked for that save a question (RFC 6763 section 12).</summary>
    Additional,
}
