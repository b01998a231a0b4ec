using System.CommandLine;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;
using Meshara.Cli.Running;

namespace Meshara.Cli.Commands;

/// <summary><c>meshara ping ID</c>: how long a PING over the live link takes, again and again, and what that comes to.</summary>
internal static class PingCommand
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    public static Command Create(Terminal terminal)
    {
        Option<string> data = CommonOptions.Data();
        Option<bool> json = CommonOptions.Json();
        Argument<string> peer = CommonOptions.Peer(terminal);
        Option<int?> count = new("--count") { HelpName = "N", Description = "How many; default: until Ctrl-C." };
        count.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: { } text }] && (!int.TryParse(text, out int value) || value < 1))
            {
                result.AddError($"--count needs a whole number from 1 on, not '{text}'.");
            }
        });
        Option<TimeSpan?> interval = CommonOptions.Seconds("--interval", "Seconds from one to the next; from 0.01 on.", Interval, TimeSpan.FromMilliseconds(10));
        Command command = new("ping", "Measure the round trip to a peer over the live link.") { peer, count, interval, data, json };
        command.SetAction(async (parsed, ct) =>
        {
            using StopSignals signals = new(terminal.Time, ct);
            PingRun run = new(terminal, parsed.GetValue(data)!, parsed.GetValue(peer)!, parsed.GetValue(json));
            return await run.RunAsync(parsed.GetValue(count) ?? int.MaxValue, parsed.GetValue(interval) ?? Interval, signals.Token);
        });
        return command;
    }

    private sealed class PingRun(Terminal terminal, string data, string peer, bool json)
    {
        private readonly List<double> _times = [];
        private int _sent;

        public async Task<int> RunAsync(int count, TimeSpan interval, CancellationToken stop)
        {
            using PeriodicTimer timer = new(interval, terminal.Time);
            try
            {
                while (_sent < count)
                {
                    if (_sent > 0)
                    {
                        await timer.WaitForNextTickAsync(stop);
                    }

                    await PingAsync(stop);
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                // Ctrl-C: the summary is what is wanted. One that was under way does not count.
            }

            Summarize();
            return _times.Count > 0 ? ExitCode.Done : ExitCode.Failed;
        }

        private async Task PingAsync(CancellationToken stop)
        {
            try
            {
                ControlReply reply = await ControlClient.CallAsync(data, new ControlRequest { Command = ControlCommand.Ping, Peer = peer }, null, terminal.Time, stop);
                double time = reply.RoundTripMs ?? throw new CliException("The running node answered without an answer: is it of another version?");
                _sent++;
                _times.Add(time);
                Write(new PingLine(_sent) { Peer = reply.Peer, RoundTripMs = time }, $"{Show.ShortId(reply.Peer ?? "")}  {_sent}  {Show.Milliseconds(time)}");
            }
            catch (ControlException e) when (IsLoss(e.Code))
            {
                _sent++;
                Write(new PingLine(_sent) { Error = e.Code, Message = e.Message }, $"{Show.ShortId(peer)}  {_sent}  {Safe.Line(e.Message)}");
            }
        }

        // No link at all is told at once; a link that is lost later is a loss, and may come back.
        private bool IsLoss(string code) => code is "request-timeout" or "link-closed" || (code == "not-connected" && _sent > 0);

        private void Summarize()
        {
            _times.Sort();
            double? loss = _sent == 0 ? null : 1 - ((double)_times.Count / _sent);
            PingSummary summary = new(_sent, _times.Count)
            {
                Loss = loss,
                MinMs = Rank(0),
                P50Ms = Rank(0.5),
                P99Ms = Rank(0.99),
                MaxMs = Rank(1),
            };
            if (json)
            {
                terminal.WriteJson(summary, OutputJson.Default.PingSummary);
                return;
            }

            terminal.WriteLine($"{_sent} sent, {_times.Count} answered{(loss is { } share ? $", {share:0.##%} lost" : "")}");
            if (_times.Count > 0)
            {
                terminal.WriteLine($"min {Show.Milliseconds(summary.MinMs)}  p50 {Show.Milliseconds(summary.P50Ms)}  p99 {Show.Milliseconds(summary.P99Ms)}  max {Show.Milliseconds(summary.MaxMs)}");
            }
        }

        // The nearest rank: a time that was measured, none in between.
        private double? Rank(double share) => _times.Count == 0 ? null : _times[Math.Max(0, (int)Math.Ceiling(share * _times.Count) - 1)];

        private void Write(PingLine line, string text)
        {
            if (json)
            {
                terminal.WriteJson(line, OutputJson.Default.PingLine);
            }
            else
            {
                terminal.WriteLine(text);
            }
        }
    }
}
