using System.Text;
using System.Text.Unicode;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Running;

/// <summary><c>meshara run</c> for people. Everything that a peer can choose goes through <see cref="Safe"/>.</summary>
internal sealed class TextReport(Terminal terminal) : INodeReport
{
    private PublicKey? _own;

    public void Started(Node node, NodeFacts facts)
    {
        _own = node.PublicKey;
        terminal.WriteLine($"node id     {node.Id}");
        terminal.WriteLine($"public key  {node.PublicKey}");
        terminal.WriteLine($"mesh        {Safe.Text(facts.Mesh)} (admits: {facts.Admission})");
        terminal.WriteLine($"data        {Safe.Text(facts.DataDirectory, 4096)}");
        terminal.WriteLine("Give others one of these addresses; Ctrl-C stops the node.");
        foreach (PeerAddress address in node.Addresses)
        {
            terminal.WriteLine($"  {address}");
        }
    }

    public void Happened(PeerEvent happened)
    {
        string? text = happened switch
        {
            PeerConnected e => $"connected     {e.Peer.ToShortString()} at {Safe.Text(e.Address)}{(e.Inbound ? ", it dialled" : "")}",
            PeerDisconnected e => $"disconnected  {e.Peer.ToShortString()} at {Safe.Text(e.Address)}: {Because(Kebab.Of(e.Reason), e.Detail)}",
            PeerRefused e => Refused(e),
            IdentityShared e => $"shared key    {e.Peer.ToShortString()} runs at {Safe.Text(e.Address)} and {(e.OtherAddress is { } other ? $"at {Safe.Text(other)}" : "here")}: "
                + "two live nodes have one identity. Was a data directory copied? Stop one of them.",
            _ => null,
        };
        if (text is not null)
        {
            Write(happened.Time, text);
        }
    }

    public void Received(Message message)
    {
        ReadOnlySpan<byte> payload = message.Payload.Span;
        string text = Utf8.IsValid(payload)
            ? Safe.Text(Encoding.UTF8.GetString(payload), 4000)
            : $"{payload.Length} bytes, not text";
        Write(terminal.Time.GetUtcNow(), $"message       {message.Peer.ToShortString()} {Safe.Text(message.Protocol)}: {text}");
    }

    public void Stopped() => Write(terminal.Time.GetUtcNow(), "stopped");

    private string Refused(PeerRefused refused)
    {
        string who = refused.Peer is { } id ? $"{id.ToShortString()} at {Safe.Text(refused.Address)}" : Safe.Text(refused.Address);
        if (refused is { ByPeer: true, Code: MesharaErrorCode.NotAdmitted } && _own is not null)
        {
            return $"refused by    {who}: {Hints.NotAdmitted(refused.Address, _own)}";
        }

        string again = refused.RetryAfter is { } wait ? $" (again in {Show.Span(wait)})" : "";
        return $"{(refused.ByPeer ? "refused by  " : "no link     ")}  {who}: {Because(Kebab.Of(refused.Code), refused.Detail)}{again}";
    }

    private static string Because(string reason, string detail) => detail.Length == 0 ? reason : $"{reason}: {Safe.Line(detail)}";

    private void Write(DateTimeOffset time, string text) =>
        terminal.WriteLine($"{TimeZoneInfo.ConvertTime(time, terminal.Time.LocalTimeZone):HH:mm:ss}  {text}");
}
