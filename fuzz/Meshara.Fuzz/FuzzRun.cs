namespace Meshara.Fuzz;

/// <summary>One target's loop without feedback: first the seeds as they are, then changed ones. The same seed gives the same inputs in the same order.</summary>
internal sealed class FuzzRun(FuzzTarget target, IReadOnlyList<byte[]> corpus, int seed)
{
    private readonly byte[][] _seeds = [.. target.Seeds, .. corpus];
    private readonly Mutator _mutator = new(seed);

    /// <summary>Inputs begun so far.</summary>
    public long Runs { get; private set; }

    /// <summary>Runs one input; null: nothing found.</summary>
    public Finding? Step()
    {
        byte[] input = Runs < _seeds.Length ? _seeds[Runs] : target.Compose(_mutator, _mutator.Pick(_seeds), _seeds);
        Runs++;
        return Try(target, input);
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
