using System.Globalization;
using Meshara;
using Meshara.Allocations;

// What one operation allocates, as lines of `bytes name`. In a process of its own, because tests that run beside it would be counted too, and because its code is optimised from the start.
switch (args)
{
    case ["parts"]:
        foreach ((string name, Action work) in FrameParts.All().Concat(LinkParts.All()))
        {
            Console.WriteLine($"{Text(PerCall(work))} {name}");
        }

        return 0;
    case [("messages" or "requests") and var shape, ("memory" or "tcp") and var transport, var batches, var size, .. [] or ["types"]]:
        await using (NodePair pair = await NodePair.StartAsync(transport == "tcp" ? null : new MemoryTransport()))
        {
            Func<int, Task> run = shape == "messages" ? pair.SendAsync : pair.RequestAsync;
            await MeasureAsync(shape, run, int.Parse(batches, CultureInfo.InvariantCulture), int.Parse(size, CultureInfo.InvariantCulture), types: args.Length > 4);
        }

        return 0;
    default:
        Console.Error.WriteLine("""
            usage: Meshara.Allocations parts                                             single frames, and a link driven by hand
                   Meshara.Allocations messages|requests memory|tcp BATCHES SIZE [types] between two nodes, both ends, so many batches of so many; "types" says of what
            """);
        return 2;
}

static double PerCall(Action work)
{
    const int Calls = 10_000;
    Repeat(work, Calls);
    long before = GC.GetAllocatedBytesForCurrentThread();
    Repeat(work, Calls);
    return (double)(GC.GetAllocatedBytesForCurrentThread() - before) / Calls;
}

static void Repeat(Action work, int calls)
{
    for (int i = 0; i < calls; i++)
    {
        work();
    }
}

static async Task MeasureAsync(string shape, Func<int, Task> run, int batches, int size, bool types)
{
    // Windows grow, pools fill and queues get their size while it warms up.
    await RepeatAsync(run, batches, size);
    using AllocationTicks? ticks = types ? new AllocationTicks() : null;
    long before = GC.GetTotalAllocatedBytes(precise: true);
    await RepeatAsync(run, batches, size);
    double each = (double)(GC.GetTotalAllocatedBytes(precise: true) - before) / batches / size;
    Console.WriteLine($"{Text(each)} {shape}");
    foreach ((string type, double share) in ticks?.Shares() ?? [])
    {
        Console.WriteLine($"  {share * each,6:0.0} {type}");
    }
}

static async Task RepeatAsync(Func<int, Task> run, int batches, int size)
{
    for (int i = 0; i < batches; i++)
    {
        await run(size);
    }
}

static string Text(double bytes) => bytes.ToString("0.00", CultureInfo.InvariantCulture);
