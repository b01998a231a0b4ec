using System.CommandLine;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;
using Meshara.Cli.Running;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Meshara.Cli.Commands;

/// <summary><c>meshara top</c>: the peers of the running node and what passes between them, again every second.</summary>
internal static class TopCommand
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    public static Command Create(Terminal terminal)
    {
        Option<string> data = CommonOptions.Data();
        Option<bool> once = new("--once") { Description = "Print one table and end; so it does where standard output is no terminal." };
        Command command = new("top", "Show the peers and their traffic every second, until q or Ctrl-C.") { once, data };
        command.SetAction(async (parsed, ct) =>
        {
            using StopSignals signals = new(terminal.Time, ct);
            TopRun run = new(terminal, parsed.GetValue(data)!);
            try
            {
                await (parsed.GetValue(once) || !terminal.OutputIsTerminal ? run.OnceAsync(signals.Token) : run.LiveAsync(signals));
            }
            catch (OperationCanceledException) when (signals.Token.IsCancellationRequested)
            {
                // q or Ctrl-C: the last picture stays.
            }

            return ExitCode.Done;
        });
        return command;
    }

    private sealed class TopRun(Terminal terminal, string data)
    {
        private readonly TopTable _table = new();

        // Rates need two looks.
        public async Task OnceAsync(CancellationToken stop)
        {
            await LookAsync(stop);
            await Task.Delay(Every, terminal.Time, stop);
            terminal.Console.Write(await LookAsync(stop));
        }

        public async Task LiveAsync(StopSignals signals)
        {
            IRenderable first = await LookAsync(signals.Token);
            if (terminal.ReadKey is { } readKey)
            {
                // Ends with the process: a read of the keyboard cannot be cancelled.
                new Thread(() => WaitForQ(readKey, signals)) { IsBackground = true }.Start();
            }

            using PeriodicTimer timer = new(Every, terminal.Time);
            await terminal.Console.Live(first).Overflow(VerticalOverflow.Ellipsis).StartAsync(async picture =>
            {
                while (await timer.WaitForNextTickAsync(signals.Token))
                {
                    picture.UpdateTarget(await LookAsync(signals.Token));
                    picture.Refresh();
                }
            });
        }

        private static void WaitForQ(Func<ConsoleKeyInfo> readKey, StopSignals signals)
        {
            while (readKey().KeyChar is not ('q' or 'Q'))
            {
            }

            signals.Stop();
        }

        private async Task<IRenderable> LookAsync(CancellationToken stop)
        {
            List<PeerLine> peers = await PeersCommand.ListAsync(terminal, data, stop);
            return _table.Look(peers, terminal.Time.GetUtcNow(), terminal.Console.Profile.Width);
        }
    }
}
