namespace Meshara;

/// <summary>Where a node listens.</summary>
/// <param name="Host">An address, a wildcard, or a name.</param>
/// <param name="Port">The port.</param>
/// <param name="TakesIPv4">Whether IPv4 is taken: <c>::</c> may do so too.</param>
internal sealed record ListenPlace(string Host, int Port, bool TakesIPv4);
