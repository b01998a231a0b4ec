using System.CommandLine;
using Meshara.Cli.Control;
using Meshara.Cli.Running;

namespace Meshara.Cli.Commands;

/// <summary><c>meshara pipe ID</c> and <c>meshara pipe --accept</c>: standard input and output as one byte stream between two machines.</summary>
internal static class PipeCommand
{
    public static Command Create(Terminal terminal)
    {
        Option<string> data = CommonOptions.Data();
        Argument<string> peer = CommonOptions.Peer(terminal);
        peer.Arity = ArgumentArity.ZeroOrOne;
        Option<bool> accept = new("--accept") { Description = "Wait for a stream instead of opening one: from anybody, or from ID only." };
        Option<string> protocol = CommonOptions.Protocol("pipe/1", "The protocol; the same on both sides.");
        Option<bool> quiet = new("--quiet") { Description = "No progress and no notes on standard error; errors all the same." };
        Command command = new(
            "pipe",
            "Connect standard input and output with those of 'meshara pipe --accept' at a peer, or of any program that handles streams of the protocol. "
            + "The end of the input ends that direction only; where the input is a keyboard that nobody has used, it ends when the other side does. "
            + "Exit code 0: both directions came to their end, and nothing is missing.")
        {
            peer, accept, protocol, quiet, data,
        };
        command.Validators.Add(result =>
        {
            if (!result.GetValue(accept) && result.GetResult(peer)?.Tokens.Count is null or 0)
            {
                result.AddError("pipe needs the ID of a peer, or --accept.");
            }
        });
        command.SetAction(async (parsed, ct) =>
        {
            bool accepts = parsed.GetValue(accept);
            ControlRequest request = new()
            {
                Command = accepts ? ControlCommand.PipeAccept : ControlCommand.Pipe,
                Peer = parsed.GetValue(peer),
                Protocol = parsed.GetValue(protocol)!,
            };
            bool isQuiet = parsed.GetValue(quiet);
            using StopSignals signals = new(terminal.Time, ct);
            try
            {
                await ControlClient.PipeAsync(
                    parsed.GetValue(data)!,
                    request,
                    part =>
                    {
                        if (!isQuiet)
                        {
                            terminal.Complain($"waiting for a stream on '{part.Protocol}'");
                        }
                    },
                    (answer, chunks) => new PipeClient(terminal, chunks, answer.Peer ?? "", isQuiet).RunAsync(signals.Token),
                    terminal.Time,
                    signals.Token);
            }
            catch (OperationCanceledException e) when (signals.Token.IsCancellationRequested)
            {
                throw new CliException("Ended by Ctrl-C or a signal before there was a stream: no byte was sent or received.", e);
            }

            return ExitCode.Done;
        });
        return command;
    }
}
