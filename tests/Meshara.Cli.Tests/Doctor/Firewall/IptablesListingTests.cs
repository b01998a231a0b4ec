using Meshara.Cli.Doctor;
using Xunit;

namespace Meshara.Cli.Tests.Doctor.Firewall;

/// <summary>Text as iptables-save 1.8.9 prints it.</summary>
public sealed class IptablesListingTests
{
    private const string Rules = """
        *filter
        :INPUT DROP [0:0]
        :FORWARD ACCEPT [0:0]
        :OUTPUT ACCEPT [0:0]
        :mine - [0:0]
        -A INPUT -i lo -j ACCEPT
        -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
        -A INPUT -p udp -m multiport --dports 1900,5353 -m comment --comment "no discovery here -j ACCEPT" -j REJECT --reject-with icmp-port-unreachable
        -A INPUT -j mine
        -A OUTPUT -p udp -m udp --dport 5000:6000 -j DROP
        -A mine -p tcp -m tcp ! --dport 4040 -j ACCEPT
        COMMIT
        """;

    [Fact]
    public void Judge_Rules_NamesThoseThatDrop()
    {
        IReadOnlyList<FindingLine> findings = Ruleset.Judge(null, Rules);

        Assert.Equal(
            [
                ("iptables, chain INPUT", "This rule drops 5353/udp (multicast DNS, IPv4): -A INPUT -p udp -m multiport --dports 1900,5353 -m comment --comment \"no discovery here -j ACCEPT\" -j REJECT --reject-with icmp-port-unreachable"),
                ("iptables, chain OUTPUT", "This rule drops 5353/udp (multicast DNS that this machine sends, IPv4): -A OUTPUT -p udp -m udp --dport 5000:6000 -j DROP"),
                ("iptables, chain INPUT", "No rule accepts 4040/tcp (others' calls to this node, IPv4), and the policy drops what none accepts: :INPUT DROP [0:0]"),
            ],
            findings.Select(f => (f.Subject, f.Detail)));
        Assert.All(findings, f => Assert.Equal(FindingLine.Broken, f.State));
        Assert.Equal("Let 5353/udp pass before it, for example: iptables -I OUTPUT -p udp --dport 5353 -j ACCEPT", findings[1].Advice);
    }

    // What becomes of the first packet of a call of 4040/tcp and of a neighbour's multicast DNS.
    [Theory]
    [InlineData("-A INPUT -j DROP", "ACCEPT", "DD")]
    [InlineData("-A INPUT -p tcp -j DROP", "ACCEPT", "DP")]
    [InlineData("-A INPUT ! -p tcp -j DROP", "ACCEPT", "PD")]
    [InlineData("-A INPUT -p 17 -j DROP", "ACCEPT", "PD")]
    [InlineData("-A INPUT -p all -j DROP", "ACCEPT", "DD")]
    [InlineData("-A INPUT -p tcp -m tcp --dport 4000:5000 -j DROP", "ACCEPT", "DP")]
    [InlineData("-A INPUT -p tcp -m tcp ! --dport 22 -j DROP", "ACCEPT", "DP")]
    [InlineData("-A INPUT -p udp -m udp --sport 5353 -j DROP", "ACCEPT", "PD")]
    [InlineData("-A INPUT -p tcp -m tcp --sport 2000 -j ACCEPT", "DROP", "?D")]
    [InlineData("-A INPUT -i cable0 -j ACCEPT", "DROP", "PP")]
    [InlineData("-A INPUT -i cab+ -j ACCEPT", "DROP", "PP")]
    [InlineData("-A INPUT ! -i cable0 -j DROP", "ACCEPT", "PP")]
    [InlineData("-A INPUT -i docker0 -j ACCEPT", "DROP", "DD")]
    [InlineData("-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 4040 -j ACCEPT", "DROP", "?D")]
    [InlineData("-A INPUT -s 10.0.0.0/255.0.0.0 -j ACCEPT", "DROP", "?P")]
    [InlineData("-A INPUT ! -s 10.0.0.0/8 -j DROP", "ACCEPT", "PP")]
    [InlineData("-A INPUT -s 203.0.113.9/32 -j DROP", "ACCEPT", "PP")]
    [InlineData("-A INPUT -d 224.0.0.251/32 -p udp -m udp --dport 5353 -j ACCEPT", "DROP", "DP")]
    [InlineData("-A INPUT -m conntrack --ctstate NEW -j ACCEPT", "DROP", "PP")]
    [InlineData("-A INPUT -m state --state INVALID -j DROP", "ACCEPT", "PP")]
    [InlineData("-A INPUT -m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP", "ACCEPT", "DD")]
    [InlineData("-A INPUT -m addrtype --dst-type LOCAL -j DROP", "ACCEPT", "DP")]
    [InlineData("-A INPUT -m addrtype ! --dst-type LOCAL -j DROP", "ACCEPT", "PD")]
    [InlineData("-A INPUT -m pkttype --pkt-type multicast -j DROP", "ACCEPT", "PD")]
    [InlineData("-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j DROP", "ACCEPT", "DP")]
    [InlineData("-A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j DROP", "ACCEPT", "PP")]
    [InlineData("-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -j DROP", "ACCEPT", "PP")]
    [InlineData("-A INPUT -m limit --limit 3/min --limit-burst 10 -j ACCEPT", "DROP", "??")]
    [InlineData("-A INPUT -m limit --limit 3/min -j LOG --log-prefix \"a -j DROP\"", "ACCEPT", "PP")]
    [InlineData("-A INPUT -m set --match-set f2b src -j REJECT", "ACCEPT", "??")]
    [InlineData("-A INPUT -p tcp -m multiport --dports 22 -m set --match-set f2b src -j REJECT", "ACCEPT", "PP")]
    [InlineData("-A INPUT -m mark --mark 0x8000/0x8000 -j DROP", "ACCEPT", "PP")]
    [InlineData("-A INPUT -m rpfilter --invert -j DROP", "ACCEPT", "PP")]
    [InlineData("-A INPUT -m fancy --new 5 -j DROP", "ACCEPT", "??")]
    [InlineData("-A INPUT -p tcp -j NFQUEUE --queue-num 0", "ACCEPT", "?P")]
    [InlineData("-A INPUT -j FANCY", "ACCEPT", "??")]
    [InlineData("-A INPUT -j mine", "DROP", "PD")]
    [InlineData("-A INPUT -g mine", "DROP", "PD")]
    [InlineData("-A INPUT -j RETURN", "DROP", "DD")]
    [InlineData("-A INPUT", "ACCEPT", "PP")]
    [InlineData("-A INPUT -p udp --dport", "ACCEPT", "PP")]
    [InlineData("-A FORWARD -j DROP", "ACCEPT", "PP")]
    public void Judge_OneRuleAndAPolicy_DecidesAsTheKernel(string rule, string policy, string fates)
    {
        string text = $"*filter\n:INPUT {policy} [0:0]\n:OUTPUT ACCEPT [0:0]\n:mine - [0:0]\n{rule}\n-A mine -p tcp -m tcp --dport 4040 -j ACCEPT\nCOMMIT\n";

        string all = Ruleset.Fates(Ruleset.Judge(null, text));
        Assert.Equal(fates, $"{all[4]}{all[0]}");
    }

    [Fact]
    public void Judge_OtherTables_AreRead()
    {
        Assert.Equal("DPPPDP", Ruleset.Fates(Ruleset.Judge(null, "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j DROP\nCOMMIT\n*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n")));
        Assert.Contains("iptables -t raw -I PREROUTING -p udp --dport 5353 -j ACCEPT", Ruleset.Judge(null, "*raw\n:PREROUTING DROP [0:0]\nCOMMIT\n")[0].Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void Judge_IPv6_IsOfItsOwnTool()
    {
        Assert.Equal("PPPPPD", Ruleset.Fates(Ruleset.Judge(null, null, "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dport 4040 -j DROP\nCOMMIT\n")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("}\n}\n-A\n-A INPUT\n:\n*")]
    [InlineData("*filter\n:INPUT\n-A INPUT -p\n-A INPUT -m comment --comment \"never ends")]
    public void Judge_BrokenText_FindsNothingAndDoesNotThrow(string text) =>
        Assert.Equal(FindingLine.Ok, Assert.Single(Ruleset.Judge(null, text)).State);
}
