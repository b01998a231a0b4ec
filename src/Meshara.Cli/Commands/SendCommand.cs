using System.CommandLine;
using System.Text;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Commands;

/// <summary><c>meshara send ID TEXT</c>: one message, done when the other side's handler has it.</summary>
internal static class SendCommand
{
    // Wire protocol section 8.1: a protocol's name.
    private const int LongestName = 128;

    public static Command Create(Terminal terminal)
    {
        Option<string> data = CommonOptions.Data();
        Option<bool> json = CommonOptions.Json();
        Argument<string> peer = CommonOptions.Peer();
        Argument<string> text = new("TEXT") { Description = "The message. Write -- before a text that begins with a dash." };
        Option<string> protocol = new("--protocol")
        {
            HelpName = "NAME",
            Description = "The protocol it is sent on.",
            DefaultValueFactory = static _ => "chat/1",
        };
        protocol.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: { } name }] && (Encoding.UTF8.GetByteCount(name) is 0 or > LongestName || name.Any(char.IsControl)))
            {
                result.AddError($"--protocol needs 1 to {LongestName} bytes without control characters.");
            }
        });
        Command command = new("send", "Send a text to a peer; done when the other side's handler has it.") { peer, text, protocol, data, json };
        command.SetAction(async (parsed, ct) =>
        {
            byte[] payload = Encoding.UTF8.GetBytes(parsed.GetValue(text)!);
            string name = parsed.GetValue(protocol)!;
            ControlReply reply = await ControlClient.CallAsync(
                parsed.GetValue(data)!,
                new ControlRequest { Command = ControlCommand.Send, Peer = parsed.GetValue(peer), Protocol = name, Payload = payload },
                null,
                terminal.Time,
                ct);
            Outcome.Write(
                terminal,
                parsed.GetValue(json),
                new DoneLine("sent", reply.Peer ?? "") { Protocol = name, Bytes = payload.Length },
                $"{reply.Peer} has it");
            return ExitCode.Done;
        });
        return command;
    }
}
