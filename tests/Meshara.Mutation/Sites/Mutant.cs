namespace Meshara.Mutation.Sites;

/// <summary>One change to one instruction, off until its number is the active one.</summary>
/// <param name="Id">The number that turns it on; from 1.</param>
/// <param name="Room">The folder it is in.</param>
/// <param name="Place">File and line, for people.</param>
/// <param name="Method">Type and method, as in the source.</param>
/// <param name="Line">The text of the source line.</param>
/// <param name="Change">What is changed.</param>
/// <param name="Initializer">The type whose static constructor holds it; null for other code.</param>
/// <param name="SeenAs">The site whose visit says that a test met it: its own, or the reads of the static field it is for.</param>
internal sealed record Mutant(int Id, string Room, string Place, string Method, string Line, string Change, string? Initializer, int SeenAs)
{
    /// <summary>Which of the mutants that read alike this is; 1 for most.</summary>
    public int Number { get; init; } = 1;

    /// <summary>What names it in survivors.txt: no line number, so that code above may change.</summary>
    public string Key => $"{Method} | {Line} | {Change}{(Number > 1 ? $" #{Number}" : "")}";
}
