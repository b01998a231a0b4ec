using System.Globalization;
using System.Text.RegularExpressions;

namespace Meshara.Cli.Doctor;

/// <summary>A rule of a firewall that drops packets of a port.</summary>
/// <param name="Rule">As the tool prints it.</param>
/// <param name="Where">Table and chain.</param>
/// <param name="Always">Whether it drops all of them, and not only those that meet further conditions.</param>
internal sealed record FirewallHit(string Rule, string Where, bool Always);

/// <summary>Reads what <c>nft list ruleset</c> and <c>iptables -S</c> print. Careful: a rule that is not understood decides nothing.</summary>
internal static partial class FirewallText
{
    // Milliseconds for one pattern and one line: the rules are the operator's own, but a fault of the pattern shall not hang.
    private const int Patience = 1000;

    private enum Verdict
    {
        None,
        Accept,
        Drop,
    }

    /// <summary>The rules of <c>nft list ruleset</c> that drop a port, the first in each chain.</summary>
    /// <param name="text">The output.</param>
    /// <param name="protocol"><c>udp</c> or <c>tcp</c>.</param>
    /// <param name="port">The port.</param>
    public static IReadOnlyList<FirewallHit> FindNft(string text, string protocol, int port)
    {
        List<FirewallHit> hits = [];
        string table = "", chain = "", policy = "";
        bool isDecided = false, mayAccept = false;
        foreach (string line in text.Split('\n').Select(static l => l.Trim()))
        {
            if (line.StartsWith("table ", StringComparison.Ordinal))
            {
                table = line.TrimEnd('{', ' ');
            }
            else if (line.StartsWith("chain ", StringComparison.Ordinal))
            {
                (chain, policy, isDecided, mayAccept) = (line.TrimEnd('{', ' '), "", false, false);
            }
            else if (line == "}" && chain.Length > 0)
            {
                if (!isDecided && !mayAccept && policy.Length > 0)
                {
                    hits.Add(new FirewallHit(policy, $"{table}, {chain}", Always: false));
                }

                chain = "";
            }
            else if (chain.Length > 0 && line.StartsWith("type filter hook ", StringComparison.Ordinal))
            {
                policy = line.Contains("policy drop", StringComparison.Ordinal) && !line.Contains("hook forward", StringComparison.Ordinal) ? line : "";
            }
            else if (chain.Length > 0 && !isDecided)
            {
                (Verdict verdict, bool always) = TryJudgeNft(line, protocol, port);
                mayAccept |= verdict == Verdict.Accept || line.Contains("jump ", StringComparison.Ordinal) || line.Contains("goto ", StringComparison.Ordinal);
                isDecided = always && verdict != Verdict.None;
                if (verdict == Verdict.Drop)
                {
                    hits.Add(new FirewallHit(line, $"{table}, {chain}", always));
                }
            }
        }

        return hits;
    }

    /// <summary>The rules of <c>iptables -S</c> or <c>ip6tables -S</c> that drop a port, the first in each chain.</summary>
    public static IReadOnlyList<FirewallHit> FindIptables(string text, string protocol, int port)
    {
        List<FirewallHit> hits = [];
        string[] lines = [.. text.Split('\n').Select(static l => l.Trim())];
        HashSet<string> decided = new(StringComparer.Ordinal);
        bool mayAccept = false;
        foreach (string line in lines.Where(static l => l.StartsWith("-A ", StringComparison.Ordinal)))
        {
            string chain = line.Split(' ')[1];
            (Verdict verdict, bool always) = JudgeIptables(line, protocol, port);
            mayAccept |= verdict == Verdict.Accept;
            if (chain == "FORWARD" || verdict == Verdict.None || decided.Contains(chain))
            {
                continue;
            }

            if (always)
            {
                decided.Add(chain);
            }

            if (verdict == Verdict.Drop)
            {
                hits.Add(new FirewallHit(line, $"chain {chain}", always));
            }
        }

        foreach (string line in lines.Where(l => l is "-P INPUT DROP" or "-P OUTPUT DROP" && !mayAccept && !decided.Contains(l.Split(' ')[1])))
        {
            hits.Add(new FirewallHit(line, $"chain {line.Split(' ')[1]}", Always: false));
        }

        return hits;
    }

    private static (Verdict Verdict, bool Always) TryJudgeNft(string line, string protocol, int port)
    {
        try
        {
            return JudgeNft(line, protocol, port);
        }
        catch (RegexMatchTimeoutException)
        {
            return (Verdict.None, false);
        }
    }

    private static (Verdict Verdict, bool Always) JudgeNft(string line, string protocol, int port)
    {
        string rule = Noise().Replace(line, " ");
        Match verdict = NftVerdict().Match(rule);
        if (!verdict.Success)
        {
            return (Verdict.None, false);
        }

        Verdict kind = verdict.Groups["verdict"].Value == "accept" ? Verdict.Accept : Verdict.Drop;
        string rest = rule[..verdict.Index].Trim();
        bool isAbout = false;
        foreach (Match match in NftPort().Matches(rest))
        {
            if ((match.Groups["protocol"].Value != protocol && match.Groups["protocol"].Value != "th") || !HasPort(match.Groups["set"].Value, port, match.Groups["not"].Success))
            {
                return (Verdict.None, false);
            }

            isAbout = true;
        }

        rest = NftPort().Replace(rest, " ").Trim();
        Match only = NftProtocol().Match(rest);
        if (only.Success)
        {
            if (!only.Groups["set"].Value.Split([',', ' ', '{', '}'], StringSplitOptions.RemoveEmptyEntries).Contains(protocol, StringComparer.Ordinal))
            {
                return (Verdict.None, false);
            }

            isAbout = true;
            rest = NftProtocol().Replace(rest, " ").Trim();
        }

        // Nothing is left: all packets of the port. Something is left: some of them, and only a rule about the port is worth naming then.
        return rest.Length == 0 ? (kind, true) : isAbout ? (kind, false) : (Verdict.None, false);
    }

    private static (Verdict Verdict, bool Always) JudgeIptables(string line, string protocol, int port)
    {
        string[] words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        Verdict kind = Verdict.None;
        bool isAbout = false, isMore = false;
        for (int i = 2; i < words.Length; i++)
        {
            string value = i + 1 < words.Length ? words[i + 1] : "";
            switch (words[i])
            {
                case "-j" or "-g":
                    kind = value switch { "ACCEPT" => Verdict.Accept, "DROP" or "REJECT" => Verdict.Drop, _ => Verdict.None };
                    i = words.Length;
                    break;
                case "!":
                    // The next condition is turned round: what it means for the port is not worked out.
                    return (Verdict.None, false);
                case "-p":
                    if (value != protocol && value != "all")
                    {
                        return (Verdict.None, false);
                    }

                    isAbout = true;
                    i++;
                    break;
                case "-m":
                    isMore |= value is not ("udp" or "tcp" or "multiport" or "comment");
                    i++;
                    break;
                case "--dport" or "--dports" or "--sport" or "--sports" or "--ports":
                    if (!HasPort(value.Replace(':', '-'), port, isNot: false))
                    {
                        return (Verdict.None, false);
                    }

                    isAbout = true;
                    i++;
                    break;
                case "--comment":
                    i = words.Length > i + 1 && value.StartsWith('"') ? EndOfQuote(words, i + 1) : i + 1;
                    break;
                default:
                    isMore = true;
                    break;
            }
        }

        return !isMore ? (kind, true) : isAbout ? (kind, false) : (Verdict.None, false);
    }

    private static int EndOfQuote(string[] words, int at)
    {
        while (at < words.Length - 1 && !(words[at].EndsWith('"') && words[at].Length > 1))
        {
            at++;
        }

        return at;
    }

    private static bool HasPort(string set, int port, bool isNot)
    {
        bool found = set.Split([',', ' ', '{', '}'], StringSplitOptions.RemoveEmptyEntries).Any(part =>
            part.Split('-') is [var low, var high] ? Number(low) <= port && port <= Number(high) : Number(part) == port);
        return found != isNot;
    }

    private static int Number(string text) => text == "mdns" ? 5353 : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : -1;

    [GeneratedRegex("""\bcounter( packets \d+ bytes \d+)?|\blog( (prefix|level|group|flags|snaplen|queue-threshold) ("[^"]*"|\S+))*|\bcomment "[^"]*"|# handle \d+""", RegexOptions.ExplicitCapture, Patience)]
    private static partial Regex Noise();

    [GeneratedRegex(@"\b(?<verdict>accept|drop|reject)\b", RegexOptions.ExplicitCapture, Patience)]
    private static partial Regex NftVerdict();

    [GeneratedRegex(@"\b(?<protocol>udp|tcp|th|sctp|dccp|udplite) (dport|sport) (?<not>!= )?(?<set>\{[^}]*\}|\S+)", RegexOptions.ExplicitCapture, Patience)]
    private static partial Regex NftPort();

    [GeneratedRegex(@"\b(meta l4proto|ip protocol|ip6 nexthdr) (?<set>\{[^}]*\}|\S+)", RegexOptions.ExplicitCapture, Patience)]
    private static partial Regex NftProtocol();
}
