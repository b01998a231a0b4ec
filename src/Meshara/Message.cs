using System.Text;

namespace Meshara;

/// <summary>One message or request, as a handler sees it.</summary>
/// <param name="Peer">Who sent it: the id proven in the TLS handshake.</param>
/// <param name="Protocol">The protocol it was sent on.</param>
/// <param name="Payload">Its bytes. They belong to the handler until the task it returned ends; copy what must live longer.</param>
public readonly record struct Message(NodeId Peer, string Protocol, ReadOnlyMemory<byte> Payload)
{
    /// <summary>The payload as UTF-8; what is not UTF-8 becomes U+FFFD. It comes from a peer: escape it before you show it on a terminal.</summary>
    public string Text => Encoding.UTF8.GetString(Payload.Span);
}
