using Meshara.Cli.Doctor;
using Xunit;

namespace Meshara.Cli.Tests.Doctor.Firewall;

/// <summary>What is said of rules that real programs install.</summary>
public sealed class RulesetTests
{
    public static TheoryData<string, string> All => Ruleset.All;

    [Theory]
    [MemberData(nameof(All))]
    public void Doctor_RulesOfRealPrograms_IsBrokenOnlyWhereAPacketIsDropped(string name, string fates)
    {
        foreach (bool hasIptables in new[] { false, true })
        {
            IReadOnlyList<FindingLine> findings = Ruleset.Judge(name, hasIptables);

            Assert.True(fates == Ruleset.Fates(findings), $"{name}, expected {fates}:\n{string.Join('\n', findings)}");
            Assert.All(findings, static f => Assert.Equal(f.State != FindingLine.Ok, f.Advice is not null));
        }
    }

    [Theory]
    [InlineData("ufw-closed", true, "iptables, chain INPUT", "No rule accepts 4040/tcp (others' calls to this node, IPv4), and the policy drops what none accepts: :INPUT DROP [0:0]", "Let 4040/tcp pass: ufw allow 4040/tcp")]
    [InlineData("ufw-closed", false, "nft, table ip filter, chain INPUT", "No rule accepts 4040/tcp (others' calls to this node, IPv4), and the policy drops what none accepts: type filter hook input priority filter; policy drop;", "Let 4040/tcp pass: ufw allow 4040/tcp")]
    [InlineData("firewalld-closed", true, "nft, table inet firewalld, chain filter_IN_public", "This rule drops 4040/tcp (others' calls to this node): reject with icmpx admin-prohibited", "Let 4040/tcp pass: firewall-cmd --permanent --add-port=4040/tcp && firewall-cmd --reload")]
    [InlineData("firewalld-closed", true, "nft, table inet firewalld, chain filter_IN_public", "This rule drops 5353/udp (multicast DNS): reject with icmpx admin-prohibited", "Let 5353/udp pass: firewall-cmd --permanent --add-service=mdns && firewall-cmd --reload")]
    [InlineData("rhel-closed", true, "iptables, chain INPUT", "This rule drops 4040/tcp (others' calls to this node, IPv4): -A INPUT -j REJECT --reject-with icmp-host-prohibited", "Let 4040/tcp pass before it, for example: iptables -I INPUT -p tcp --dport 4040 -j ACCEPT")]
    [InlineData("nixos-ipt-closed", true, "iptables, chain nixos-fw-refuse", "This rule drops 4040/tcp (others' calls to this node, IPv4): -A nixos-fw-refuse -j DROP", "Let 4040/tcp pass, in the system's configuration: networking.firewall.allowedTCPPorts = [ 4040 ];")]
    [InlineData("nixos-nft-closed", true, "nft, table inet nixos-fw, chain input", "No rule accepts 5353/udp (multicast DNS), and the policy drops what none accepts: type filter hook input priority filter; policy drop;", "Let 5353/udp pass, in the system's configuration: networking.firewall.allowedUDPPorts = [ 5353 ];")]
    [InlineData("docker-published", true, "iptables, table nat, chain DOCKER", "This rule may take 4040/tcp (others' calls to this node, IPv4) elsewhere: -A DOCKER ! -i docker0 -p tcp -m tcp --dport 4040 -j DNAT --to-destination 172.17.0.3:4040", null)]
    [InlineData("hand-lan", true, "nft, table inet filter, chain input", "This rule drops 4040/tcp (others' calls to this node, IPv4), unless a rule before it lets them pass, whose conditions this command cannot judge (ip saddr 10.7.0.0/16 tcp dport 4040 accept): counter packets 0 bytes 0 reject with icmpx admin-prohibited", null)]
    [InlineData("out-closed", true, "nft, table ip guard, chain out", "No rule accepts 4040/tcp (this node's answers to calls, IPv4), and the policy drops what none accepts: type filter hook output priority filter; policy drop;", "Let 4040/tcp pass before it, for example: nft insert rule ip guard out tcp sport 4040 accept")]
    public void Doctor_RulesOfRealPrograms_NamesTheRuleAndTheWayOut(string name, bool hasIptables, string subject, string detail, string? advice)
    {
        IReadOnlyList<FindingLine> findings = Ruleset.Judge(name, hasIptables);
        FindingLine? finding = findings.FirstOrDefault(f => f.Subject == subject && f.Detail == detail);
        Assert.True(finding is not null, string.Join('\n', findings));
        Assert.True(advice is null || finding.Advice == advice, finding.Advice);
    }
}
