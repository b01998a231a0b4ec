namespace Meshara.Mdns.Wire;

/// <summary>A question of class IN (or ANY, which is read alike).</summary>
/// <param name="Name">Whose records.</param>
/// <param name="Type">Which of them.</param>
/// <param name="UnicastResponse">The QU bit (RFC 6762 section 5.4).</param>
internal readonly record struct DnsQuestion(DnsName Name, DnsType Type, bool UnicastResponse = false);
