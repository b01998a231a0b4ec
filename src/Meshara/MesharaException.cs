namespace Meshara;

/// <summary>The one exception that Meshara throws for what can happen in a network; misuse of the API throws the framework's own.</summary>
public sealed class MesharaException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="code">What went wrong.</param>
    /// <param name="message">What happened, to which peer, address or file, and what to do.</param>
    /// <param name="isTransient">Whether the same call may succeed later without a change of configuration.</param>
    /// <param name="retryAfter">When the other side asked to be tried again, if it did.</param>
    /// <param name="innerException">The cause.</param>
    public MesharaException(
        MesharaErrorCode code, string message, bool isTransient = false, TimeSpan? retryAfter = null, Exception? innerException = null)
        : base(message, innerException)
    {
        Code = code;
        IsTransient = isTransient;
        RetryAfter = retryAfter;
    }

    /// <summary>What went wrong.</summary>
    public MesharaErrorCode Code { get; }

    /// <summary>Whether the same call may succeed later without a change of configuration.</summary>
    public bool IsTransient { get; }

    /// <summary>How long the other side asked to wait before the next attempt; null when it said nothing.</summary>
    public TimeSpan? RetryAfter { get; }

    /// <summary>The code that the other side's application gave to <c>MeshStream.Abort</c>; 0 when it gave none.</summary>
    public long StreamCode { get; init; }

    /// <summary>Of <see cref="MesharaErrorCode.InvalidOption"/>: which option, as in code (<c>Discovery.TargetPeers</c>) or as the key of a configuration
    /// (<c>Meshara:Discovery:TargetPeers</c>); else null.</summary>
    public string? Option { get; init; }

    /// <summary>What is wrong with <see cref="Option"/>, as the end of a sentence.</summary>
    internal string? OptionFault { get; init; }
}
