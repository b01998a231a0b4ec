using System.Globalization;

namespace Meshara.Benchmarks.Scale;

/// <summary>Thousands of idle links to one node: how long they take, what the node holds, and what its heartbeats cost.</summary>
internal static class ManyLinks
{
    // What connecting has left to do, and the compiler, is no heartbeat.
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);

    public static async Task<IReadOnlyList<ScaleRow>> MeasureAsync(ScalePlan plan)
    {
        int links = plan.Links;
        TimeSpan idle = TimeSpan.FromSeconds(plan.Quick ? 20 : 60);
        long began = Clock.Now;

        // Each is a whole node through the public API.
        await using ScaleChild clients = await ScaleChild.StartAsync("peers", links.ToString(CultureInfo.InvariantCulture));
        await Console.Error.WriteLineAsync($"{links} client nodes made in {Clock.Since(began).TotalSeconds:0.0} s");
        long start = Clock.Now;
        await using ScaleChild hub = await ScaleChild.StartAsync("node");
        ProcessMemory empty = await hub.MemoryAsync();
        long naming = Clock.Now;
        await hub.AskAsync("trust " + clients.Hello);
        double named = Clock.Since(naming).TotalSeconds;
        await Console.Error.WriteLineAsync($"named in {named:0.0} s");
        await clients.AskAsync(string.Create(CultureInfo.InvariantCulture, $"connect {hub.Hello} 0 {links}"));

        // The side that dialled has its link a moment before the other.
        string all = links.ToString(CultureInfo.InvariantCulture), live;
        long dialled = Clock.Now;
        while ((live = await hub.AskAsync("links")) != all)
        {
            if (Clock.Since(dialled) > Settle)
            {
                throw new InvalidOperationException($"The node has {live} links, not {links}.");
            }

            await Task.Delay(Look, TimeProvider.System);
        }

        double connected = Clock.Since(start).TotalSeconds;
        await Console.Error.WriteLineAsync($"connected in {connected:0.0} s");
        await Task.Delay(Settle, TimeProvider.System);
        ProcessMemory full = await hub.MemoryAsync();
        (TimeSpan Cpu, long At) before = (hub.Cpu, Clock.Now);
        await Task.Delay(idle, TimeProvider.System);
        double share = (hub.Cpu - before.Cpu).TotalSeconds / Clock.Since(before.At).TotalSeconds;
        int left = int.Parse(await hub.AskAsync("links"), CultureInfo.InvariantCulture);
        ProcessMemory end = await hub.MemoryAsync();
        return
        [
            new ScaleRow($"{links:N0} links, from the start of the node until all are there", "s", [connected]) { Target = Target.Most(60) },
            new ScaleRow("of that, naming the peers (`TrustAsync` of each)", "s", [named]),
            new ScaleRow("the node with them, resident", "MB", [full.Resident / 1e6, end.Resident / 1e6]) { Target = Target.Most(400) },
            new ScaleRow("the node with them, managed heap", "MB", [full.Managed / 1e6, end.Managed / 1e6]),
            new ScaleRow("the node before, resident", "MB", [empty.Resident / 1e6]),
            new ScaleRow($"heartbeats of the node, CPU over {idle.TotalSeconds:0} s", "% of a core", [100 * share]) { Target = Target.Most(5) },
            new ScaleRow("links left after that", "", [left]) { Target = Target.Least(links) },
        ];
    }
}
