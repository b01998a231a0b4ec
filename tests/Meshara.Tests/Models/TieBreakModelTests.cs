using Xunit;
using Xunit.Sdk;

namespace Meshara.Tests.Models;

/// <summary>Two meshes that dial each other, and every order of the events that are pending (wire protocol section 6).</summary>
/// <remarks>
/// Of two orders that differ only in which side did its step first, one is run: a step of a side touches that side alone and adds to what waits for the other.
/// (Sleep sets: Godefroid, Partial-Order Methods for the Verification of Concurrent Systems, section 5.)
/// </remarks>
public sealed class TieBreakModelTests
{
    // A step more only repeats: the longest story has fewer.
    private const int Deepest = 80;

    [Theory]
    [InlineData(TieBreakStory.BothWant, 100)]
    [InlineData(TieBreakStory.GreaterComesBack, 10)]
    [InlineData(TieBreakStory.SmallerComesBack, 10)]
    [InlineData(TieBreakStory.FirstIsLost, 1000)]
    internal void EveryOrder_OneLinkAtBothSides(TieBreakStory story, int atLeast)
    {
        Search search = new(() => new TieBreakWorld(story));
        search.Run();

        TestContext.Current.TestOutputHelper?.WriteLine($"{search.Orders} orders, the longest of {search.Longest} steps");
        Assert.True(search.Shortest is null, search.Shortest);
        Assert.InRange(search.Orders, atLeast, int.MaxValue);
        Assert.InRange(search.Longest, 1, Deepest - 1);
    }

    [Fact]
    public void Fault_GreaterIdSendsReadyAtOnce_IsFoundAndTheShortestOrderShown()
    {
        Search search = new(static () => new TieBreakWorld(TieBreakStory.BothWant, readyAtOnce: true));
        search.Run();

        Assert.NotNull(search.Shortest);
        TestContext.Current.TestOutputHelper?.WriteLine(search.Shortest);
        Assert.InRange(search.ShortestSteps, 1, 12);
    }

    private sealed class Search(Func<TieBreakWorld> start)
    {
        /// <summary>Orders that were run to their end.</summary>
        public int Orders { get; private set; }

        public int Longest { get; private set; }

        /// <summary>The shortest order that fails, with all that happened in it.</summary>
        public string? Shortest { get; private set; }

        public int ShortestSteps { get; private set; } = int.MaxValue;

        public void Run() => Explore(start(), [], []);

        private void Explore(TieBreakWorld world, List<string> steps, HashSet<string> asleep)
        {
            string[] choices = [];
            if (!Try(world, steps, () => choices = steps.Count < Deepest ? world.Choices : []))
            {
                return;
            }

            if (choices.Length == 0)
            {
                Orders++;
                Longest = Math.Max(Longest, steps.Count);
                Try(world, steps, () =>
                {
                    world.RunOut();
                    world.AssertOneLink();
                });
                return;
            }

            Dictionary<string, int?> sides = choices.ToDictionary(static choice => choice, world.SideOf);
            TieBreakWorld? unused = world;
            foreach (string choice in choices.Where(choice => !asleep.Contains(choice)).ToArray())
            {
                TieBreakWorld next = unused ?? Again(steps);
                unused = null;
                List<string> longer = [.. steps, choice];
                if (Try(next, longer, () => Do(next, choice)))
                {
                    Explore(next, longer, [.. asleep.Where(other => sides[other] is { } side && sides[choice] is { } chosen && side != chosen)]);
                }

                asleep.Add(choice);
            }
        }

        private TieBreakWorld Again(List<string> steps)
        {
            TieBreakWorld world = start();
            foreach (string step in steps)
            {
                Do(world, step);
            }

            return world;
        }

        // Time passes where the choices are asked for.
        private static void Do(TieBreakWorld world, string choice)
        {
            Assert.Contains(choice, world.Choices);
            world.Do(choice);
        }

        private bool Try(TieBreakWorld world, List<string> steps, Action what)
        {
            try
            {
                what();
                return true;
            }
            catch (Exception error) when (error is XunitException or InvalidOperationException or KeyNotFoundException)
            {
                if (steps.Count < ShortestSteps)
                {
                    ShortestSteps = steps.Count;
                    Shortest = $"{error.Message}\nafter {steps.Count} steps:\n{string.Join('\n', world.Trace.TakeLast(80))}";
                }

                return false;
            }
        }
    }
}
