using System.Text;
using System.Text.Unicode;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Running;

/// <summary><c>meshara run</c> for people. Everything that a peer can choose goes through <see cref="Safe"/>.</summary>
internal sealed class TextReport(Terminal terminal) : INodeReport
{
    // Whoever dials on is refused again and again; what to do is said once for each of them.
    private const int MostHints = 1000;

    private readonly HashSet<string> _hinted = [];
    private readonly RunOutput _output = new(terminal);
    private readonly Lock _folding = new();
    private readonly RefusalFold _fold = new(terminal.Time, foldDials: true);
    private PublicKey? _own;
    private string? _data;

    public void Started(Node node, NodeFacts facts)
    {
        _own = node.PublicKey;
        _data = facts.DataDirectory;
        WriteLine($"node id     {node.Id}");
        WriteLine($"public key  {node.PublicKey}");
        WriteLine($"mesh        {Safe.Text(facts.Mesh)} (admits: {facts.Admission})");
        WriteLine($"data        {Safe.Text(facts.DataDirectory, 4096)}");
        WriteLine("Give others one of these addresses; Ctrl-C stops the node.");
        foreach (PeerAddress address in node.Addresses)
        {
            WriteLine($"  {address}");
        }
    }

    public void Happened(PeerEvent happened)
    {
        TellDue();
        if (EventLine.Of(happened) is { } line && IsToldAlone(line))
        {
            bool again = line is { ByPeer: true, Reason: "not-admitted" } && (_hinted.Count >= MostHints || !_hinted.Add($"{line.Peer} {line.Address}"));
            Write(happened.Time, again ? EventText.StillNotAdmitted(line) : EventText.Of(line, _own, _data));
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

    public void TellDue(bool all = false)
    {
        IReadOnlyList<EventLine> due;
        lock (_folding)
        {
            due = _fold.Due(all);
        }

        foreach (EventLine line in due)
        {
            Write(terminal.Time.GetUtcNow(), EventText.Of(line, _own, _data));
        }
    }

    public void Reconfigured(IReadOnlyList<OptionChange> changes)
    {
        foreach (OptionChange change in changes)
        {
            Write(terminal.Time.GetUtcNow(), EventText.Of(EventLine.Of(change, ""), _own, _data));
        }
    }

    public void PassedOver(IReadOnlyList<PassedOver> options)
    {
        foreach (PassedOver option in options)
        {
            Write(terminal.Time.GetUtcNow(), EventText.Of(EventLine.Of(option, ""), _own, _data));
        }
    }

    public void ConfigurationFailed(string why) => Write(terminal.Time.GetUtcNow(), EventText.Of(new EventLine("config-failed", "") { Detail = why }, _own, _data));

    public void ConfigurationMended() => Write(terminal.Time.GetUtcNow(), EventText.Of(new EventLine("config-mended", ""), _own, _data));

    public void Stopped()
    {
        TellDue(all: true);
        Write(terminal.Time.GetUtcNow(), "stopped");
    }

    private bool IsToldAlone(EventLine line)
    {
        lock (_folding)
        {
            return _fold.Take(line);
        }
    }

    private void Write(DateTimeOffset time, string text) =>
        WriteLine($"{Show.Time(time, terminal.Time)}  {text}");

    private void WriteLine(string line) => _output.Write(
        () => terminal.WriteLine(line),
        (lost, why) => terminal.WriteLine($"{Show.Time(terminal.Time.GetUtcNow(), terminal.Time)}  {lost} {(lost == 1 ? "line is" : "lines are")} missing here, which could not be written: {Safe.Line(why)}"));
}
