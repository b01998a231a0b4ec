namespace Meshara.Security;

/// <summary>What a TLS handshake may be.</summary>
/// <param name="MinimumTls">The oldest version.</param>
/// <param name="Timeout">From the call to the end of the handshake; positive.</param>
/// <param name="TimeProvider">The clock of the timeout.</param>
internal sealed record SecureChannelOptions(MinimumTls MinimumTls, TimeSpan Timeout, TimeProvider TimeProvider);
