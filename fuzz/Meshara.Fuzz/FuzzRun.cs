namespace Meshara.Fuzz;

/// <summary>One target's loop: first the seeds as they are, then changed ones. The same seed gives the same inputs in the same order.</summary>
internal sealed class FuzzRun(FuzzTarget target, IReadOnlyList<byte[]> corpus, int seed)
{
    private readonly byte[][] _seeds = [.. target.Seeds, .. corpus];
    private readonly Mutator _mutator = new(seed);
    private byte[] _current = [];
    private long _runs;

    /// <summary>Inputs begun so far; may be read by a watchdog.</summary>
    public long Runs => Volatile.Read(ref _runs);

    /// <summary>The input being read; may be read by a watchdog.</summary>
    public byte[] Current => Volatile.Read(ref _current);

    /// <summary>Runs one input; null: nothing found.</summary>
    public Finding? Step()
    {
        long run = _runs;
        Volatile.Write(ref _current, run < _seeds.Length ? _seeds[run] : target.Compose(_mutator, _seeds));
        Volatile.Write(ref _runs, run + 1);
        return Try(target, _current);
    }

    /// <summary>Runs one given input; null: nothing found.</summary>
    public static Finding? Try(FuzzTarget target, byte[] input)
    {
        try
        {
            target.Run(input);
            return null;
        }
        catch (Exception fault)
        {
            // Whatever comes out is the finding: that is what the program is for.
            return new Finding(input, fault);
        }
    }
}
