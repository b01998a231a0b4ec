using System.Globalization;
using System.Text;
using System.Text.Unicode;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Running;

/// <summary><c>meshara run --json</c>: one object a line.</summary>
internal sealed class JsonReport(Terminal terminal) : INodeReport
{
    public void Started(Node node, NodeFacts facts)
    {
        foreach (PeerAddress address in node.Addresses)
        {
            Write(new EventLine("listening", Now())
            {
                Address = address.ToString(),
                NodeId = node.Id.ToString(),
                PublicKey = node.PublicKey.ToString(),
            });
        }
    }

    public void Happened(PeerEvent happened)
    {
        string time = Rfc3339(happened.Time);
        EventLine? line = happened switch
        {
            PeerConnected e => new EventLine("peer-connected", time) { Peer = e.Peer.ToString(), Address = e.Address, Inbound = e.Inbound },
            PeerDisconnected e => new EventLine("peer-disconnected", time)
            {
                Peer = e.Peer.ToString(),
                Address = e.Address,
                Reason = Kebab.Of(e.Reason),
                Detail = e.Detail,
            },
            PeerRefused e => new EventLine("refused", time)
            {
                Address = e.Address,
                Reason = Kebab.Of(e.Code),
                Peer = e.Peer?.ToString(),
                ByPeer = e.ByPeer,
                Detail = e.Detail,
                RetryAfter = e.RetryAfter?.TotalSeconds,
            },
            IdentityShared e => new EventLine("identity-shared", time) { Peer = e.Peer.ToString(), Address = e.Address, OtherAddress = e.OtherAddress },

            // An event of a newer library that has no line yet.
            _ => null,
        };
        if (line is not null)
        {
            Write(line);
        }
    }

    public void Received(Message message)
    {
        ReadOnlySpan<byte> payload = message.Payload.Span;
        bool isText = Utf8.IsValid(payload);
        Write(new EventLine("message", Now())
        {
            Peer = message.Peer.ToString(),
            Protocol = message.Protocol,
            Text = isText ? Encoding.UTF8.GetString(payload) : null,
            Base64 = isText ? null : Convert.ToBase64String(payload),
        });
    }

    public void Stopped() => Write(new EventLine("stopped", Now()));

    private static string Rfc3339(DateTimeOffset time) => time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private string Now() => Rfc3339(terminal.Time.GetUtcNow());

    private void Write(EventLine line) => terminal.WriteJson(line, OutputJson.Default.EventLine);
}
