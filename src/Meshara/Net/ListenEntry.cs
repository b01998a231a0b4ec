namespace Meshara.Net;

/// <summary>One entry of <see cref="NodeOptions.Listen"/>.</summary>
/// <param name="Host">An address, a wildcard or a name, normalised; IPv6 without brackets.</param>
/// <param name="Port">0 to 65535, 0: the system chooses. Null: none was asked for, so that <see cref="DefaultPorts"/> decide.</param>
internal sealed record ListenEntry(string Host, int? Port)
{
    /// <summary>As it is written: <c>host:port</c>, or the host alone.</summary>
    public override string ToString() => Port is { } port ? PeerAddress.Join(Host, port)
        : Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]"
        : Host;
}
