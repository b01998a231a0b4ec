using System.CommandLine;
using System.Text;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Commands;

/// <summary><c>meshara send ID TEXT</c>: one message, done when the other side's handler has it.</summary>
internal static class SendCommand
{
    public static Command Create(Terminal terminal)
    {
        Option<string> data = CommonOptions.Data();
        Option<bool> json = CommonOptions.Json();
        Argument<string> peer = CommonOptions.Peer(terminal);
        Argument<string> text = new("TEXT") { Description = "The message. Write -- before a text that begins with a dash." };
        Option<string> protocol = CommonOptions.Protocol("chat/1", "The protocol it is sent on.");
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
