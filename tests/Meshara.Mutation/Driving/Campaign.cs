using System.Collections.Concurrent;
using Meshara.Mutation.Sites;

namespace Meshara.Mutation.Driving;

/// <summary>What a test met, and how long it took.</summary>
internal sealed record Seen(int Test, string Name, TimeSpan Took, byte[] Sites)
{
    /// <summary>How many sites: the fewer, the more a test is about one thing.</summary>
    public int Count { get; } = Sites.Sum(static b => int.PopCount(b));

    public bool Met(int site) => (Sites[site / 8] & (1 << (site % 8))) != 0;
}

/// <summary>How a mutant fared.</summary>
internal enum Fate
{
    /// <summary>A test failed with it, and passes without.</summary>
    Killed,

    /// <summary>A test with it took more than its time, or ended the process.</summary>
    TimedOut,

    /// <summary>All tests that met it passed.</summary>
    Survived,

    /// <summary>No test met it.</summary>
    Unseen,
}

/// <summary>A mutant and its fate.</summary>
internal sealed record Verdict(Mutant Mutant, Fate Fate, string By)
{
    public bool IsKilled => Fate is Fate.Killed or Fate.TimedOut;
}

/// <summary>Runs tests against mutants in some processes, side by side.</summary>
/// <param name="work">What is run.</param>
/// <param name="most">How many tests a mutant meets at most.</param>
/// <param name="children">How many processes.</param>
internal sealed class Campaign(Workplace work, int most, int children)
{
    private static readonly TimeSpan Quick = TimeSpan.FromMilliseconds(300);

    private readonly ConcurrentDictionary<string, int> _lastKiller = [];
    private readonly ConcurrentDictionary<(string File, int Test), int> _kills = [];
    private List<Seen> _seen = [];

    /// <summary>Tests that were skipped here, by name.</summary>
    public List<string> Skipped { get; } = [];

    /// <summary>The tests that take part in the first round.</summary>
    public int QuickTests => _seen.Count(s => s.Took <= Quick);

    /// <summary>The others, slowest first.</summary>
    public IEnumerable<Seen> Slow => _seen.Where(s => s.Took > Quick).OrderByDescending(s => s.Took);

    /// <summary>All tests that were met.</summary>
    public int Tests => _seen.Count;

    /// <summary>Runs the tests with no mutant on. They must all pass.</summary>
    /// <returns>What failed; empty when all is right.</returns>
    public async Task<IReadOnlyList<string>> RecordAsync()
    {
        int count;
        await using (Child first = await Child.StartAsync(work))
            count = first.Tests;
        List<string> wrong = [];
        List<Seen> seen = [];
        // Dealt like cards, so that the slow ones are shared out.
        await Task.WhenAll(Enumerable.Range(0, children).Select(async part =>
        {
            int[] tests = [.. Enumerable.Range(0, count).Where(t => t % children == part)];
            await using Child child = await Child.StartAsync(work);
            await child.SendAsync($"record\t{string.Join(',', tests)}");
            while (true)
            {
                string? line = await child.NextAsync(TimeSpan.FromMinutes(3), TimeSpan.FromMinutes(6));
                string[] words = line?.Split('\t') ?? ["gone"];
                if (words[0] is "end" or "gone")
                {
                    if (words[0] == "gone")
                        lock (wrong)
                            wrong.Add("A test took more than 6 minutes, or ended the process, with no mutant on.");
                    return;
                }

                if (words[0] != "saw")
                    continue;
                lock (wrong)
                {
                    if (words[4] == "skipped")
                        Skipped.Add(words[2]);
                    else if (words[4] != "passed")
                        wrong.Add($"{words[2]}: {words[4]}");
                    else
                        seen.Add(new Seen(int.Parse(words[1]), words[2], TimeSpan.FromMilliseconds(double.Parse(words[3])), Convert.FromBase64String(words[5])));
                }
            }
        }));
        _seen = [.. seen.OrderBy(s => s.Count).ThenBy(s => s.Test)];
        return wrong;
    }

    /// <summary>Tries mutants; <paramref name="done"/> is called for each, from several threads.</summary>
    public async Task<IReadOnlyList<Verdict>> TryAsync(IEnumerable<Mutant> mutants, Action<Verdict> done)
    {
        // Neighbours to the same child: what killed the one mostly kills the next.
        ConcurrentQueue<Mutant> queue = new(mutants);
        ConcurrentBag<Verdict> verdicts = [];
        await Task.WhenAll(Enumerable.Range(0, children).Select(async _ =>
        {
            Worker worker = new(work);
            await using (worker)
            {
                while (queue.TryDequeue(out Mutant? mutant))
                {
                    Verdict verdict = await TryAsync(worker, mutant);
                    verdicts.Add(verdict);
                    done(verdict);
                }
            }
        }));
        return [.. verdicts.OrderBy(v => v.Mutant.Id)];
    }

    private async Task<Verdict> TryAsync(Worker worker, Mutant mutant)
    {
        Seen[] all = [.. _seen.Where(s => s.Met(mutant.SeenAs))];
        if (all.Length == 0)
            return new Verdict(mutant, Fate.Unseen, "");
        Seen[] tests = [.. InOrder(mutant, all).Take(most)];
        (Fate fate, int test, string why) = await worker.RunAsync(mutant, tests);
        if (fate == Fate.Killed)
        {
            _lastKiller[mutant.Method] = test;
            _kills.AddOrUpdate((FileOf(mutant), test), 1, static (_, count) => count + 1);
        }

        Seen? by = _seen.Find(s => s.Test == test);
        return new Verdict(mutant, fate, fate == Fate.Survived ? $"{tests.Length} tests" : $"{by?.Name}: {why}");
    }

    // What killed a neighbour first, then in turn those that killed much in this file and those that are about little else. The slow ones last.
    private IEnumerable<Seen> InOrder(Mutant mutant, Seen[] all)
    {
        string file = FileOf(mutant);
        int killer = _lastKiller.GetValueOrDefault(mutant.Method, -1);
        Seen[] killers = [.. all.Where(s => _kills.ContainsKey((file, s.Test))).OrderByDescending(s => _kills[(file, s.Test)])];
        return all.Where(s => s.Test == killer)
            .Concat(all.Zip(killers, static (own, often) => new[] { often, own }).SelectMany(static pair => pair))
            .Concat(all)
            .Distinct()
            .OrderBy(s => s.Took > Quick);
    }

    private static string FileOf(Mutant mutant) => mutant.Place[..mutant.Place.LastIndexOf(':')];
}
