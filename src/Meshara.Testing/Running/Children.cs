namespace Meshara.Testing.Running;

/// <summary>Shares seeds among processes, a few at a time, so that none grows old.</summary>
internal static class Children
{
    // A process start costs about a second of compiling; a process that has run for long holds more memory.
    private const int MostOfOne = 250;

    public static async Task RunAsync(
        HostCommand command, IReadOnlyList<string> arguments, IReadOnlyList<int> seeds, int jobs, TimeSpan limit, Action<SeedResult> done, Action<string> other, CancellationToken cancellationToken)
    {
        int shareCount = jobs == 1 ? 1 : 2 * jobs;
        int each = Math.Clamp((seeds.Count + shareCount - 1) / shareCount, 1, MostOfOne);
        Queue<int[]> shares = new(seeds.Chunk(each));
        Lock sync = new();
        await Task.WhenAll(Enumerable.Range(0, jobs).Select(_ => WorkAsync())).ConfigureAwait(false);

        async Task WorkAsync()
        {
            IReadOnlyList<int> share = [];
            while (share.Count > 0 || (share = Next()).Count > 0)
            {
                share = await new Child(command, arguments, limit).RunAsync(share, result =>
                {
                    lock (sync)
                        done(result);
                }, line =>
                {
                    lock (sync)
                        other(line);
                }, cancellationToken).ConfigureAwait(false);
            }
        }

        int[] Next()
        {
            lock (sync)
                return shares.TryDequeue(out int[]? share) ? share : [];
        }
    }
}
