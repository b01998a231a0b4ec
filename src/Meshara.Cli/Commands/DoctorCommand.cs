using System.CommandLine;
using Meshara.Cli.Control;
using Meshara.Cli.Doctor;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Commands;

/// <summary><c>meshara doctor</c>: what keeps this machine's node from finding and reaching others.</summary>
internal static class DoctorCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    public static Command Create(Terminal terminal)
    {
        Option<string> data = CommonOptions.Data();
        Option<bool> json = CommonOptions.Json();
        Command command = new("doctor", "Look at interfaces, multicast, ports, firewall, clock, named peers and the data directory, and say what to do; exit code 1 where something is broken.") { data, json };
        command.SetAction(async (parsed, ct) =>
        {
            (IReadOnlyList<FindingLine> findings, bool running) = await FindAsync(terminal, parsed.GetValue(data)!, ct);

            // What it advises to type has to reach the same node.
            findings = [.. findings.Select(finding => finding with { Detail = Hints.Here(finding.Detail, parsed.GetValue(data)), Advice = finding.Advice is { } advice ? Hints.Here(advice, parsed.GetValue(data)) : null })];
            bool ok = findings.All(static finding => finding.State != FindingLine.Broken);
            if (parsed.GetValue(json))
            {
                terminal.WriteJson(new DoctorLine(ok, running, findings), OutputJson.Default.DoctorLine);
            }
            else
            {
                Write(terminal, findings);
            }

            return ok ? ExitCode.Done : ExitCode.Failed;
        });
        return command;
    }

    private static void Write(Terminal terminal, IReadOnlyList<FindingLine> findings)
    {
        foreach (FindingLine finding in findings)
        {
            string state = finding.State == FindingLine.Broken ? "BROKEN" : finding.State;
            terminal.WriteLine($"{state,-7}  {Safe.Text(finding.Area, 16),-9}  {Safe.Text(finding.Subject, 400)}: {Safe.Text(finding.Detail, 2000)}");
            if (finding.Advice is { } advice)
            {
                terminal.WriteLine($"{"",-7}  {"",-9}  To do: {Safe.Text(advice, 2000)}");
            }
        }

        int broken = findings.Count(static finding => finding.State == FindingLine.Broken);
        int warnings = findings.Count(static finding => finding.State == FindingLine.Warning);
        terminal.WriteLine($"{broken} broken, {warnings} {(warnings == 1 ? "warning" : "warnings")}, {findings.Count(static finding => finding.State == FindingLine.Ok)} ok, {findings.Count(static finding => finding.State == FindingLine.Unseen)} not seen");
    }

    private static async Task<(IReadOnlyList<FindingLine> Findings, bool Running)> FindAsync(Terminal terminal, string data, CancellationToken cancellationToken)
    {
        List<FindingLine> findings = [];
        try
        {
            await ControlClient.CallAsync(
                data,
                new ControlRequest { Command = ControlCommand.Doctor },
                part =>
                {
                    if (part.Finding is { } finding)
                    {
                        findings.Add(finding);
                    }
                },
                terminal.Time,
                cancellationToken,
                Patience);
            return (findings, true);
        }
        catch (ControlException e) when (e.Code is ControlException.NotRunning or ControlException.InUse)
        {
            return (await Examination.OfAsync(data, e.Code == ControlException.InUse ? e.Message : null, terminal.Time, cancellationToken), false);
        }
    }
}
