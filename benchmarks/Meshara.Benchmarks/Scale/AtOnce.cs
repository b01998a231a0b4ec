namespace Meshara.Benchmarks.Scale;

/// <summary>The same work many times, eight at a time.</summary>
internal static class AtOnce
{
    public const int Workers = 8;

    public static Task RunAsync(int count, Func<int, Task> work)
    {
        int next = -1;
        return Task.WhenAll(Enumerable.Range(0, Workers).Select(_ => Task.Run(async () =>
        {
            for (int i; (i = Interlocked.Increment(ref next)) < count;)
            {
                await work(i);
            }
        })));
    }
}
