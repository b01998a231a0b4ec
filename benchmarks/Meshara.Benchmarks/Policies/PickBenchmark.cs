using System.Globalization;
using System.Net;
using System.Text;
using Meshara.Core.Policy;

namespace Meshara.Benchmarks.Policies;

/// <summary>What the next dial costs among 10,000 known addresses.</summary>
internal static class PickBenchmark
{
    private const int Addresses = 10_000, Rounds = 200_000, Batches = 9;

    public static string Run()
    {
        AddressTable table = Fill(out int offered, out double add);
        HashSet<NodeId> linked = [.. table.Snapshot().Take(32).Select(r => r.Address.Id!.Value)];
        PickView view = new(e => !linked.Contains(e.Id!.Value), static _ => 1, static _ => 1);
        TimeSpan now = TimeSpan.FromHours(1);
        double[] times = [.. Enumerable.Range(0, Batches).Select(_ => Measure(table, view, ref now)).Order()];
        StringBuilder text = new();
        text.AppendLine(CultureInfo.InvariantCulture, $"{Addresses:N0} addresses in the table, {table.Counts.Proven:N0} of them proven ({offered:N0} were offered); 32 are linked, and each group has a link already.");
        text.AppendLine();
        text.AppendLine("| | µs, median | min | max |");
        text.AppendLine("|---|---|---|---|");
        text.AppendLine(CultureInfo.InvariantCulture, $"| pick the next dial and put it back | {times[Batches / 2]:0.00} | {times[0]:0.00} | {times[^1]:0.00} |");
        text.AppendLine(CultureInfo.InvariantCulture, $"| add an address | {add:0.00} | | |");
        return text.ToString();
    }

    private static AddressTable Fill(out int offered, out double microseconds)
    {
        AddressTable table = new(new byte[PeerStoreContent.TableKeySize], new AddressGroups(AddressGroups.Loopback, []), new Random(1));
        AddressCandidate[] candidates = [.. Enumerable.Range(0, 3 * Addresses).Select(i => new AddressCandidate(
            new PeerAddress($"20.{i % 250}.{i / 250}.1", PeerAddress.DefaultPort, NodeId.FromPublicKey(BitConverter.GetBytes(i))),
            AddressSource.PeerExchange,
            new IPAddress([9, (byte)(i % 200), 1, 1])))];
        TimeSpan now = TimeSpan.Zero;
        long start = TimeProvider.System.GetTimestamp();
        for (offered = 0; table.Counts.Unproven < Addresses; offered++)
        {
            table.Add(candidates[offered], now);
        }

        microseconds = TimeProvider.System.GetElapsedTime(start).TotalMicroseconds / offered;
        foreach (AddressCandidate candidate in candidates.Where((_, i) => i % 4 == 0))
        {
            if (table.TryTake(candidate.Address, now) is not null)
            {
                table.Succeeded(candidate.Address, candidate.Address.Id!.Value, now);
            }
        }

        return table;
    }

    private static double Measure(AddressTable table, PickView view, ref TimeSpan now)
    {
        long start = TimeProvider.System.GetTimestamp();
        for (int i = 0; i < Rounds; i++)
        {
            now += TimeSpan.FromMilliseconds(1);
            AddressEntry entry = table.Pick(view, now)!;
            table.Dropped(entry.Address, TimeSpan.FromSeconds(1), now);
        }

        return TimeProvider.System.GetElapsedTime(start).TotalMicroseconds / Rounds;
    }
}
