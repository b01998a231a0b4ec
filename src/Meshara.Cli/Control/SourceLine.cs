using Meshara.Cli.Rendering;

namespace Meshara.Cli.Control;

/// <summary>A static peers file or a list over HTTPS in <c>meshara info --json</c>.</summary>
/// <param name="Kind"><c>static-file</c> or <c>bootstrap</c>.</param>
/// <param name="Location">A full path, or an address.</param>
/// <param name="Addresses">How many of it are used.</param>
/// <param name="ReadAt">When what is used was read or fetched; absent: nothing was.</param>
/// <param name="IsCopy">The copy in the data directory is used; absent: no.</param>
/// <param name="Trouble">Why what is there now cannot be used; absent: nothing is wrong.</param>
internal sealed record SourceLine(string Kind, string Location, int Addresses, DateTimeOffset? ReadAt, bool? IsCopy, string? Trouble)
{
    private const int MaxTrouble = 400;

    public static SourceLine Of(PeerSource source) =>
        new(Kebab.Of(source.Kind), source.Location, source.Addresses.Count, source.ReadAt, source.IsCopy ? true : null, source.Trouble);

    /// <summary>For people.</summary>
    /// <param name="terminal">Where to.</param>
    /// <param name="sources">All of a node.</param>
    public static void Write(Terminal terminal, IReadOnlyList<SourceLine> sources)
    {
        foreach (SourceLine source in sources)
        {
            string used = $"{source.Addresses} {(source.Addresses == 1 ? "address" : "addresses")}{(source is { IsCopy: true, ReadAt: { } at } ? $" of the copy of {at:u}" : "")}";
            terminal.WriteLine($"{(source.Kind == "static-file" ? "static file" : "list       ")} {Safe.Text(source.Location, 4096)}: {used}");
            if (source.Trouble is { } trouble)
            {
                terminal.WriteLine($"            not used as it is now: {Safe.Text(trouble, MaxTrouble)}");
            }
        }
    }
}
