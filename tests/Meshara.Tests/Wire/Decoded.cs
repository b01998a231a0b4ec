namespace Meshara.Tests.Wire;

/// <summary>What a decoder makes of one frame, in the words of specs/vectors/README.md, so that two decoders and a vector can be compared.</summary>
public sealed record Decoded(string Outcome, string Type = "", IReadOnlyDictionary<string, string>? Fields = null)
{
    public override string ToString() =>
        Fields is null ? Outcome : $"{Outcome} {Type} {string.Join(", ", Fields.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => $"{f.Key}={f.Value}"))}";

    /// <summary>Equal, once retry_after is clamped as the implementation clamps it.</summary>
    public bool Agrees(Decoded other) => Clamped().ToString() == other.Clamped().ToString();

    /// <summary>A list as one text: its items quoted.</summary>
    public static string List(IEnumerable<string> items) => string.Concat(items.Select(i => $"<{i.Length}:{i}>"));

    private Decoded Clamped()
    {
        if (Fields is null || !Fields.TryGetValue("retry_after", out string? text) || ulong.Parse(text) <= int.MaxValue)
            return this;

        return this with { Fields = new Dictionary<string, string>(Fields) { ["retry_after"] = "2147483647" } };
    }
}
