using System.Net;
using Meshara.Cli.Doctor;
using Meshara.Cli.Doctor.Firewall;
using Meshara.Tests.Tidy;
using Xunit;

namespace Meshara.Cli.Tests.Doctor.Firewall;

/// <summary>Rules as ufw, firewalld, iptables-services, NixOS, Docker and people install them, as nft 1.0.6 and iptables 1.8.9 of Debian 12 then list them (Rulesets).</summary>
internal static class Ruleset
{
    /// <summary>The interface to which some of the rules refer.</summary>
    public const string Cable = "cable0";

    /// <summary>Its addresses, and those of the neighbour.</summary>
    public const string IPv4 = "10.7.0.2", IPv6 = "fd07::2", NeighbourIPv4 = "10.7.0.1", NeighbourIPv6 = "fd07::1";

    /// <summary>
    /// Each with what becomes of six packets, P passes, D dropped, ? cannot be known: a neighbour's multicast DNS by IPv4 and IPv6,
    /// this machine's multicast DNS by both, others' calls of 4040/tcp by both.
    /// </summary>
    public static TheoryData<string, string> All { get; } = new()
    {
        { "ufw-closed", "PPPPDD" },
        { "ufw-open", "PPPPPP" },
        { "ufw-mdns-off", "DDPPPP" },
        { "firewalld-closed", "DDPPDD" },
        { "firewalld-open", "PPPPPP" },
        { "firewalld-zone", "PPPPPP" },
        { "rhel-closed", "DDPPDD" },
        { "rhel-open", "PPPPPP" },
        { "nixos-ipt-closed", "DDPPDD" },
        { "nixos-ipt-open", "PPPPPP" },
        { "nixos-nft-closed", "DDPPDD" },
        { "nixos-nft-open", "PPPPPP" },
        { "nixos-nft-temp", "PPPPPP" },
        { "docker", "PPPPPP" },
        { "docker-closed", "DPPPDP" },
        { "docker-published", "PPPP?P" },
        { "hand-closed", "DDPPDD" },
        { "hand-open", "PPPPPP" },
        { "hand-lan", "PPPP??" },
        { "hand-limit", "PPPP??" },
        { "out-closed", "PPDDDP" },
    };

    /// <summary>The machine on which they were recorded.</summary>
    public static FirewallLink Link { get; } = new(Cable, [(IPAddress.Parse(IPv4), 24), (IPAddress.Parse(IPv6), 64), (IPAddress.Parse("fe80::2"), 64)]);

    /// <summary>What a tool printed; empty: it had no rules.</summary>
    public static string Read(string name, string tool)
    {
        string path = Repository.Absolute($"tests/Meshara.Cli.Tests/Doctor/Firewall/Rulesets/{name}.{tool}");
        return File.Exists(path) ? File.ReadAllText(path) : "";
    }

    /// <summary>What the doctor finds, where iptables is installed beside nft and where it is not.</summary>
    public static IReadOnlyList<FindingLine> Judge(string name, bool hasIptables) =>
        hasIptables ? Judge(Read(name, "nft"), Read(name, "iptables"), Read(name, "ip6tables")) : Judge(Read(name, "nft"));

    /// <summary>What the doctor finds in such output; null: the tool is missing.</summary>
    public static IReadOnlyList<FindingLine> Judge(string? nft, string? iptables = null, string? ip6tables = null, params IReadOnlyList<FirewallLink> links)
    {
        ToolResult none = new(Found: false, null, "");
        return FirewallCheck.Judge(
            Printed(nft),
            Printed(iptables),
            Printed(ip6tables),
            none,
            none,
            links.Count > 0 ? links : [Link],
            [new ListenPort(4040, IPv4: true, IPv6: true)]);

        ToolResult Printed(string? output) => output is null ? none : new ToolResult(Found: true, output, "");
    }

    /// <summary>The six letters, out of the findings.</summary>
    public static string Fates(IReadOnlyList<FindingLine> findings)
    {
        return string.Concat(
            Of("5353/udp (multicast DNS", "IPv4"), Of("5353/udp (multicast DNS", "IPv6"), Of("5353/udp (multicast DNS that this machine sends", "IPv4"), Of("5353/udp (multicast DNS that this machine sends", "IPv6"),
            Of("4040/tcp (others' calls to this node", "IPv4", "4040/tcp (this node's answers to calls"), Of("4040/tcp (others' calls to this node", "IPv6", "4040/tcp (this node's answers to calls"));

        string Of(string packets, string family, string? also = null)
        {
            string[] states = [.. findings.Where(f => Is(f, packets, family) || (also is not null && Is(f, also, family))).Select(f => f.State)];
            return states.Contains(FindingLine.Broken) ? "D" : states.Contains(FindingLine.Warning) ? "?" : "P";
        }

        static bool Is(FindingLine finding, string packets, string family) =>
            finding.Detail.Contains($"{packets})", StringComparison.Ordinal) || finding.Detail.Contains($"{packets}, {family}", StringComparison.Ordinal);
    }
}
