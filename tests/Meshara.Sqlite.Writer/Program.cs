using System.Globalization;
using Meshara.Sqlite;
using Meshara.Sqlite.Writer;

// Writes batches as fast as it can until it is killed: FILE FIRST. Says the number of each batch that is kept.
using CancellationTokenSource stop = new();
Task parent = Task.Run(async () =>
{
    // The end of the input is the end of whoever started this.
    await Console.In.ReadToEndAsync();
    await stop.CancelAsync();
});

Console.WriteLine("ready");
await using SqlitePeerStore store = new(args[0]);
for (long batch = long.Parse(args[1], CultureInfo.InvariantCulture); !stop.IsCancellationRequested; batch++)
{
    await store.SaveAsync(Batches.Number(batch));
    if (store.Trouble is { } trouble)
    {
        Console.WriteLine($"trouble: {trouble}");
        return 1;
    }

    Console.WriteLine(batch);
}

await parent;
return 0;
