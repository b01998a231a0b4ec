using System.Diagnostics.CodeAnalysis;

namespace Meshara.Wire;

/// <summary>What a peer sent breaks the protocol. Spec section 2, the outcomes "protocol error" and "close".</summary>
/// <param name="isViolation">True: protocol error, held against the peer's id. False: close, held against nobody.</param>
/// <param name="message">For people; never holds bytes of the peer.</param>
internal sealed class WireException(bool isViolation, string message) : Exception(message)
{
    /// <summary>True: protocol error, held against the peer's id. False: close, held against nobody.</summary>
    public bool IsViolation { get; } = isViolation;

    /// <summary>A protocol error that cannot happen by accident: something was signed by nobody who could.</summary>
    public bool IsForgery { get; private init; }

    /// <summary>Throws a protocol error for a forged signature.</summary>
    [DoesNotReturn]
    public static void Forgery(string message) => throw new WireException(true, message) { IsForgery = true };

    /// <summary>Throws a protocol error.</summary>
    [DoesNotReturn]
    public static void Violation(string message) => throw new WireException(true, message);

    /// <summary>Throws a close.</summary>
    [DoesNotReturn]
    public static void Close(string message) => throw new WireException(false, message);
}
