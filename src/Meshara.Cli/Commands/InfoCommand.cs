using System.CommandLine;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Commands;

/// <summary><c>meshara info</c>: what the running node is and where it can be reached.</summary>
internal static class InfoCommand
{
    public static Command Create(Terminal terminal)
    {
        Option<string> data = CommonOptions.Data();
        Option<bool> json = CommonOptions.Json();
        Option<bool> staticPeer = new("--static-peer") { Description = "Print only this node's entry for the static peers file of another node (run --static-peers)." };
        Command command = new("info", "Show what the running node is and where others can reach it.") { data, json, staticPeer };
        command.SetAction(async (parsed, ct) =>
        {
            ControlReply reply = await ControlClient.CallAsync(
                parsed.GetValue(data)!, new ControlRequest { Command = ControlCommand.Info }, null, terminal.Time, ct);
            InfoLine info = reply.Info ?? throw new CliException("The running node answered without an answer: is it of another version?");
            if (parsed.GetValue(staticPeer))
            {
                WriteStaticPeer(terminal, info, parsed.GetValue(json));
            }
            else if (parsed.GetValue(json))
            {
                terminal.WriteJson(info, OutputJson.Default.InfoLine);
            }
            else
            {
                Write(terminal, info);
            }

            return ExitCode.Done;
        });
        return command;
    }

    private static void WriteStaticPeer(Terminal terminal, InfoLine info, bool json)
    {
        StaticPeerLine entry = StaticPeerLine.Of(Environment.MachineName, info.Addresses, out IReadOnlyList<string> others)
            ?? throw new CliException("This node listens nowhere, so that nobody can dial it. Start it with --listen or --advertise.");
        if (json)
        {
            terminal.WriteJson(entry, OutputJson.Default.StaticPeerLine);
            return;
        }

        terminal.WriteLine(entry.Format());
        foreach (string other in others)
        {
            terminal.Complain($"the node is also at {other}");
        }
    }

    private static void WritePeers(Terminal terminal, InfoLine info)
    {
        CountsLine counts = info.Counts;
        terminal.WriteLine($"peers       {info.Peers} linked: {counts.Static} static, {counts.Inbound + counts.Outbound} mesh ({counts.Outbound} out, {counts.Inbound} in), {counts.Passing} passing");
        terminal.WriteLine(info.Admission == "known-peers"
            ? "            only known peers may join; no others are looked for"
            : $"            looks for {counts.Target} mesh peers, takes at most {counts.Max}; static ones are extra");
        int known = counts.ProvenAddresses + counts.UnprovenAddresses;
        terminal.WriteLine($"known       {known} {(known == 1 ? "address" : "addresses")}: {counts.ProvenAddresses} proven, {counts.UnprovenAddresses} unproven");
        if (counts.Banned > 0)
        {
            terminal.WriteLine($"banned      {counts.Banned} {(counts.Banned == 1 ? "peer" : "peers")}: 'meshara peers --banned' lists them");
        }

        terminal.WriteLine(info.Store switch
        {
            { State: "file", Path: { } path } => $"store       {Safe.Text(path, 4096)}",
            { Why: { } why } => $"store       memory: {Safe.Text(why, 400)}",
            _ => "store       memory",
        });
    }

    private static void Write(Terminal terminal, InfoLine info)
    {
        terminal.WriteLine($"node id     {info.NodeId}");
        if (info.NextNodeId is { } next)
        {
            terminal.WriteLine($"next id     {Safe.Text(next, 64)} (rotated; the running node still uses the one above until its next start)");
        }

        terminal.WriteLine($"public key  {info.PublicKey}");
        terminal.WriteLine($"mesh        {Safe.Text(info.Mesh)} (admits: {info.Admission})");
        terminal.WriteLine($"state       {info.State} for {Show.Span(terminal.Time.GetUtcNow() - info.StartedAt)}, process {info.ProcessId}, {Safe.Text(info.Agent)}");
        terminal.WriteLine($"data        {Safe.Text(info.DataDirectory, 4096)}");
        WritePeers(terminal, info);
        SourceLine.Write(terminal, info.Sources);
        info.LocalNetwork?.Write(terminal);
        foreach (string address in info.Addresses)
        {
            terminal.WriteLine($"address     {Safe.Text(address, 400)}");
        }

        LimitsLine limits = info.Limits;
        TimeoutsLine timeouts = info.Timeouts;
        terminal.WriteLine($"protocol    version {info.ProtocolVersion}");
        terminal.WriteLine($"limits      message {Show.Bytes(limits.MaxMessage)}, {limits.MaxStreams} streams a link");
        terminal.WriteLine($"            window {Show.Bytes(limits.InitialWindow)} to {Show.Bytes(limits.MaxWindow)}, {Show.Bytes(limits.LinkBudget)} a link");
        terminal.WriteLine($"            unfinished messages {Show.Bytes(limits.LinkReassembly)} a link, {Show.Bytes(limits.NodeReassembly)} in all");
        terminal.WriteLine($"timeouts    connect {timeouts.Connect} s, TLS {timeouts.Tls} s, hello {timeouts.Hello} s, request {timeouts.Request} s");
        terminal.WriteLine($"            write {timeouts.Write} s, frame {timeouts.Frame} s, progress {timeouts.Progress} s, drain {timeouts.Drain} s");
        terminal.WriteLine($"            ping after {timeouts.PingAfter} s, pong within {timeouts.PongWithin} s, redial within {timeouts.MaxBackoff} s");
    }
}
