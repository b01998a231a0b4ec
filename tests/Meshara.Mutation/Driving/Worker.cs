using Meshara.Mutation.Sites;

namespace Meshara.Mutation.Driving;

/// <summary>Keeps one child going: a new one after a kill, a crash, or some hundred orders.</summary>
internal sealed class Worker(Workplace work) : IAsyncDisposable
{
    private const int OrdersOfAChild = 1500;

    private Child? _child;
    private int _orders;

    /// <summary>Runs tests with a mutant on until one fails.</summary>
    public async Task<(Fate Fate, int Test, string Why)> RunAsync(Mutant mutant, IReadOnlyList<Seen> tests)
    {
        for (int attempt = 1; ; attempt++)
        {
            if (_orders++ % OrdersOfAChild == 0)
                await EndAsync();
            _child ??= await Child.StartAsync(work);
            (Fate? fate, int test, string why) = await AskAsync(_child, mutant, tests);
            if (fate is null or Fate.TimedOut)
                await EndAsync();
            if (fate is { } sure)
                return (sure, test, why);
            // The test fails without the mutant too: what an earlier one left in the process. Again in a new one.
            if (attempt == 3)
                throw new InvalidOperationException($"{tests.First(t => t.Test == test).Name} fails in new processes, and without a mutant: {why}");
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await EndAsync();

    private static async Task<(Fate? Fate, int Test, string Why)> AskAsync(Child child, Mutant mutant, IReadOnlyList<Seen> tests)
    {
        await child.SendAsync($"try\t{mutant.Id}\t{mutant.Initializer}\t{string.Join(',', tests.Select(t => t.Test))}");
        Seen current = tests[0];
        while (true)
        {
            TimeSpan limit = (10 * current.Took) + TimeSpan.FromSeconds(2);
            string? line = await child.NextAsync(limit, limit + TimeSpan.FromSeconds(15));
            string[] words = line?.Split('\t') ?? ["gone"];
            switch (words[0])
            {
                case "start":
                    current = tests.First(t => t.Test == int.Parse(words[1]));
                    break;
                case "killed":
                    return (Fate.Killed, int.Parse(words[1]), words[2]);
                case "unsure":
                    return (null, int.Parse(words[1]), words[2]);
                case "survived":
                    return (Fate.Survived, -1, "");
                default:
                    return (Fate.TimedOut, current.Test, "out of time, or the process ended");
            }
        }
    }

    private async Task EndAsync()
    {
        if (_child is { } child)
            await child.DisposeAsync();
        _child = null;
    }
}
