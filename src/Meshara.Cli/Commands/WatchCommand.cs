using System.CommandLine;
using System.Globalization;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;
using Meshara.Cli.Running;

namespace Meshara.Cli.Commands;

/// <summary><c>meshara watch</c>: what happens between the running node and others, as it comes.</summary>
internal static class WatchCommand
{
    public static Command Create(Terminal terminal)
    {
        Option<string> data = CommonOptions.Data();
        Option<bool> json = CommonOptions.Json();
        Command command = new("watch", "Print what happens at the running node, until it ends or Ctrl-C: links, refusals, new keys. What messages contain is not shown.") { data, json };
        command.SetAction(async (parsed, ct) =>
        {
            using StopSignals signals = new(terminal.Time, ct);
            using CancellationTokenSource done = new();
            Task guard = OutputGuard.RunAsync(terminal, signals.Stop, done.Token);
            try
            {
                await ControlClient.CallAsync(
                    parsed.GetValue(data)!,
                    new ControlRequest { Command = ControlCommand.Watch },
                    part => Write(terminal, parsed.GetValue(data)!, parsed.GetValue(json), part),
                    terminal.Time,
                    signals.Token,
                    Timeout.InfiniteTimeSpan);
            }
            catch (OperationCanceledException) when (signals.Token.IsCancellationRequested)
            {
                // Ctrl-C, or nobody reads.
            }
            catch (ControlException e) when (e.Code is "cancelled" or "no-answer")
            {
                terminal.Complain("the node has stopped");
            }
            finally
            {
                await done.CancelAsync();
                await guard;
            }

            return ExitCode.Done;
        });
        return command;
    }

    private static void Write(Terminal terminal, string data, bool json, ControlReply part)
    {
        if (part.Event is not { } line)
        {
            return;
        }

        if (json)
        {
            terminal.WriteJson(line, OutputJson.Default.EventLine);
            return;
        }

        DateTimeOffset time = DateTimeOffset.TryParse(line.Time, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset at) ? at : terminal.Time.GetUtcNow();
        terminal.WriteLine($"{Show.Time(time, terminal.Time)}  {EventText.Of(line, null, data)}");
    }
}
