using System.Net;
using Meshara.Cli.Doctor;
using Meshara.Cli.Doctor.Firewall;
using Xunit;

namespace Meshara.Cli.Tests.Doctor.Firewall;

/// <summary>Text as nftables prints it.</summary>
public sealed class NftListingTests
{
    private const string ThreeChains = """
        table inet filter {
        	chain input {
        		type filter hook input priority filter; policy accept;
        		ct state established,related accept
        		iif "lo" accept
        		tcp dport { 22, 80, 443 } accept
        		ip saddr 10.7.0.8 udp dport { 1900, 5353 } counter packets 0 bytes 0 drop comment "no discovery"
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

    [Fact]
    public void Judge_ThreeChains_NamesTheRulesThatDrop()
    {
        IReadOnlyList<FindingLine> findings = Ruleset.Judge(ThreeChains);

        Assert.Equal(
            [
                ("nft, table inet filter, chain input", FindingLine.Broken, "This rule drops 5353/udp (multicast DNS): udp dport 5000-6000 counter packets 0 bytes 0 log prefix \"drop: \" drop"),
                ("nft, table inet filter, chain output", FindingLine.Broken, "This rule drops 5353/udp (multicast DNS that this machine sends): udp dport 5353 reject"),
            ],
            findings.Select(f => (f.Subject, f.State, f.Detail)));
        Assert.Equal("Let 5353/udp pass before it, for example: nft insert rule inet filter output udp dport 5353 accept", findings[1].Advice);
    }

    // What becomes of the first packet of a call of 4040/tcp and of a neighbour's multicast DNS, by IPv4.
    [Theory]
    [InlineData("", "accept", "PP")]
    [InlineData("", "drop", "DD")]
    [InlineData("udp dport 5353 accept", "drop", "DP")]
    [InlineData("udp dport mdns drop", "accept", "PD")]
    [InlineData("udp dport != 5353 drop", "accept", "PP")]
    [InlineData("tcp dport != 4040 drop", "accept", "PP")]
    [InlineData("tcp dport != { 22, 80 } drop", "accept", "DP")]
    [InlineData("meta l4proto { tcp, udp } drop", "accept", "DD")]
    [InlineData("meta l4proto tcp drop", "accept", "DP")]
    [InlineData("meta l4proto != tcp drop", "accept", "PD")]
    [InlineData("ip protocol udp drop", "accept", "PD")]
    [InlineData("ip6 nexthdr udp drop", "accept", "PP")]
    [InlineData("meta nfproto ipv4 drop", "accept", "DD")]
    [InlineData("meta nfproto ipv6 drop", "accept", "PP")]
    [InlineData("th dport 5353 drop", "accept", "PD")]
    [InlineData("meta l4proto . th dport { tcp . 4040, udp . 53 } drop", "accept", "DP")]
    [InlineData("limit rate over 10/second udp dport 5353 drop", "accept", "P?")]
    [InlineData("udp dport 5353 limit rate 10/second burst 5 packets accept", "drop", "D?")]
    [InlineData("iifname \"eth1\" udp dport 5353 accept", "drop", "DD")]
    [InlineData("iifname \"cable0\" udp dport 5353 accept", "drop", "DP")]
    [InlineData("iifname { \"eth1\", \"cab*\" } accept", "drop", "PP")]
    [InlineData("iifname != \"cable0\" drop", "accept", "PP")]
    [InlineData("oifname \"cable0\" drop", "accept", "PP")]
    [InlineData("iif \"lo\" accept", "drop", "DD")]
    [InlineData("jump other", "drop", "PD")]
    [InlineData("goto other", "drop", "PD")]
    [InlineData("jump nowhere", "accept", "??")]
    [InlineData("jump circle", "accept", "PP")]
    [InlineData("return", "drop", "DD")]
    [InlineData("nonsense that nobody { understands }", "drop", "DD")]
    [InlineData("nonsense accept", "drop", "??")]
    [InlineData("nonsense drop", "accept", "??")]
    [InlineData("tcp dport 4040 nonsense drop", "accept", "?P")]
    [InlineData("queue to 0", "accept", "??")]
    [InlineData("tcp dport 4040 redirect to :22", "accept", "?P")]
    [InlineData("xt match \"recent\" drop", "accept", "??")]
    [InlineData("meta l4proto tcp xt target \"REJECT\"", "accept", "?P")]
    [InlineData("counter packets 5 bytes 300 # xt_FANCY", "accept", "??")]
    [InlineData("tcp dport 22 # xt_FANCY", "accept", "PP")]
    [InlineData("tcp dport 4040 accept # handle 5", "drop", "PD")]
    [InlineData("ct state vmap { invalid : drop, established : accept, new : jump other }", "drop", "PD")]
    [InlineData("ct state != new accept", "drop", "DD")]
    [InlineData("ct state { new, untracked } accept", "drop", "PP")]
    [InlineData("ct status dnat accept", "drop", "DD")]
    [InlineData("meta l4proto vmap { tcp : accept, udp : drop }", "accept", "PD")]
    [InlineData("tcp dport vmap { 22 : drop, 4000-5000 : drop }", "accept", "DP")]
    [InlineData("tcp dport vmap @verdicts", "drop", "PD")]
    [InlineData("tcp dport vmap @missing", "accept", "?P")]
    [InlineData("tcp dport @open accept", "drop", "PD")]
    [InlineData("tcp dport @missing accept", "drop", "?D")]
    [InlineData("ip saddr @friends accept", "drop", "?P")]
    [InlineData("ip saddr @bad drop", "accept", "PP")]
    [InlineData("ip saddr 10.7.0.0/16 tcp dport 4040 drop", "accept", "?P")]
    [InlineData("ip saddr 10.7.0.9 drop", "accept", "??")]
    [InlineData("ip saddr != 10.0.0.0/8 drop", "accept", "PP")]
    [InlineData("ip saddr 0.0.0.0/0 drop", "accept", "DD")]
    [InlineData("ip daddr 224.0.0.0/4 drop", "accept", "PD")]
    [InlineData("ip daddr 10.7.0.2 accept", "drop", "PD")]
    [InlineData("ip daddr 10.7.0.3-10.7.0.9 accept", "drop", "DD")]
    [InlineData("ip6 saddr fe80::/10 drop", "accept", "PP")]
    [InlineData("fib daddr type multicast drop", "accept", "PD")]
    [InlineData("fib daddr type { local, broadcast } drop", "accept", "DP")]
    [InlineData("fib daddr type != local drop", "accept", "PD")]
    [InlineData("fib saddr . iif oif missing drop", "accept", "PP")]
    [InlineData("fib saddr . mark . iif oif exists accept", "drop", "PP")]
    [InlineData("meta pkttype multicast drop", "accept", "PD")]
    [InlineData("pkttype host drop", "accept", "DP")]
    [InlineData("meta mark 0x00000001 drop", "accept", "PP")]
    [InlineData("meta mark & 0x00008000 == 0x00008000 drop", "accept", "PP")]
    [InlineData("meta mark & 0x00008000 != 0x00008000 drop", "accept", "DD")]
    [InlineData("tcp flags syn / fin,syn,rst,ack drop", "accept", "DP")]
    [InlineData("tcp flags & (fin | syn | rst | ack) == syn drop", "accept", "DP")]
    [InlineData("tcp flags & (fin | syn | rst | ack) != syn drop", "accept", "PP")]
    [InlineData("tcp flags != syn / fin,syn,rst,ack drop", "accept", "PP")]
    [InlineData("icmp type echo-request accept", "drop", "DD")]
    [InlineData("rt type 0 drop", "accept", "PP")]
    [InlineData("ct original proto-dst 22 accept", "drop", "??")]
    [InlineData("add @recent { ip saddr limit rate over 10/minute } drop", "accept", "??")]
    [InlineData("udp dport 5353 comment \"drop all\" accept", "drop", "DP")]
    [InlineData("log prefix \"accept\" level info group 2 drop", "accept", "DD")]
    public void Judge_OneRuleAndAPolicy_DecidesAsTheKernel(string rule, string policy, string fates)
    {
        string text = $$"""
            table inet filter {
            	set open {
            		type inet_service
            		elements = { 22, 4040,
            			     8080 }
            	}

            	set friends {
            		type ipv4_addr
            		flags interval
            		elements = { 10.7.0.0/24 comment "the lan", 192.168.0.0/16 timeout 1d expires 3h }
            	}

            	set bad {
            		type ipv4_addr
            		flags interval
            		elements = { 198.51.100.0/24 }
            	}

            	map verdicts {
            		type inet_service : verdict
            		elements = { 22 : accept, 4040 : goto other }
            	}

            	chain input {
            		type filter hook input priority filter; policy {{policy}};
            		{{rule}}
            	}

            	chain other {
            		tcp dport 4040 accept
            		udp dport 5353 drop
            	}

            	chain circle {
            		jump circle
            	}
            }
            """;

        string all = Ruleset.Fates(Ruleset.Judge(text));
        Assert.Equal(fates, $"{all[4]}{all[0]}");
    }

    [Fact]
    public void Judge_TwoTables_WhatOneAcceptsTheOtherMayDrop()
    {
        const string Text = "table inet a {\n\tchain in {\n\t\ttype filter hook input priority -1; policy accept;\n\t\ttcp dport 4040 accept\n\t}\n}\ntable inet b {\n\tchain in {\n\t\ttype filter hook input priority 0; policy drop;\n\t}\n}\n";
        Assert.Equal("DDPPDD", Ruleset.Fates(Ruleset.Judge(Text)));
    }

    [Fact]
    public void Judge_TableThatSleepsOrIsOfBridges_IsPassedOver()
    {
        const string Text = "table inet a {\n\tflags dormant\n\tchain in {\n\t\ttype filter hook input priority 0; policy drop;\n\t}\n}\ntable bridge b {\n\tchain in {\n\t\ttype filter hook input priority 0; policy drop;\n\t}\n}\n";
        Assert.Equal("PPPPPP", Ruleset.Fates(Ruleset.Judge(Text)));
    }

    [Fact]
    public void Judge_OneFamilyDropped_SaysWhich()
    {
        IReadOnlyList<FindingLine> findings = Ruleset.Judge("table ip6 t {\n\tchain in {\n\t\ttype filter hook input priority 0; policy accept;\n\t\ttcp dport 4040 drop\n\t}\n}\n");
        Assert.Equal((FindingLine.Broken, "This rule drops 4040/tcp (others' calls to this node, IPv6): tcp dport 4040 drop"), (findings[0].State, findings[0].Detail));
    }

    [Fact]
    public void Judge_OneOfTwoInterfacesDropped_WarnsAndSaysWhich()
    {
        FirewallLink other = new("wg0", [(IPAddress.Parse("10.9.0.1"), 24)]);
        const string Text = "table inet t {\n\tchain in {\n\t\ttype filter hook input priority 0; policy drop;\n\t\tiifname \"wg0\" accept\n\t\tudp dport 5353 accept\n\t\tmeta nfproto ipv6 accept\n\t}\n}\n";

        FindingLine finding = Assert.Single(Ruleset.Judge(Text, null, null, Ruleset.Link, other));

        Assert.Equal(FindingLine.Warning, finding.State);
        Assert.Equal("No rule accepts 4040/tcp (others' calls to this node, IPv4, on cable0), and the policy drops what none accepts: type filter hook input priority 0; policy drop;", finding.Detail);
    }

    [Fact]
    public void Judge_Netdev_SeesItsDeviceOnly()
    {
        const string Text = "table netdev t {\n\tchain in {\n\t\ttype filter hook ingress device \"DEVICE\" priority 0; policy accept;\n\t\tudp dport 5353 drop\n\t}\n}\n";
        Assert.Equal("DDPPPP", Ruleset.Fates(Ruleset.Judge(Text.Replace("DEVICE", "cable0", StringComparison.Ordinal))));
        Assert.Equal("PPPPPP", Ruleset.Fates(Ruleset.Judge(Text.Replace("DEVICE", "eth9", StringComparison.Ordinal))));
    }

    [Theory]
    [InlineData("table inet filter {")]
    [InlineData("}\n}\n-A\n-A INPUT\n-P")]
    [InlineData("{{{{")]
    [InlineData("table inet t {\n\tchain in {\n\t\ttype filter hook")]
    [InlineData("table inet t {\n\tchain in {\n\t\ttype filter hook input priority 0; policy accept;\n\t\tct state vmap {\n")]
    [InlineData("table inet t {\n\tchain in {\n\t\ttype filter hook input priority 0; policy accept;\n\t\ttcp flags & (\n\t\tmeta mark &\n\t\tct\n\t\tfib\n\t\tip saddr\n\t\tmeta\n\t\tlimit\n\t\tlog prefix\n\t\tudp dport {\n")]
    public void Judge_BrokenText_FindsNothingAndDoesNotThrow(string text) =>
        Assert.Equal(FindingLine.Ok, Assert.Single(Ruleset.Judge(text)).State);
}
