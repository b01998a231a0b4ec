namespace Meshara.Mutation.Proof;

/// <summary>Code whose mutants are known: the harness is tried on it before each run.</summary>
internal static class Toy
{
    private static readonly int Limit = Math.Abs(7);

    public static int Calls { get; set; }

    /// <summary>Tested on both sides of its bound.</summary>
    public static bool IsAdult(int age) => age >= 18;

    /// <summary>At equal numbers both answers are the same: the other boundary is no change.</summary>
    public static int Larger(int a, int b) => a > b ? a : b;

    /// <summary>Tested only far from its bound.</summary>
    public static bool IsTall(int height) => height > 190;

    /// <summary>Where it never leaves, it meets its own cause without end.</summary>
    public static int CountDown(int from)
    {
        int steps = 0;
        while (from > 0)
        {
            from--;
            steps++;
        }

        return steps;
    }

    /// <summary>With another step it passes the end by and never meets the cause again: only the parent ends that.</summary>
    public static int CountUp(int to)
    {
        int step = 1, at = 0, steps = 0;
        while (at != to)
        {
            at += step;
            steps++;
        }

        return steps;
    }

    /// <summary>Its early return is tested.</summary>
    public static void Call(bool wanted)
    {
        if (!wanted)
            return;
        Note();
    }

    /// <summary>The limit is set once, by the static constructor.</summary>
    public static bool IsWithin(int value) => value <= Limit;

    private static void Note() => Calls++;
}
