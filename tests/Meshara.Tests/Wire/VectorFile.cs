using System.Text;
using System.Text.Json;

namespace Meshara.Tests.Wire;

/// <summary>One vector of specs/vectors; the format is in the README there.</summary>
public sealed record Vector(string File, string Name, string Stage, byte[] Frame, Decoded Expected)
{
    public override string ToString() => $"{File}: {Name}";
}

/// <summary>Reads specs/vectors.</summary>
public static class VectorFile
{
    /// <summary>The root of the repository, found upwards from where this program lies.</summary>
    public static string Root { get; } = FindRoot();

    public static IReadOnlyList<Vector> ReadAll()
    {
        List<Vector> vectors = [];
        foreach (string path in Directory.GetFiles(Path.Combine(Root, "specs", "vectors"), "*.json").Order(StringComparer.Ordinal))
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllText(path));

            // These hold no frames; SecretProofTests, SuccessorTests and SignedRecordTests read them.
            if (Path.GetFileName(path) is not ("proof.json" or "successor.json" or "record.json") && document.RootElement.TryGetProperty("vectors", out JsonElement items))
                vectors.AddRange(items.EnumerateArray().Select(item => Read(Path.GetFileName(path), item)));
        }

        return vectors;
    }

    /// <summary>Hex with blanks, and <c>xx*N</c> for N times xx.</summary>
    public static byte[] Hex(string text)
    {
        StringBuilder hex = new();
        foreach (string token in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = token.Split('*');
            hex.Insert(hex.Length, parts[0], parts.Length == 1 ? 1 : int.Parse(parts[1]));
        }

        return Convert.FromHexString(hex.ToString());
    }

    private static Vector Read(string file, JsonElement item)
    {
        string Text(string name) => item.GetProperty(name).GetString()!;
        Decoded expected = new(Text("outcome"));
        if (expected.Outcome == "accept")
        {
            Dictionary<string, string> fields = [];
            foreach (JsonProperty field in item.GetProperty("fields").EnumerateObject())
                fields[field.Name] = Value(field);
            expected = new Decoded("accept", Text("type"), fields);
        }

        return new Vector(file, Text("name"), Text("stage"), Hex(Text("frame")), expected);
    }

    private static string Value(JsonProperty field) =>
        field.Value.ValueKind == JsonValueKind.Array ? Decoded.List(field.Value.EnumerateArray().Select(e => e.GetString()!))
        : field.Name == "body" ? Convert.ToHexStringLower(Hex(field.Value.GetString()!))
        : field.Value.GetString()!;

    private static string FindRoot()
    {
        DirectoryInfo? directory = new(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Meshara.sln")))
            directory = directory.Parent;

        return directory?.FullName ?? throw new DirectoryNotFoundException("The repository (Meshara.sln) is not above this program.");
    }
}
