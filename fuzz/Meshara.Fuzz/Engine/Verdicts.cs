using System.Globalization;

namespace Meshara.Fuzz.Engine;

/// <summary>The outcome of each seed and each file: the rewritten assemblies must not judge otherwise than those that are shipped.</summary>
internal static class Verdicts
{
    /// <summary>One line an input.</summary>
    public static int Write()
    {
        foreach (FuzzTarget target in Targets.All)
        {
            int number = 0;
            foreach (byte[] input in target.Seeds.Concat(FuzzFolder.Corpus(target.Name)).Concat(FuzzFolder.Crashes(target.Name)))
                Console.WriteLine($"{target.Name} {number++} {Of(target, input)}");
        }

        return 0;
    }

    private static string Of(FuzzTarget target, byte[] input)
    {
        try
        {
            // Twice: static constructors belong to the first.
            _ = FuzzRun.Try(target, input);
            return target.Run(input).ToString("x16", CultureInfo.InvariantCulture);
        }
        catch (Exception fault)
        {
            // A finding, which the replay of the test suite tells of.
            return fault.GetType().Name;
        }
    }
}
