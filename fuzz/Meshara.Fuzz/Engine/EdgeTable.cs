using System.Globalization;
using Meshara.Fuzz.Hooks;

namespace Meshara.Fuzz.Engine;

/// <summary>What the instrumenter wrote beside the assemblies it rewrote.</summary>
internal sealed class EdgeTable
{
    private readonly (string Type, int First, int Count)[] _types;
    private readonly ILookup<string, byte[]> _constants;

    private EdgeTable(IEnumerable<string> edges, IEnumerable<string> constants)
    {
        _types = [.. edges.Select(static line => line.Split('\t')).Select(static parts => (parts[1], Number(parts[2]), Number(parts[3])))];
        _constants = constants.Select(static line => line.Split('\t')).ToLookup(static parts => parts[0], static parts => Convert.FromHexString(parts[1]), StringComparer.Ordinal);
    }

    /// <summary>How many there are in all assemblies.</summary>
    public int Edges => _types.Length == 0 ? 0 : _types[^1].First + _types[^1].Count;

    /// <summary>Null: these assemblies are as the compiler wrote them.</summary>
    public static EdgeTable? Load()
    {
        string edges = Path.Combine(AppContext.BaseDirectory, "edges.tsv");
        if (!File.Exists(edges))
            return null;
        EdgeTable table = new(File.ReadAllLines(edges), File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "constants.tsv")));
        return table.Edges <= Coverage.MaxEdges ? table : throw new InvalidDataException($"{table.Edges} edges, {Coverage.MaxEdges} are the most.");
    }

    /// <summary>How many edges the types have of which one was taken: what a target might reach, seen from what it did.</summary>
    public int WithinReach(Func<int, bool> isTaken) => Entered(isTaken).Sum(static type => type.Count);

    /// <summary>The constants of the types of which an edge was taken.</summary>
    public IEnumerable<byte[]> Constants(Func<int, bool> isTaken) =>
        Entered(isTaken).SelectMany(type => _constants[type.Type]).Concat(_constants["*"]);

    private IEnumerable<(string Type, int First, int Count)> Entered(Func<int, bool> isTaken) => _types.Where(type => Enumerable.Range(type.First, type.Count).Any(isTaken));

    private static int Number(string text) => int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
}
