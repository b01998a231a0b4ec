using System.Globalization;

namespace Meshara.Cli.Doctor.Firewall;

/// <summary>What a firewall's rules mean for multicast DNS and for calls to the node.</summary>
/// <param name="links">The interfaces that count.</param>
/// <param name="ports">Where the node listens.</param>
internal sealed class FirewallReport(IReadOnlyList<FirewallLink> links, IReadOnlyCollection<ListenPort> ports)
{
    // One kind of packet, by one family and one interface, and what becomes of it.
    private sealed record Cell(bool IsIPv6, FirewallLink Link, Judgement Judgement);

    private sealed record Ask(string Protocol, int Port, string What, bool IsInbound, bool IPv4, bool IPv6, Func<FirewallLink, bool, FirewallPacket> Packet);

    /// <summary>Findings of one tool: what it drops is broken only where every such packet of a family is dropped, by whichever interface it comes.</summary>
    public IEnumerable<FindingLine> Of(string tool, FirewallRules rules)
    {
        int hits = 0;
        foreach (Ask ask in Asks())
        {
            foreach (FindingLine finding in Of(tool, rules, ask))
            {
                hits++;
                yield return finding;
            }
        }

        if (hits == 0)
        {
            yield return new FindingLine("firewall", FindingLine.Ok, tool, $"No rule was found that drops 5353/udp{string.Concat(ports.Select(static p => $" or {p.Port.ToString(CultureInfo.InvariantCulture)}/tcp"))}.");
        }
    }

    private IEnumerable<Ask> Asks()
    {
        yield return new Ask("udp", 5353, "multicast DNS", IsInbound: true, IPv4: true, IPv6: true, static (link, isIPv6) => link.MdnsIn(isIPv6));
        yield return new Ask("udp", 5353, "multicast DNS that this machine sends", IsInbound: false, IPv4: true, IPv6: true, static (link, isIPv6) => link.MdnsOut(isIPv6));
        foreach (ListenPort port in ports)
        {
            yield return new Ask("tcp", port.Port, "others' calls to this node", IsInbound: true, port.IPv4, port.IPv6, (link, isIPv6) => link.Call(port.Port, isIPv6));
            yield return new Ask("tcp", port.Port, "this node's answers to calls", IsInbound: false, port.IPv4, port.IPv6, (link, isIPv6) => link.Answer(port.Port, isIPv6));
        }
    }

    private IEnumerable<FindingLine> Of(string tool, FirewallRules rules, Ask ask)
    {
        List<Cell> cells = [];
        foreach (bool isIPv6 in new[] { false, true })
        {
            if (isIPv6 ? ask.IPv6 : ask.IPv4)
            {
                cells.AddRange(links.Where(link => link.Has(isIPv6)).Select(link => new Cell(isIPv6, link, Judge(rules, ask, link, isIPv6))));
            }
        }

        HashSet<bool> broken = [.. cells.GroupBy(static cell => cell.IsIPv6).Where(static family => family.All(static cell => cell.Judgement.Fate == Fate.Dropped)).Select(static family => family.Key)];
        foreach (var group in cells.Where(static cell => cell.Judgement.Fate != Fate.Passes).GroupBy(cell => (cell.Judgement, IsBroken: broken.Contains(cell.IsIPv6))))
        {
            string packets = string.Create(CultureInfo.InvariantCulture, $"{ask.Port}/{ask.Protocol} ({ask.What}{Scope(cells, [.. group])})");
            FirewallHit hit = group.Key.Judgement.Hit!;
            yield return new FindingLine("firewall", group.Key.IsBroken ? FindingLine.Broken : FindingLine.Warning, $"{tool}, {hit.Where}", $"{Sentence(group.Key.Judgement, hit, packets)}: {hit.Rule}")
            {
                Advice = FirewallAdvice.Of(tool, rules, hit, ask.Protocol, ask.Port, ask.IsInbound, isAnswer: ask is { Protocol: "tcp", IsInbound: false }),
            };
        }
    }

    // A list of banned addresses is no fault: who is asked for then is the neighbour.
    private static Judgement Judge(FirewallRules rules, Ask ask, FirewallLink link, bool isIPv6)
    {
        FirewallPacket packet = ask.Packet(link, isIPv6);
        Judgement judgement = rules.Judge(packet);
        return judgement is { Fate: Fate.Depends, Unless: null } && ask is { IsInbound: true } && rules.Judge(packet with { Sources = link.Neighbours(isIPv6) }) is { Fate: Fate.Passes } fine
            ? fine
            : judgement;
    }

    private static string Sentence(Judgement judgement, FirewallHit hit, string packets) => judgement switch
    {
        { Fate: Fate.Dropped } => hit.Kind == HitKind.Policy ? $"No rule accepts {packets}, and the policy drops what none accepts" : $"This rule drops {packets}",
        { Unless: { } unless } => $"This {(hit.Kind == HitKind.Policy ? "policy" : "rule")} drops {packets}, unless a rule before it lets them pass, whose conditions this command cannot judge{(unless.Length > 0 ? $" ({unless})" : "")}",
        _ when hit.Kind == HitKind.Elsewhere => $"This rule may take {packets} elsewhere",
        _ => $"This rule drops some packets of {packets}, or all: its conditions this command cannot judge",
    };

    // Which families and interfaces are meant, where it is not all of them.
    private static string Scope(IReadOnlyList<Cell> all, IReadOnlyList<Cell> some)
    {
        bool isOneFamily = some.All(cell => cell.IsIPv6 == some[0].IsIPv6) && all.Any(cell => cell.IsIPv6 != some[0].IsIPv6);
        string family = isOneFamily ? some[0].IsIPv6 ? ", IPv6" : ", IPv4" : "";
        bool isSomeLinks = all.Any(cell => some.Any(one => one.IsIPv6 == cell.IsIPv6) && !some.Contains(cell));
        return isSomeLinks ? $"{family}, on {string.Join(", ", some.Select(static cell => cell.Link.Name ?? "any").Distinct(StringComparer.Ordinal))}" : family;
    }
}

/// <summary>How to let packets pass, in the words of whoever made the rules.</summary>
internal static class FirewallAdvice
{
    public static string Of(string tool, FirewallRules rules, FirewallHit hit, string protocol, int number, bool isInbound, bool isAnswer)
    {
        string port = number.ToString(CultureInfo.InvariantCulture), both = $"{port}/{protocol}", which = isAnswer ? "sport" : "dport";
        if (hit.Where.Contains("inet firewalld,", StringComparison.Ordinal) && isInbound)
        {
            return $"Let {both} pass: firewall-cmd --permanent {(number == 5353 ? "--add-service=mdns" : $"--add-port={both}")} && firewall-cmd --reload";
        }

        if (hit.Where.Contains("nixos-fw", StringComparison.Ordinal) && isInbound)
        {
            return $"Let {both} pass, in the system's configuration: networking.firewall.allowed{protocol.ToUpperInvariant()}Ports = [ {port} ];";
        }

        if (rules.HasChain("ufw-user-input", "ufw6-user-input") && !isAnswer)
        {
            return $"Let {both} pass: ufw allow {(isInbound ? "" : "out ")}{both}";
        }

        string[] where = hit.Where.Replace("table ", "", StringComparison.Ordinal).Replace("chain ", "", StringComparison.Ordinal).Split(", ");
        return tool == "nft"
            ? $"Let {both} pass before it, for example: nft insert rule {string.Join(' ', where)} {protocol} {which} {port} accept"
            : $"Let {both} pass before it, for example: {tool} {(where.Length > 1 ? $"-t {where[0]} " : "")}-I {where[^1]} -p {protocol} --{which} {port} -j ACCEPT";
    }
}
