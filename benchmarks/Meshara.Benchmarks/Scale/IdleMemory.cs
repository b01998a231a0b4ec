using System.Globalization;

namespace Meshara.Benchmarks.Scale;

/// <summary>What one end of an idle link holds: bare TLS streams with a read pending, and links of a node. The other ends are in another process.</summary>
internal static class IdleMemory
{
    // Code is compiled and pools are filled before the first look.
    private const int Warmup = 64;

    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(2);

    public static async Task<IReadOnlyList<ScaleRow>> MeasureAsync(ScalePlan plan)
    {
        int links = plan.Quick ? 200 : 500;
        List<ProcessMemory> raw = [], node = [];
        for (int i = 0; i < (plan.Quick ? 1 : 3); i++)
        {
            raw.Add(await RawAsync(links));
            node.Add((await NodeAsync(Warmup, [links]))[0]);
        }

        return
        [
            new ScaleRow($"idle link, raw with a read of 4 KiB pending, {links} of them, resident", "kB", [.. raw.Select(m => m.Resident / 1e3 / links)]),
            new ScaleRow("idle link, raw, managed heap", "kB", [.. raw.Select(m => m.Managed / 1e3 / links)]),
            new ScaleRow($"idle link of a node, {links} of them, resident", "kB", [.. node.Select(m => m.Resident / 1e3 / links)]),
            new ScaleRow("idle link of a node, managed heap", "kB", [.. node.Select(m => m.Managed / 1e3 / links)]),
            new ScaleRow("idle link of a node ÷ raw, resident", "ratio", [.. node.Zip(raw, static (a, b) => (double)a.Resident / b.Resident)]) { Target = Target.Most(0.6) },
        ];
    }

    /// <summary>What a node holds more with so many links than with those of the warm-up.</summary>
    public static async Task<IReadOnlyList<ProcessMemory>> NodeAsync(int warmup, IReadOnlyList<int> links)
    {
        await using ScaleChild hub = await ScaleChild.StartAsync("node");
        await using ScaleChild peers = await ScaleChild.StartAsync("peers", (warmup + links[^1]).ToString(CultureInfo.InvariantCulture));
        string[] keys = peers.Hello.Split(',');
        await hub.AskAsync("trust " + string.Join(',', keys.Take(warmup)));
        await peers.AskAsync($"connect {hub.Hello} 0 {warmup}");
        await Task.Delay(Settle, TimeProvider.System);
        ProcessMemory before = await hub.MemoryAsync();
        List<ProcessMemory> more = [];
        for (int made = warmup, i = 0; i < links.Count; i++)
        {
            int wanted = warmup + links[i];
            await hub.AskAsync("trust " + string.Join(',', keys[made..wanted]));
            await peers.AskAsync($"connect {hub.Hello} {made} {wanted - made}");
            made = wanted;
            await Task.Delay(Settle, TimeProvider.System);
            ProcessMemory after = await hub.MemoryAsync();
            more.Add(new ProcessMemory(after.Resident - before.Resident, after.Managed - before.Managed));
        }

        return more;
    }

    private static async Task<ProcessMemory> RawAsync(int links)
    {
        await using ScaleChild server = await ScaleChild.StartAsync("raw-server");
        await using ScaleChild clients = await ScaleChild.StartAsync("raw-clients");
        await server.AskAsync($"expect {clients.Hello} pin read");
        await clients.AskAsync($"connect {Warmup} {server.Hello}");
        await server.AskAsync($"await {Warmup}");
        await Task.Delay(Settle, TimeProvider.System);
        ProcessMemory before = await server.MemoryAsync();
        await clients.AskAsync($"connect {links} {server.Hello}");
        await server.AskAsync($"await {Warmup + links}");
        await Task.Delay(Settle, TimeProvider.System);
        ProcessMemory after = await server.MemoryAsync();
        return new ProcessMemory(after.Resident - before.Resident, after.Managed - before.Managed);
    }
}
