namespace Meshara.Fuzz;

/// <summary>Something that reads hostile bytes.</summary>
/// <param name="Name">As on the command line, and the first part of the name of a crash file.</param>
/// <param name="Seeds">Inputs to begin from.</param>
/// <param name="Compose">Makes a new input from the seeds.</param>
/// <param name="Run">Reads one input; any exception is a finding.</param>
internal sealed record FuzzTarget(
    string Name,
    IReadOnlyList<byte[]> Seeds,
    Func<Mutator, IReadOnlyList<byte[]>, byte[]> Compose,
    Action<byte[]> Run);

/// <summary>An input on which a target failed.</summary>
internal sealed record Finding(byte[] Input, Exception Fault);

/// <summary>What a target ought to have done and did not.</summary>
internal sealed class FindingException(string message) : Exception(message);
