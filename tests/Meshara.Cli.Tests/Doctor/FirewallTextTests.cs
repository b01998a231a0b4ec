using Meshara.Cli.Doctor;
using Xunit;

namespace Meshara.Cli.Tests.Doctor;

/// <summary>Text as nftables 1.0.6 and iptables 1.8.9 (nf_tables) of Debian 12 print it.</summary>
public sealed class FirewallTextTests
{
    private const string Nft = """
        table inet filter {
        	chain input {
        		type filter hook input priority filter; policy accept;
        		ct state established,related accept
        		iif "lo" accept
        		tcp dport { 22, 80, 443 } accept
        		ip saddr 10.0.0.0/8 udp dport { 1900, 5353 } counter packets 0 bytes 0 drop comment "no discovery"
        		udp dport 5000-6000 counter packets 0 bytes 0 log prefix "drop: " drop
        	}

        	chain output {
        		type filter hook output priority filter; policy accept;
        		udp dport 5353 reject
        	}

        	chain forward {
        		type filter hook forward priority filter; policy drop;
        	}
        }
        """;

    private const string NftPolicy = """
        table ip t {
        	chain in {
        		type filter hook input priority filter; policy drop;
        		tcp dport 22 accept
        	}
        }
        """;

    private const string Iptables = """
        -P INPUT DROP
        -P FORWARD ACCEPT
        -P OUTPUT ACCEPT
        -N mine
        -A INPUT -i lo -j ACCEPT
        -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
        -A INPUT -p udp -m multiport --dports 1900,5353 -m comment --comment "no discovery here" -j REJECT --reject-with icmp-port-unreachable
        -A INPUT -j mine
        -A OUTPUT -p udp -m udp --dport 5000:6000 -j DROP
        -A mine -p tcp -m tcp ! --dport 4040 -j DROP
        """;

    [Fact]
    public void FindNft_RulesetOfThreeChains_NamesTheRulesThatDropThePort()
    {
        IReadOnlyList<FirewallHit> hits = FirewallText.FindNft(Nft, "udp", 5353);

        Assert.Equal(
            [
                ("table inet filter, chain input", false, "ip saddr 10.0.0.0/8 udp dport { 1900, 5353 }"),
                ("table inet filter, chain input", true, "udp dport 5000-6000"),
                ("table inet filter, chain output", true, "udp dport 5353 reject"),
            ],
            hits.Select(h => (h.Where, h.Always, h.Rule[..Math.Min(h.Rule.Length, h.Rule.Contains("1900", StringComparison.Ordinal) ? 44 : h.Rule.Contains("5000", StringComparison.Ordinal) ? 19 : 80)])));
    }

    [Theory]
    [InlineData("tcp", 4040)]
    [InlineData("tcp", 443)]
    [InlineData("udp", 4999)]
    public void FindNft_OtherPort_NamesNothing(string protocol, int port) => Assert.Empty(FirewallText.FindNft(Nft, protocol, port));

    [Fact]
    public void FindNft_PolicyDrop_IsNamedWhereNoRuleAccepts()
    {
        Assert.Equal(("table ip t, chain in", false), Assert.Single(FirewallText.FindNft(NftPolicy, "udp", 5353).Select(h => (h.Where, h.Always))));
        Assert.Empty(FirewallText.FindNft(NftPolicy, "tcp", 22));
    }

    [Theory]
    [InlineData("udp dport 5353 accept", 0, false)] // Accepted before the drop below.
    [InlineData("udp dport mdns drop", 1, true)]
    [InlineData("udp dport != 5353 accept", 1, true)] // The last rule below still drops it.
    [InlineData("meta l4proto { tcp, udp } drop", 1, true)]
    [InlineData("meta l4proto tcp drop", 1, true)]
    [InlineData("th dport 5353 drop", 1, true)]
    [InlineData("limit rate over 10/second udp dport 5353 drop", 2, false)] // Some; then the last rule all.
    [InlineData("iifname \"eth1\" udp dport 5353 accept", 1, true)]
    [InlineData("jump other", 1, true)]
    [InlineData("nonsense that nobody { understands }", 1, true)]
    public void FindNft_RuleBeforeADropOfAll_DecidesAsItReads(string rule, int expected, bool firstIsAlways)
    {
        string text = $"table inet filter {{\n\tchain input {{\n\t\ttype filter hook input priority 0; policy accept;\n\t\t{rule}\n\t\tudp dport 5353 drop\n\t}}\n}}\n";

        IReadOnlyList<FirewallHit> hits = FirewallText.FindNft(text, "udp", 5353);

        Assert.Equal(expected, hits.Count);
        Assert.Equal(firstIsAlways, expected > 0 && hits[0].Always);
    }

    [Fact]
    public void FindIptables_RulesOfThreeChains_NamesTheRulesThatDropThePort()
    {
        IReadOnlyList<FirewallHit> hits = FirewallText.FindIptables(Iptables, "udp", 5353);

        Assert.Equal([("chain INPUT", true), ("chain OUTPUT", true)], hits.Select(h => (h.Where, h.Always)));
        Assert.Contains("--dports 1900,5353", hits[0].Rule, StringComparison.Ordinal);
    }

    [Fact]
    public void FindIptables_PolicyDrop_IsNamedWhereNoRuleAccepts()
    {
        Assert.Equal(new FirewallHit("-P INPUT DROP", "chain INPUT", Always: false), Assert.Single(FirewallText.FindIptables(Iptables, "tcp", 4040)));
        Assert.Empty(FirewallText.FindIptables(Iptables, "tcp", 22));
    }

    [Theory]
    [InlineData("")]
    [InlineData("table inet filter {")]
    [InlineData("}\n}\n-A\n-A INPUT\n-P")]
    [InlineData("-A INPUT -p udp --dport")]
    public void Find_BrokenText_FindsNothingAndDoesNotThrow(string text)
    {
        Assert.Empty(FirewallText.FindNft(text, "udp", 5353));
        Assert.Empty(FirewallText.FindIptables(text, "udp", 5353));
    }

    [Fact]
    public void Judge_ToolThatMayNotRead_SaysSo()
    {
        FindingLine finding = Assert.Single(FirewallCheck.Judge("nft", new ToolResult(true, null, "Operation not permitted (you must be root)"), FirewallText.FindNft, [4040]));
        Assert.Equal((FindingLine.Unseen, "The rules cannot be read: Operation not permitted (you must be root)"), (finding.State, finding.Detail));
        Assert.Empty(FirewallCheck.Judge("nft", new ToolResult(false, null, ""), FirewallText.FindNft, [4040]));
    }

    [Fact]
    public void Judge_DroppingRule_IsBrokenWithTheRuleAndACommand()
    {
        FindingLine[] findings = [.. FirewallCheck.Judge("nft", new ToolResult(true, Nft, ""), FirewallText.FindNft, [4040])];

        Assert.Equal([FindingLine.Warning, FindingLine.Broken, FindingLine.Broken], findings.Select(f => f.State));
        Assert.Equal("This rule drops 5353/udp (multicast DNS): udp dport 5353 reject", findings[2].Detail);
        Assert.Equal("Let 5353/udp pass before it, for example: nft insert rule inet filter output udp dport 5353 accept", findings[2].Advice);
    }

    [Theory]
    [InlineData("Firewall is disabled. (State = 0)", "Firewall has block all state set to disabled. Block all DISABLED!", FindingLine.Ok)]
    [InlineData("Firewall is enabled. (State = 1)", "Block all DISABLED!", FindingLine.Warning)]
    [InlineData("Firewall is enabled. (State = 2)", "Block all ENABLED!", FindingLine.Broken)]
    public void MacOS_State_Result(string state, string all, string expected) =>
        Assert.Equal(expected, Assert.Single(FirewallCheck.MacOS(new ToolResult(true, state, ""), new ToolResult(true, all, ""))).State);

    [Theory]
    [InlineData("State                                 OFF", FindingLine.Ok)]
    [InlineData("State                                 ON\nFirewall Policy                       BlockInbound,AllowOutbound", FindingLine.Warning)]
    [InlineData("State                                 ON\nFirewall Policy                       BlockInboundAlways,AllowOutbound", FindingLine.Broken)]
    public void Windows_Profile_Result(string profile, string expected) =>
        Assert.Equal(expected, Assert.Single(FirewallCheck.Windows(new ToolResult(true, profile, ""))).State);
}
