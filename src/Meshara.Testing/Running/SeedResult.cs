using System.Text;
using System.Text.Json;

namespace Meshara.Testing.Running;

/// <summary>What came of one seed, as a child tells its parent.</summary>
internal sealed class SeedResult
{
    // Before each line that a child writes to its parent; what a scenario prints has no such mark.
    private const string Mark = "\u001Esim ";

    public required int Seed { get; init; }

    public string Hash { get; init; } = "";

    public TimeSpan VirtualTime { get; init; }

    public TimeSpan RealTime { get; init; }

    public Tally Drawn { get; init; } = new();

    public Tally Hit { get; init; } = new();

    public Tally Counted { get; init; } = new();

    /// <summary>The report; null: all was well.</summary>
    public string? Failure { get; init; }

    /// <summary>The first line of the report.</summary>
    public string Headline => Failure?.Split('\n')[0] ?? $"seed {Seed} ok";

    public static string StartLine(int seed) => $"{Mark}start {seed}";

    /// <summary>Reads a line of a child: a seed begins, or its result, or neither.</summary>
    public static SeedResult? Read(string line, out int? started)
    {
        started = null;
        if (!line.StartsWith(Mark, StringComparison.Ordinal))
            return null;

        string text = line[Mark.Length..];
        if (text.Split(' ') is ["start", var number])
        {
            started = int.Parse(number);
            return null;
        }

        using JsonDocument document = JsonDocument.Parse(text);
        JsonElement root = document.RootElement;
        return new SeedResult
        {
            Seed = root.GetProperty("seed").GetInt32(),
            Hash = root.GetProperty("hash").GetString()!,
            VirtualTime = TimeSpan.FromTicks(root.GetProperty("virtual").GetInt64()),
            RealTime = TimeSpan.FromTicks(root.GetProperty("real").GetInt64()),
            Drawn = Counts(root.GetProperty("drawn")),
            Hit = Counts(root.GetProperty("hit")),
            Counted = Counts(root.GetProperty("counted")),
            Failure = root.GetProperty("failure").GetString(),
        };
    }

    public static bool IsMarked(string line) => line.StartsWith(Mark, StringComparison.Ordinal);

    public string ToLine()
    {
        using MemoryStream bytes = new();
        using (Utf8JsonWriter json = new(bytes))
        {
            json.WriteStartObject();
            json.WriteNumber("seed", Seed);
            json.WriteString("hash", Hash);
            json.WriteNumber("virtual", VirtualTime.Ticks);
            json.WriteNumber("real", RealTime.Ticks);
            Write(json, "drawn", Drawn);
            Write(json, "hit", Hit);
            Write(json, "counted", Counted);
            json.WriteString("failure", Failure);
            json.WriteEndObject();
        }

        return Mark + Encoding.UTF8.GetString(bytes.ToArray());
    }

    private static void Write(Utf8JsonWriter json, string name, Tally counts)
    {
        json.WriteStartObject(name);
        foreach (string kind in counts.Names)
            json.WriteNumber(kind, counts[kind]);
        json.WriteEndObject();
    }

    private static Tally Counts(JsonElement element)
    {
        Tally counts = new();
        foreach (JsonProperty property in element.EnumerateObject())
            counts.Add(property.Name, property.Value.GetInt64());
        return counts;
    }
}
