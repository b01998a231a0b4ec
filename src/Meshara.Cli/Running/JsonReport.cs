using System.Text;
using System.Text.Unicode;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Running;

/// <summary><c>meshara run --json</c>: one object a line.</summary>
internal sealed class JsonReport(Terminal terminal) : INodeReport
{
    private readonly RunOutput _output = new(terminal);
    private readonly Lock _folding = new();
    private readonly RefusalFold _fold = new(terminal.Time, foldDials: false);

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
        TellDue();
        if (EventLine.Of(happened) is { } line && IsToldAlone(line))
        {
            Write(line);
        }
    }

    public void TellDue(bool all = false)
    {
        IReadOnlyList<EventLine> due;
        lock (_folding)
        {
            due = _fold.Due(all);
        }

        foreach (EventLine line in due)
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

    public void Reconfigured(IReadOnlyList<OptionChange> changes)
    {
        foreach (OptionChange change in changes)
        {
            Write(EventLine.Of(change, Now()));
        }
    }

    public void PassedOver(IReadOnlyList<PassedOver> options)
    {
        foreach (PassedOver option in options)
        {
            Write(EventLine.Of(option, Now()));
        }
    }

    public void ConfigurationFailed(string why) => Write(new EventLine("config-failed", Now()) { Detail = why });

    public void ConfigurationMended() => Write(new EventLine("config-mended", Now()));

    public void Stopped()
    {
        TellDue(all: true);
        Write(new EventLine("stopped", Now()));
    }

    private bool IsToldAlone(EventLine line)
    {
        lock (_folding)
        {
            return _fold.Take(line);
        }
    }

    private string Now() => EventLine.Rfc3339(terminal.Time.GetUtcNow());

    private void Write(EventLine line) => _output.Write(
        () => terminal.WriteJson(line, OutputJson.Default.EventLine),
        (lost, why) => terminal.WriteJson(new EventLine("lines-lost", Now()) { Count = lost, Detail = why }, OutputJson.Default.EventLine));
}
