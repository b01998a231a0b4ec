using System.CommandLine;
using System.Text;
using System.Text.Unicode;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Commands;

/// <summary><c>meshara request ID TEXT</c>: asks a peer's handler and prints its reply.</summary>
internal static class RequestCommand
{
    private static readonly TimeSpan ByDefault = TimeSpan.FromSeconds(30);

    // Nobody waits longer with a shell open; and the node counts in milliseconds.
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    public static Command Create(Terminal terminal)
    {
        Option<string> data = CommonOptions.Data();
        Option<bool> json = CommonOptions.Json();
        Argument<string> peer = CommonOptions.Peer(terminal);
        Argument<string> text = new("TEXT") { Description = "The request. Write -- before a text that begins with a dash." };
        Option<string> protocol = CommonOptions.Protocol("request/1", "The protocol that the other side handles.");
        Option<TimeSpan?> timeout = CommonOptions.Seconds("--timeout", "Seconds to wait for the reply.", ByDefault, TimeSpan.FromMilliseconds(1), Longest);
        Command command = new("request", "Send a request to a peer and print its reply.") { peer, text, protocol, timeout, data, json };
        command.SetAction(async (parsed, ct) =>
        {
            string name = parsed.GetValue(protocol)!;
            TimeSpan limit = parsed.GetValue(timeout) ?? ByDefault;
            ControlRequest request = new()
            {
                Command = ControlCommand.Request,
                Peer = parsed.GetValue(peer),
                Protocol = name,
                Payload = Encoding.UTF8.GetBytes(parsed.GetValue(text)!),
                TimeoutMs = limit.TotalMilliseconds,
            };
            ControlReply reply = await ControlClient.CallAsync(parsed.GetValue(data)!, request, null, terminal.Time, ct, limit + ControlClient.Patience);
            Write(terminal, parsed.GetValue(json), name, reply);
            return ExitCode.Done;
        });
        return command;
    }

    private static void Write(Terminal terminal, bool json, string protocol, ControlReply reply)
    {
        byte[] payload = reply.Payload ?? throw new CliException("The running node answered without an answer: is it of another version?");
        string? text = Utf8.IsValid(payload) ? Encoding.UTF8.GetString(payload) : null;
        if (json)
        {
            ReplyLine line = new(reply.Peer ?? "", protocol) { Text = text, Base64 = text is null ? Convert.ToBase64String(payload) : null };
            terminal.WriteJson(line, OutputJson.Default.ReplyLine);
        }
        else if (!terminal.OutputIsTerminal)
        {
            terminal.Output.Write(payload);
            terminal.Output.Flush();
        }
        else if (text is null)
        {
            terminal.WriteLine($"{payload.Length} bytes, not text: send them to a file or a program, or use --json.");
        }
        else
        {
            // Line ends are the only controls that a reply may bring to a terminal.
            foreach (string line in text.TrimEnd('\n').Split('\n'))
            {
                terminal.WriteLine(Safe.Text(line.TrimEnd('\r'), int.MaxValue));
            }
        }
    }
}
