namespace Meshara.Fuzz;

/// <summary>Something that reads hostile bytes.</summary>
/// <param name="Name">As on the command line, and the first part of the name of a crash file.</param>
/// <param name="Seeds">Inputs to begin from.</param>
/// <param name="Compose">Makes a new input of one; the others are there to be spliced in.</param>
/// <param name="Run">Reads one input, on this thread alone; any exception is a finding. The number tells outcomes apart (<see cref="Verdict"/>).</param>
internal sealed record FuzzTarget(
    string Name,
    IReadOnlyList<byte[]> Seeds,
    Func<Mutator, byte[], IReadOnlyList<byte[]>, byte[]> Compose,
    Func<byte[], long> Run)
{
    /// <summary>A target whose inputs have no form that changes would have to keep.</summary>
    public FuzzTarget(string name, IReadOnlyList<byte[]> seeds, Func<byte[], long> run)
        : this(name, seeds, static (mutator, input, all) => mutator.Mutate(input, mutator.Pick(all)), run)
    {
    }
}

/// <summary>An input on which a target failed.</summary>
internal sealed record Finding(byte[] Input, Exception Fault);

/// <summary>What a target ought to have done and did not.</summary>
internal sealed class FindingException(string message) : Exception(message);

/// <summary>Outcomes as numbers, the same in every process.</summary>
internal static class Verdict
{
    /// <summary>The input was refused.</summary>
    public const long Refused = 0;

    private const ulong Basis = 14695981039346656037, Prime = 1099511628211;

    /// <summary>Of what was read.</summary>
    public static long Of(ReadOnlySpan<char> text)
    {
        ulong hash = Basis;
        foreach (char c in text)
            hash = (hash ^ c) * Prime;
        return (long)hash;
    }

    /// <summary>Of what was read and written again.</summary>
    public static long Of(ReadOnlySpan<byte> bytes)
    {
        ulong hash = Basis;
        foreach (byte b in bytes)
            hash = (hash ^ b) * Prime;
        return (long)hash;
    }

    /// <summary>Of one after the other.</summary>
    public static long With(long first, long then) => (long)(((ulong)first * Prime) ^ (ulong)then);
}
