namespace Meshara.Cli.Doctor.Firewall;

/// <summary>Reads the rest of a comparison that is no plain value (masks); null: it is one.</summary>
internal delegate Truth? NftMask(IReadOnlyList<NftToken> tokens, ref int at);

/// <summary>What a rule of nft looks at: <c>tcp dport</c>, <c>ct state</c>.</summary>
/// <param name="Applies">Whether the packet has it at all; one that does not meets neither it nor its opposite.</param>
/// <param name="Meets">Whether the packet's value is the one that is written.</param>
internal sealed record NftSelector(Truth Applies, Func<string, Truth> Meets)
{
    private static readonly NftSelector Unknown = new(Truth.Maybe, static _ => Truth.Maybe);

    // It asks for what no packet here has.
    private static readonly NftSelector Absent = new(Truth.No, static _ => Truth.No);

    private static readonly string[] Bare = ["iif", "iifname", "oif", "oifname", "mark", "skuid", "skgid", "pkttype", "iifgroup", "oifgroup", "nfproto", "l4proto", "cgroup", "iiftype", "oiftype", "protocol", "length", "cpu", "rtclassid"];

    /// <summary>Reads a comparison with a mask.</summary>
    public NftMask? Masked { get; init; }

    /// <summary>The selector that begins here; null: none does. What is known to be one and not what of, is doubted.</summary>
    public static NftSelector? Read(IReadOnlyList<NftToken> tokens, ref int at, FirewallPacket packet, NftFacts facts)
    {
        if (at >= tokens.Count || tokens[at].IsString)
        {
            return null;
        }

        string word = tokens[at].Text, key = at + 1 < tokens.Count ? tokens[at + 1].Text : "";
        switch (word)
        {
            case "meta":
                at += 2;
                return Meta(key, packet, facts);
            case "ct":
                return Tracking(tokens, ref at, packet, facts);
            case "ip" or "ip6":
                at += 2;
                return Address(word, key, packet);
            case "tcp" or "udp" or "th":
                at += 2;
                return Transport(word, key, packet);
            case "icmp" or "icmpv6" or "igmp" or "esp" or "ah" or "comp" or "sctp" or "dccp" or "udplite" or "arp" or "frag" or "hbh" or "dst" or "mh" or "srh":
                at += 2;
                return Absent;
            case "rt":
                at += 2;
                return key is "type" or "hdrlength" or "seg-left" ? Absent : Unknown;
            case "exthdr":
                at += 2;
                return new NftSelector(Truth.Yes, static value => Truths.Of(value is "missing" or "0"));
            case "fib":
                return Fib(tokens, ref at, packet);
            case "ether" or "vlan" or "socket" or "osf" or "ipsec":
                at += 2;
                return Unknown;
            default:
                if (!Bare.Contains(word))
                {
                    return null;
                }

                at++;
                return Meta(word, packet, facts);
        }
    }

    private static NftSelector Meta(string key, FirewallPacket packet, NftFacts facts) => key switch
    {
        "nfproto" => new(Truth.Yes, value => Truths.Of(packet.IsIPv6 ? value is "ipv6" or "10" : value is "ipv4" or "2")),
        "protocol" => new(Truth.Yes, value => Truths.Of(value == (packet.IsIPv6 ? "ip6" : "ip"))),
        "l4proto" => new(Truth.Yes, packet.IsOf),
        "iif" or "iifname" => packet.IsInbound ? new(Truth.Yes, name => packet.IsBy(name, '*')) : Absent,
        "oif" or "oifname" => packet.IsInbound ? Absent : new(Truth.Yes, name => packet.IsBy(name, '*')),
        "pkttype" when packet.IsInbound => new(Truth.Yes, value => Truths.Of(value == (packet.DestinationType == "multicast" ? "multicast" : "host") || (value == "unicast" && packet.DestinationType == "local"))),
        "mark" when !facts.SetsMarks => Mark(),
        _ => Unknown,
    };

    // No packet has a mark: 0, whatever the mask.
    private static NftSelector Mark()
    {
        return new NftSelector(Truth.Yes, IsZero) { Masked = Zero };

        static Truth IsZero(string value) => Truths.Of(value.Length > 0 && value.All(static c => c is '0' or 'x'));

        static Truth? Zero(IReadOnlyList<NftToken> tokens, ref int at)
        {
            if (at + 3 >= tokens.Count || !tokens[at].Is("&") || tokens[at + 2].Text is not ("==" or "!="))
            {
                return null;
            }

            string sign = tokens[at + 2].Text;
            Truth isZero = IsZero(tokens[at + 3].Text);
            at += 4;
            return sign == "!=" ? isZero.Not() : isZero;
        }
    }

    private static NftSelector Tracking(IReadOnlyList<NftToken> tokens, ref int at, FirewallPacket packet, NftFacts facts)
    {
        string key = at + 1 < tokens.Count ? tokens[at + 1].Text : "";
        at += 2;
        switch (key)
        {
            case "state" when facts.SkipsTracking:
                return Unknown;
            case "state":
                return new(Truth.Yes, value => Truths.Of(value == packet.State));
            case "status":
                return new(Truth.Yes, static value => value is "dnat" or "snat" or "expected" or "dying" ? Truth.No : Truth.Maybe);
            case "direction":
                return new(Truth.Yes, value => Truths.Of(value == (packet.State == "established" ? "reply" : "original")));
            case "mark" when !facts.SetsMarks:
                return Mark();
            case "original" or "reply":
                // ct original ip saddr, ct original proto-dst
                at += at < tokens.Count && tokens[at].Text is "ip" or "ip6" ? 2 : 1;
                return Unknown;
            default:
                return Unknown;
        }
    }

    private static NftSelector Address(string family, string key, FirewallPacket packet)
    {
        Truth isFamily = Truths.Of(family == "ip6" == packet.IsIPv6);
        return key switch
        {
            "saddr" => new(isFamily, value => packet.IsAt(packet.Sources, value)),
            "daddr" => new(isFamily, value => packet.IsAt(packet.Destinations, value)),
            "protocol" or "nexthdr" => new(isFamily, packet.IsOf),
            _ => new(isFamily.And(Truth.Maybe), static _ => Truth.Maybe),
        };
    }

    private static NftSelector Transport(string protocol, string key, FirewallPacket packet)
    {
        Truth isProtocol = protocol == "th" ? Truth.Yes : packet.IsOf(protocol);
        return key switch
        {
            "sport" => new(isProtocol, value => packet.SourcePort.IsIn(value)),
            "dport" => new(isProtocol, value => packet.DestinationPort.IsIn(value)),
            "flags" => new(isProtocol, value => Truths.Of(packet.TcpFlags.Contains(value))) { Masked = (IReadOnlyList<NftToken> tokens, ref int at) => Flags(tokens, ref at, packet) },
            _ => new(isProtocol.And(Truth.Maybe), static _ => Truth.Maybe),
        };
    }

    // tcp flags syn / fin,syn,rst,ack and, older, tcp flags & (fin | syn | rst | ack) == syn
    private static Truth? Flags(IReadOnlyList<NftToken> tokens, ref int at, FirewallPacket packet)
    {
        int i = at;
        bool isNot = i < tokens.Count && tokens[i].Is("!=");
        i += isNot ? 1 : 0;
        HashSet<string> mask, value;
        if (i < tokens.Count && tokens[i].Is("&"))
        {
            i++;
            mask = Names(tokens, ref i);
            if (i >= tokens.Count || tokens[i].Text is not ("==" or "!="))
            {
                return null;
            }

            isNot = tokens[i++].Is("!=");
            value = Names(tokens, ref i);
        }
        else
        {
            value = Names(tokens, ref i);
            if (i >= tokens.Count || !tokens[i].Is("/"))
            {
                return null;
            }

            i++;
            mask = Names(tokens, ref i);
        }

        at = i;
        value.Remove("0x0");
        return Truths.Of(value.SetEquals(packet.TcpFlags.Where(mask.Contains)) != isNot);
    }

    private static HashSet<string> Names(IReadOnlyList<NftToken> tokens, ref int at)
    {
        HashSet<string> names = [];
        bool wantsName = true;
        for (; at < tokens.Count; at++)
        {
            if (tokens[at].Text is "(" or ")")
            {
                continue;
            }

            if (tokens[at].Text is "," or "|")
            {
                wantsName = true;
                continue;
            }

            if (!wantsName)
            {
                break;
            }

            names.Add(tokens[at].Text);
            wantsName = false;
        }

        return names;
    }

    // fib daddr type local; fib saddr . mark . iif oif missing: whether the way back is the way it came, as an honest neighbour's is.
    private static NftSelector Fib(IReadOnlyList<NftToken> tokens, ref int at, FirewallPacket packet)
    {
        List<string> keys = [];
        for (at++; at < tokens.Count && tokens[at].Text is "saddr" or "daddr" or "mark" or "iif" or "oif"; at++)
        {
            keys.Add(tokens[at].Text);
            if (at + 1 < tokens.Count && tokens[at + 1].Is("."))
            {
                at++;
            }
            else
            {
                at++;
                break;
            }
        }

        string result = at < tokens.Count ? tokens[at++].Text : "";
        return (result, keys.Contains("saddr"), keys.Contains("daddr")) switch
        {
            ("type", true, false) => new(Truth.Yes, value => Truths.Of(value == packet.SourceType)),
            ("type", false, true) => new(Truth.Yes, value => Truths.Of(value == packet.DestinationType)),
            ("oif" or "oifname", true, false) when packet.IsInbound => new(Truth.Yes, static value => value is "exists" or "1" ? Truth.Yes : value is "missing" or "0" ? Truth.No : Truth.Maybe),
            _ => Unknown,
        };
    }
}
