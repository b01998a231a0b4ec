namespace Meshara.Cli.Doctor.Firewall;

/// <summary>One rule of iptables (<c>-A CHAIN …</c>) for one packet.</summary>
internal sealed class IptablesRule(IReadOnlyList<string> words, FirewallPacket packet, IptablesFacts facts)
{
    private static readonly RuleVerdict Nothing = new(VerdictKind.Continue);

    // Modules without a condition of their own, or whose conditions are all read below.
    private static readonly string[] Known = ["tcp", "udp", "multiport", "comment", "state", "conntrack", "addrtype", "pkttype", "rpfilter", "limit", "mark", "iprange"];

    // Modules that ask for what no packet here has: other protocols, extension headers.
    private static readonly string[] Absent = ["icmp", "icmp6", "icmpv6", "rt", "frag", "hbh", "dst", "mh", "ah", "esp", "sctp", "dccp", "ipv6header"];

    private Truth _all = Truth.Yes;
    private int _at = 2;

    /// <summary>All that it may do; with a doubt also nothing.</summary>
    public IReadOnlyList<RuleVerdict> Judge()
    {
        while (_at < words.Count && _all != Truth.No)
        {
            bool isNot = words[_at] == "!";
            _at += isNot ? 1 : 0;
            string option = Take();
            if (option is "-j" or "-g")
            {
                RuleVerdict verdict = Target(Take(), option == "-g");
                return verdict == Nothing ? [Nothing] : _all == Truth.Yes ? [verdict] : [verdict, Nothing];
            }

            Truth meets = Meets(option);
            _all = _all.And(isNot ? meets.Not() : meets);
        }

        return [Nothing];
    }

    private static RuleVerdict Target(string name, bool isGoto) => name switch
    {
        "ACCEPT" or "MASQUERADE" or "SNAT" => new(VerdictKind.Accept),
        "DROP" or "REJECT" or "TARPIT" => new(VerdictKind.Drop),
        "RETURN" => new(VerdictKind.Return),
        "QUEUE" or "NFQUEUE" or "DNAT" or "REDIRECT" or "TPROXY" or "NETMAP" or "SYNPROXY" => new(VerdictKind.Unknown),
        "LOG" or "NFLOG" or "ULOG" or "MARK" or "CONNMARK" or "CT" or "NOTRACK" or "TRACE" or "CLASSIFY" or "SET" or "TCPMSS" or "AUDIT" or "CHECKSUM" or "DSCP" or "TOS" or "TTL" or "HL"
            or "SECMARK" or "CONNSECMARK" or "TEE" or "LED" or "IDLETIMER" or "TCPOPTSTRIP" => Nothing,
        _ => new(isGoto ? VerdictKind.Goto : VerdictKind.Jump, name),
    };

    private string Take() => _at < words.Count ? words[_at++] : "";

    private Truth Meets(string option)
    {
        switch (option)
        {
            case "-i":
                return packet.IsInbound ? packet.IsBy(Take(), '+') : Pass(Truth.No);
            case "-o":
                return packet.IsInbound ? Pass(Truth.No) : packet.IsBy(Take(), '+');
            case "-p":
                string protocol = Take();
                return protocol is "all" or "0" ? Truth.Yes : packet.IsOf(protocol);
            case "-s" or "--src-range":
                return packet.IsAt(packet.Sources, Take());
            case "-d" or "--dst-range":
                return packet.IsAt(packet.Destinations, Take());
            case "-m":
                string module = Take();
                return Known.Contains(module) ? Truth.Yes : Truths.Of(!Absent.Contains(module)).And(Truth.Maybe);
            case "--dport" or "--dports":
                return Ports(Take(), packet.DestinationPort);
            case "--sport" or "--sports":
                return Ports(Take(), packet.SourcePort);
            case "--ports":
                string either = Take();
                return Truths.Any([Ports(either, packet.SourcePort), Ports(either, packet.DestinationPort)]);
            case "--state" or "--ctstate":
                return State(Take());
            case "--ctdir":
                return Truths.Of(Take() == (packet.State == "established" ? "REPLY" : "ORIGINAL"));
            case "--syn":
                return Truths.Of(packet.TcpFlags is ["syn"]);
            case "--tcp-flags":
                return Flags(Take(), Take());
            case "--dst-type":
                return Types(Take(), packet.DestinationType);
            case "--src-type":
                return Types(Take(), packet.SourceType);
            case "--pkt-type" when packet.IsInbound:
                return Truths.Of(Take() == (packet.DestinationType == "multicast" ? "multicast" : "unicast"));
            case "--invert":
                // rpfilter: the way back is the way it came, as an honest neighbour's is.
                return Truth.No;
            case "--loose" or "--validmark" or "--accept-local" or "--limit-iface-in" or "--limit-iface-out":
                return Truth.Yes;
            case "--comment":
                return Pass(Truth.Yes);
            case "--mark" when !facts.SetsMarks:
                return Truths.Of(Take().Split('/')[0] is "0x0" or "0");
            case "-f":
                return Truth.No;
            default:
                return Unknown();
        }
    }

    private Truth Pass(Truth known)
    {
        _at++;
        return known;
    }

    // Its values end where the next option begins.
    private Truth Unknown()
    {
        while (_at < words.Count && words[_at] != "!" && !words[_at].StartsWith('-'))
        {
            _at++;
        }

        return Truth.Maybe;
    }

    private static Truth Ports(string list, PortRange port) => Truths.Any(list.Split(',').Select(port.IsIn));

    private Truth State(string list) =>
        facts.SkipsTracking ? Truth.Maybe
        : Truths.Any(list.Split(',').Select(state => state is "DNAT" or "SNAT" ? Truth.No : Truths.Of(state.Equals(packet.State, StringComparison.OrdinalIgnoreCase))));

    private static Truth Types(string list, string own) => Truths.Any(list.Split(',').Select(type => Truths.Of(type.Equals(own, StringComparison.OrdinalIgnoreCase))));

    private Truth Flags(string mask, string value)
    {
        HashSet<string> wanted = value == "NONE" ? [] : [.. value.ToLowerInvariant().Split(',')];
        string[] asked = mask.ToLowerInvariant().Split(',');
        return Truths.Of(wanted.SetEquals(packet.TcpFlags.Where(flag => mask == "ALL" || asked.Contains(flag))));
    }
}
