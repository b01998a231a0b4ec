using System.Globalization;
using System.Net;
using Meshara.Benchmarks.Charts;
using Meshara.Core.Policy;

namespace Meshara.Benchmarks.Scale;

/// <summary>How cost grows: messages a second and memory against links, the choice of the next dial against known addresses. One chart each.</summary>
internal static class Growth
{
    private const int Rounds = 50_000, Batches = 5;

    /// <summary>Messages a second against links.</summary>
    public static async Task<IReadOnlyList<ScaleRow>> ThroughputAsync(ScalePlan plan)
    {
        List<ScaleRow> rows = [];
        List<LinePoint> points = [];
        foreach (int links in (int[])[1, 8, 64, 128])
        {
            List<double> rates = [];
            for (int i = 0; i < (plan.Quick ? 1 : 3); i++)
            {
                rates.Add((await Fairness.RunAsync(links, TimeSpan.FromSeconds(plan.Quick ? 1 : 3))).Rates.Sum());
            }

            ScaleRow row = new($"64 B messages to one node over {links} links, one sender each", "messages/s", rates);
            rows.Add(row);
            points.Add(new LinePoint(links, row.Median, rates.Min(), rates.Max()));
        }

        Axis x = new("links", Logarithmic: true, [1, 8, 64, 128]);
        await plan.KeepAsync("throughput", new LineChart("64 B messages to one node", plan.Subtitle, x, new Axis("messages a second"), [new LineSeries("all links together", points)]));
        return rows;
    }

    /// <summary>Memory against links.</summary>
    public static async Task<IReadOnlyList<ScaleRow>> MemoryAsync(ScalePlan plan)
    {
        int[] links = plan.Quick ? [100, 300] : [100, 1000, 5000];
        IReadOnlyList<ProcessMemory> more = await IdleMemory.NodeAsync(warmup: 8, links);
        LinePoint[] resident = [new(0, 0), .. more.Select((m, i) => new LinePoint(links[i], m.Resident / 1e6))];
        LinePoint[] managed = [new(0, 0), .. more.Select((m, i) => new LinePoint(links[i], m.Managed / 1e6))];
        await plan.KeepAsync(
            "memory",
            new LineChart("Memory of a node with idle links", plan.Subtitle, new Axis("links"), new Axis("MB more than without"), [new LineSeries("resident", resident), new LineSeries("managed heap", managed)]));
        return [.. links.Select((n, i) => new ScaleRow($"{n:N0} idle links, resident more than without", "MB", [more[i].Resident / 1e6]))];
    }

    /// <summary>The next dial against known addresses.</summary>
    public static async Task<IReadOnlyList<ScaleRow>> DialChoiceAsync(ScalePlan plan)
    {
        List<ScaleRow> rows = [];
        List<LinePoint> points = [];
        foreach (int addresses in (int[])[100, 1000, 10_000, 100_000])
        {
            long before = GC.GetTotalMemory(forceFullCollection: true);
            AddressTable table = Fill(addresses);
            double bytes = GC.GetTotalMemory(forceFullCollection: true) - before;
            int kept = table.Counts.Unproven + table.Counts.Proven;
            TimeSpan now = TimeSpan.FromHours(1);
            Pick(table, ref now);
            double[] times = [.. Enumerable.Range(0, Batches).Select(_ => Pick(table, ref now))];
            ScaleRow row = new($"next dial among {addresses:N0} addresses ({kept:N0} of them found a place)", "µs", times);
            rows.Add(row);
            rows.Add(new ScaleRow("the table's memory", "bytes an address", [bytes / kept]));
            points.Add(new LinePoint(addresses, row.Median, times.Min(), times.Max()));
        }

        Axis x = new("addresses that the node heard of (its table keeps 16,384 at most)", Logarithmic: true);
        await plan.KeepAsync("dial-choice", new LineChart("Choosing the next dial", plan.Subtitle, x, new Axis("µs"), [new LineSeries("pick and put back", points)]));
        return rows;
    }

    private static AddressTable Fill(int count)
    {
        AddressTable table = new(new byte[PeerStoreContent.TableKeySize], new AddressGroups(AddressGroups.Loopback, []), new Random(1));

        // Sources that have nothing to do with the address: one source reaches a part of the table only.
        Random sources = new(2);
        for (int i = 0; i < count; i++)
        {
            table.Add(
                new AddressCandidate(
                    new PeerAddress(string.Create(CultureInfo.InvariantCulture, $"{20 + (i % 100)}.{i / 100 % 250}.{i / 25_000}.1"), PeerAddress.DefaultPort, NodeId.FromPublicKey(BitConverter.GetBytes(i))),
                    AddressSource.PeerExchange,
                    new IPAddress([(byte)(130 + sources.Next(50)), (byte)sources.Next(250), 1, 1])),
                TimeSpan.Zero);
        }

        return table;
    }

    private static double Pick(AddressTable table, ref TimeSpan now)
    {
        PickView view = new(static _ => true, static _ => 1, static _ => 1);
        long start = Clock.Now;
        for (int i = 0; i < Rounds; i++)
        {
            now += TimeSpan.FromMilliseconds(20);
            table.Dropped(table.Pick(view, now)!.Address, TimeSpan.FromSeconds(1), now);
        }

        return Clock.Since(start).TotalMicroseconds / Rounds;
    }
}
