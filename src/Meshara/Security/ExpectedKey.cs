namespace Meshara.Security;

/// <summary>Why a certain key has to answer: what to do about another one depends on it.</summary>
internal enum ExpectedKey
{
    /// <summary>It is pinned.</summary>
    Pinned,

    /// <summary>Its id was given with the address.</summary>
    Named,

    /// <summary>Its id was learned with the address, or answered there before.</summary>
    Learned,
}
