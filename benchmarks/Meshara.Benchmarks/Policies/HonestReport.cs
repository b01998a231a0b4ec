using System.Globalization;
using System.Net;
using System.Text;
using Meshara.Core.Policy;

namespace Meshara.Benchmarks.Policies;

/// <summary>How often peers that mean no harm are banned.</summary>
internal static class HonestReport
{
    public static string Of(double hours, int seed)
    {
        HonestRun run = new(seed);
        double each = hours / HonestRun.PeerCount;
        IReadOnlyList<HonestTally> tallies = run.Run(each);
        StringBuilder text = new();
        text.AppendLine(CultureInfo.InvariantCulture, $"{hours:N0} node-hours: {HonestRun.PeerCount} peers of one node, {each:N0} hours each, seed {seed}. The node's own network fails once a day; {run.OwnFaults:N0} timeouts were taken for that.");
        text.AppendLine();
        text.AppendLine("| peers | bans | links closed for conduct | lowest reputation | of the time first to give way |");
        text.AppendLine("|---|---|---|---|---|");
        foreach ((HonestKind kind, HonestTally tally) in HonestRun.Kinds.Zip(tallies))
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"| {kind.Name} | {tally.Bans} | {tally.Disconnects:N0} | {tally.Lowest:0.0} | {tally.DiscouragedMinutes / (each * 60 * kind.Peers):0.0%} |");
        }

        text.AppendLine(CultureInfo.InvariantCulture, $"| **all** | **{tallies.Sum(t => t.Bans)}** | | | |");
        text.AppendLine();
        text.AppendLine("Places that they get at one node with 26 inbound slots (the standard preset):");
        text.AppendLine();
        text.AppendLine("| who calls | range named as trusted | not named |");
        text.AppendLine("|---|---|---|");
        Row(text, "50 from 203.0.113.9", "203.0.113.9/32", Enumerable.Repeat(IPAddress.Parse("203.0.113.9"), 50));
        Row(text, "200 pods in one /56", "2001:db8:7:100::/56", Enumerable.Range(1, 200).Select(i => IPAddress.Parse($"2001:db8:7:1{i % 256:x2}::{i:x}")));
        Row(text, "200 in one /24", "203.0.113.0/24", Enumerable.Range(1, 200).Select(i => new IPAddress([203, 0, 113, (byte)i])));
        return text.ToString();
    }

    private static void Row(StringBuilder text, string who, string range, IEnumerable<IPAddress> callers)
    {
        IPAddress[] all = [.. callers];
        int named = Admitted(all, new AddressGroups([IPNetwork.Parse(range)], []));
        text.AppendLine(CultureInfo.InvariantCulture, $"| {who} | {(named == all.Length ? "no limit but the slots" : named)} | {Admitted(all, new AddressGroups([], []))} |");
    }

    private static int Admitted(IPAddress[] callers, AddressGroups groups)
    {
        List<IPAddress> inside = [];
        foreach (IPAddress caller in callers)
        {
            if (new InboundLimits().Judge(caller, inside, ConnectionPlan.InboundSlots(16, 32), groups) is null)
            {
                inside.Add(caller);
            }
        }

        return inside.Count;
    }
}
