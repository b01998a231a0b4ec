using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Meshara.Cli.Doctor.Firewall;

namespace Meshara.Cli.Doctor;

/// <summary>Asks the machine's firewall tools for rules that drop multicast DNS or the node's port.</summary>
internal sealed class FirewallCheck(TimeProvider time)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly string[] Folders = ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/libexec/ApplicationFirewall"];

    /// <summary>Findings for 5353/udp and for the ports on which the node listens.</summary>
    /// <param name="links">The interfaces by which packets come and go.</param>
    /// <param name="ports">The ports.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IReadOnlyList<FindingLine>> RunAsync(IReadOnlyList<FirewallLink> links, IReadOnlyCollection<ListenPort> ports, CancellationToken cancellationToken)
    {
        if (OperatingSystem.IsMacOS())
        {
            return MacOS(await RunToolAsync("socketfilterfw", ["--getglobalstate"], cancellationToken), await RunToolAsync("socketfilterfw", ["--getblockall"], cancellationToken));
        }

        if (OperatingSystem.IsWindows())
        {
            return Windows(await RunToolAsync("netsh", ["advfirewall", "show", "currentprofile"], cancellationToken));
        }

        List<ToolResult> results = [];
        foreach ((string tool, string[] arguments) in new (string, string[])[] { ("nft", ["list", "ruleset"]), ("iptables-save", []), ("ip6tables-save", []), ("iptables-legacy-save", []), ("ip6tables-legacy-save", []) })
        {
            results.Add(await RunToolAsync(tool, arguments, cancellationToken));
        }

        return Judge(results[0], results[1], results[2], results[3], results[4], links, ports);
    }

    /// <summary>What the tools of Linux say.</summary>
    internal static IReadOnlyList<FindingLine> Judge(
        ToolResult nft, ToolResult iptables, ToolResult ip6tables, ToolResult legacy, ToolResult legacy6, IReadOnlyList<FirewallLink> links, IReadOnlyCollection<ListenPort> ports)
    {
        FirewallReport report = new(links, ports);
        string[] shared = [.. IptablesListing.TablesInNft(iptables.Output ?? "", isIPv6: false), .. IptablesListing.TablesInNft(ip6tables.Output ?? "", isIPv6: true)];
        List<FindingLine> findings = [];
        Add("nft", nft, "nft list ruleset", text => NftListing.Read(text, shared));
        Add("iptables", iptables, "iptables-save", static text => IptablesListing.Read(text, isIPv6: false));
        Add("ip6tables", ip6tables, "ip6tables-save", static text => IptablesListing.Read(text, isIPv6: true));
        AddLegacy("iptables-legacy", iptables, legacy, isIPv6: false);
        AddLegacy("ip6tables-legacy", ip6tables, legacy6, isIPv6: true);
        return findings.Count > 0
            ? findings
            : [new FindingLine("firewall", FindingLine.Unseen, "nft, iptables", "Neither nft nor iptables is installed here: whether the kernel has rules of a firewall is not seen.")];

        void Add(string tool, ToolResult result, string command, Func<string, FirewallRules> read)
        {
            if (!result.Found)
            {
                return;
            }

            findings.AddRange(result.Output is { } text
                ? report.Of(tool, read(text))
                : [new FindingLine("firewall", FindingLine.Unseen, tool, $"The rules cannot be read: {result.Error}") { Advice = $"As root: {command}" }]);
        }

        // Beside iptables of the nf_tables kind the older kind may have rules of its own; it shows none where it has none.
        void AddLegacy(string tool, ToolResult usual, ToolResult result, bool isIPv6)
        {
            if (usual.Output?.Contains("(nf_tables)", StringComparison.Ordinal) != false && result.Output is { Length: > 0 } text)
            {
                findings.AddRange(report.Of(tool, IptablesListing.Read(text, isIPv6)));
            }
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
