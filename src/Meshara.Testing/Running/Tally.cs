namespace Meshara.Testing.Running;

/// <summary>Counts by name, in the order of the names.</summary>
internal sealed class Tally
{
    private readonly SortedDictionary<string, long> _counts = new(StringComparer.Ordinal);

    public long this[string name] => _counts.GetValueOrDefault(name);

    public IEnumerable<string> Names => _counts.Keys;

    public void Add(string name, long count = 1) => _counts[name] = this[name] + count;

    public void Add(Tally other)
    {
        foreach ((string name, long count) in other._counts)
            Add(name, count);
    }

    public override string ToString() => string.Join(", ", _counts.Select(static c => $"{c.Key} {c.Value}"));
}
