namespace Meshara.Wire;

/// <summary>Frame types, wire protocol section 4. Bit 7 marks a type that a receiver may ignore.</summary>
internal enum FrameType : byte
{
    Hello = 0x01,
    Proof = 0x02,
    Ready = 0x03,
    Refuse = 0x04,
    Ping = 0x05,
    Pong = 0x06,
    Goodbye = 0x07,
    Done = 0x08,
    Open = 0x10,
    Data = 0x11,
    Reset = 0x12,
    StopSending = 0x13,
    Window = 0x14,
    MaxStreams = 0x15,
    Ack = 0x16,
    Notice = 0x81,
}

/// <summary>Flags of DATA, section 8.2; no other type has any.</summary>
[Flags]
internal enum FrameFlags : byte
{
    None = 0,
    EndOfMessage = 0x01,
    Fin = 0x02,
    Acknowledge = 0x04,
}

/// <summary>Section 5.1.</summary>
internal enum HelloPurpose : byte
{
    Peer = 0,
    Probe = 1,
}

/// <summary>Feature bits of HELLO, section 5.1.</summary>
internal static class Features
{
    public const ulong SharedSecret = 1;
}

/// <summary>Section 5.4.</summary>
internal enum RefuseCode
{
    Other = 0,
    Duplicate = 1,
    Full = 2,
    Banned = 3,
    NotAdmitted = 4,
    WrongMesh = 5,
    GoingAway = 6,
    IdentityInUse = 7,
    Version = 8,
    Rate = 9,
    Unsupported = 10,
}

/// <summary>Section 7.2.</summary>
internal enum GoodbyeCode
{
    Shutdown = 0,
    Removed = 1,
    Replaced = 2,
    Timeout = 3,
    ProtocolError = 4,
    Evicted = 5,
    ProbeDone = 6,
    IdentityInUse = 7,
    InternalError = 8,
}

/// <summary>Section 7.3.</summary>
internal enum NoticeCode
{
    /// <summary>Never written; what a code we do not know is read as.</summary>
    Unknown = 0,
    IdentityInUse = 1,
}

/// <summary>Section 8.1.</summary>
internal enum StreamKind : byte
{
    Messages = 0,
    Request = 1,
    Bytes = 2,
}

/// <summary>Codes of RESET, STOP_SENDING and ACK, section 8.5; 256 and above are the application's own.</summary>
internal static class StreamCode
{
    public const long None = 0;
    public const long Cancelled = 1;
    public const long UnknownProtocol = 2;
    public const long HandlerFailed = 3;
    public const long Timeout = 4;
    public const long Busy = 5;
    public const long Refused = 6;
    public const long NoProgress = 7;
    public const long MessageTooLarge = 8;
    public const long GoingAway = 9;
    public const long FirstApplication = 256;
}
