namespace Meshara;

/// <summary>What changed a peer's reputation. The numbers are stored: they never change.</summary>
public enum ReputationCause
{
    /// <summary>Messages were exchanged and handled.</summary>
    UsefulExchange = 0,

    /// <summary>The peer did not answer in time.</summary>
    Timeout = 1,

    /// <summary>The peer stayed over a limit of frames after it had been slowed.</summary>
    Rate = 2,

    /// <summary>The peer broke the protocol.</summary>
    ProtocolViolation = 3,

    /// <summary>The peer presented a signature that is forged.</summary>
    ForgedSignature = 4,

    /// <summary>An earlier loss was taken back: the fault was this node's own.</summary>
    GivenBack = 5,
}
