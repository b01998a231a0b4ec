using Meshara.Fuzz.Hooks;

namespace Meshara.Fuzz.Engine;

/// <summary>Which edges were ever taken, and about how often in one run: once, twice, thrice, 4, 8, 16, 32, 128 times or more.</summary>
internal sealed class Features
{
    private readonly byte[] _seen = new byte[Coverage.MaxEdges];

    /// <summary>Edges taken so far.</summary>
    public int Edges { get; private set; }

    /// <summary>Whether an edge was ever taken.</summary>
    public bool IsTaken(int edge) => _seen[edge] != 0;

    /// <summary>Whether the last run did what none did before.</summary>
    public bool HasNews()
    {
        foreach (int edge in Coverage.Taken)
        {
            if ((_seen[edge] & Bucket(Coverage.Count(edge))) == 0)
                return true;
        }

        return false;
    }

    /// <summary>Remembers what the last run did.</summary>
    public void Add()
    {
        foreach (int edge in Coverage.Taken)
        {
            Edges += _seen[edge] == 0 ? 1 : 0;
            _seen[edge] |= Bucket(Coverage.Count(edge));
        }
    }

    private static byte Bucket(byte count) => count switch
    {
        1 => 1,
        2 => 2,
        3 => 4,
        < 8 => 8,
        < 16 => 16,
        < 32 => 32,
        < 128 => 64,
        _ => 128,
    };
}
