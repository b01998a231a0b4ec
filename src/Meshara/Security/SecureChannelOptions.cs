namespace Meshara.Security;

/// <summary>What a TLS handshake may be.</summary>
/// <param name="MinimumTls">The oldest version.</param>
/// <param name="Timeout">From the call, or for <see cref="Waited"/> before it, to the end of the handshake; positive.</param>
/// <param name="TimeProvider">The clock of the timeout.</param>
internal sealed record SecureChannelOptions(MinimumTls MinimumTls, TimeSpan Timeout, TimeProvider TimeProvider)
{
    /// <summary>How much of <see cref="Timeout"/> has passed before the call.</summary>
    public TimeSpan Waited { get; init; }

    /// <summary>Why the pin has to answer.</summary>
    public ExpectedKey Expected { get; init; }

    /// <summary>What is left of it.</summary>
    public TimeSpan Left => Timeout > Waited ? Timeout - Waited : TimeSpan.Zero;
}
