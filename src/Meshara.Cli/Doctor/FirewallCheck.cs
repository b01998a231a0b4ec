using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Meshara.Cli.Doctor;

/// <summary>Asks the machine's firewall tools for rules that drop multicast DNS or the node's port.</summary>
internal sealed class FirewallCheck(TimeProvider time)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly string[] Folders = ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/libexec/ApplicationFirewall"];

    /// <summary>Findings for 5353/udp and for the ports on which the node listens.</summary>
    public async Task<IReadOnlyList<FindingLine>> RunAsync(IReadOnlyCollection<int> listenPorts, CancellationToken cancellationToken)
    {
        if (OperatingSystem.IsMacOS())
        {
            return MacOS(await RunToolAsync("socketfilterfw", ["--getglobalstate"], cancellationToken), await RunToolAsync("socketfilterfw", ["--getblockall"], cancellationToken));
        }

        if (OperatingSystem.IsWindows())
        {
            return Windows(await RunToolAsync("netsh", ["advfirewall", "show", "currentprofile"], cancellationToken));
        }

        List<FindingLine> findings = [];
        foreach ((string tool, string[] arguments, Func<string, string, int, IReadOnlyList<FirewallHit>> find) in new (string, string[], Func<string, string, int, IReadOnlyList<FirewallHit>>)[]
        {
            ("nft", ["list", "ruleset"], FirewallText.FindNft),
            ("iptables", ["-S"], FirewallText.FindIptables),
            ("ip6tables", ["-S"], FirewallText.FindIptables),
        })
        {
            ToolResult result = await RunToolAsync(tool, arguments, cancellationToken);
            findings.AddRange(Judge(tool, result, find, listenPorts));
        }

        return findings.Count > 0
            ? findings
            : [new FindingLine("firewall", FindingLine.Unseen, "nft, iptables", "Neither nft nor iptables is installed here: whether the kernel has rules of a firewall is not seen.")];
    }

    /// <summary>What one tool says.</summary>
    internal static IEnumerable<FindingLine> Judge(string tool, ToolResult result, Func<string, string, int, IReadOnlyList<FirewallHit>> find, IReadOnlyCollection<int> listenPorts)
    {
        if (!result.Found)
        {
            yield break;
        }

        if (result.Output is not { } text)
        {
            yield return new FindingLine("firewall", FindingLine.Unseen, tool, $"The rules cannot be read: {result.Error}") { Advice = $"As root: {tool} {(tool == "nft" ? "list ruleset" : "-S")}" };
            yield break;
        }

        int hits = 0;
        foreach ((string protocol, int port, string what) in listenPorts.Select(static p => ("tcp", p, "others' calls to this node")).Prepend(("udp", 5353, "multicast DNS")))
        {
            foreach (FirewallHit hit in find(text, protocol, port))
            {
                hits++;
                string packets = string.Create(CultureInfo.InvariantCulture, $"{port}/{protocol} ({what})");
                bool isPolicy = hit.Rule.Contains("policy", StringComparison.Ordinal) || hit.Rule.StartsWith("-P", StringComparison.Ordinal);
                yield return new FindingLine(
                    "firewall", hit.Always ? FindingLine.Broken : FindingLine.Warning, $"{tool}, {hit.Where}",
                    $"{(hit.Always ? "This rule drops" : isPolicy ? "The policy drops what no rule accepts, and no rule was found that accepts" : "This rule drops some packets of")} {packets}: {hit.Rule}")
                {
                    Advice = string.Create(CultureInfo.InvariantCulture, $"Let {port}/{protocol} pass before it, for example: {Example(tool, hit.Where, protocol, port)}"),
                };
            }
        }

        if (hits == 0)
        {
            yield return new FindingLine("firewall", FindingLine.Ok, tool, $"No rule was found that drops 5353/udp{string.Concat(listenPorts.Select(static p => $" or {p.ToString(CultureInfo.InvariantCulture)}/tcp"))}.");
        }
    }

    /// <summary>After Apple's documentation of socketfilterfw; untested.</summary>
    internal static IReadOnlyList<FindingLine> MacOS(ToolResult state, ToolResult blockAll)
    {
        if (state.Output is not { } text)
        {
            return [new FindingLine("firewall", FindingLine.Unseen, "socketfilterfw", $"The application firewall's state cannot be read: {state.Error}")];
        }

        // "Firewall is enabled. (State = 1)", "Block all DISABLED!"
        bool isOn = text.Contains("State = 1", StringComparison.Ordinal) || text.Contains("State = 2", StringComparison.Ordinal);
        bool all = blockAll.Output?.Contains("ENABLED", StringComparison.Ordinal) == true && blockAll.Output.Contains("DISABLED", StringComparison.Ordinal) != true;
        return [
            all ? new FindingLine("firewall", FindingLine.Broken, "socketfilterfw", "The application firewall blocks all incoming connections.") { Advice = "System Settings, Network, Firewall, Options: take back 'Block all incoming connections'." }
            : isOn ? new FindingLine("firewall", FindingLine.Warning, "socketfilterfw", "The application firewall is on: it may refuse incoming connections of this program.") { Advice = "System Settings, Network, Firewall, Options: allow this program." }
            : new FindingLine("firewall", FindingLine.Ok, "socketfilterfw", "The application firewall is off."),
        ];
    }

    /// <summary>After Microsoft's documentation of netsh; untested.</summary>
    internal static IReadOnlyList<FindingLine> Windows(ToolResult profile)
    {
        if (profile.Output is not { } text)
        {
            return [new FindingLine("firewall", FindingLine.Unseen, "netsh", $"The firewall's profile cannot be read: {profile.Error}")];
        }

        bool isOn = text.Split('\n').Any(static line => line.StartsWith("State", StringComparison.OrdinalIgnoreCase) && line.TrimEnd().EndsWith("ON", StringComparison.OrdinalIgnoreCase));
        bool all = text.Contains("BlockInboundAlways", StringComparison.OrdinalIgnoreCase);
        return [
            all ? new FindingLine("firewall", FindingLine.Broken, "netsh", "The firewall of the current profile blocks all inbound connections.") { Advice = "Windows Security, Firewall: take back 'Block all incoming connections'." }
            : isOn ? new FindingLine("firewall", FindingLine.Warning, "netsh", "The firewall is on: inbound connections and 5353/udp pass only where a rule allows this program.") { Advice = "netsh advfirewall firewall add rule name=meshara dir=in action=allow program=<the path of meshara.exe>" }
            : new FindingLine("firewall", FindingLine.Ok, "netsh", "The firewall of the current profile is off."),
        ];
    }

    private static string Example(string tool, string where, string protocol, int port)
    {
        string p = port.ToString(CultureInfo.InvariantCulture);
        return tool == "nft"
            ? $"nft insert rule {where.Replace("table ", "", StringComparison.Ordinal).Replace(", chain", "", StringComparison.Ordinal)} {protocol} dport {p} accept"
            : $"{tool} -I {where["chain ".Length..]} -p {protocol} --dport {p} -j ACCEPT";
    }

    private async Task<ToolResult> RunToolAsync(string tool, string[] arguments, CancellationToken cancellationToken)
    {
        string? path = OperatingSystem.IsWindows() ? tool : Folders.Select(folder => Path.Combine(folder, tool)).FirstOrDefault(File.Exists);
        if (path is null)
        {
            return new ToolResult(Found: false, null, "");
        }

        using CancellationTokenSource late = new(Patience, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        ProcessStartInfo start = new(path, arguments)
        {
            UseShellExecute = false,
            CreateNoWindow = true,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
        };
        try
        {
            using Process process = Process.Start(start)!;
            try
            {
                process.StandardInput.Close();
                Task<string> output = process.StandardOutput.ReadToEndAsync(either.Token);
                Task<string> error = process.StandardError.ReadToEndAsync(either.Token);
                await process.WaitForExitAsync(either.Token);
                return process.ExitCode == 0
                    ? new ToolResult(Found: true, await output, "")
                    : new ToolResult(Found: true, null, (await error).Split('\n')[0].Trim());
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                process.Kill();
                return new ToolResult(Found: true, null, $"{tool} did not answer within {Patience.TotalSeconds:0} s.");
            }
        }
        catch (Exception e) when (e is Win32Exception or IOException)
        {
            return new ToolResult(Found: true, null, e.Message);
        }
    }
}

/// <summary>What a tool of the machine printed.</summary>
/// <param name="Found">Whether it is installed.</param>
/// <param name="Output">Its output; null: it failed.</param>
/// <param name="Error">Why.</param>
internal sealed record ToolResult(bool Found, string? Output, string Error);
