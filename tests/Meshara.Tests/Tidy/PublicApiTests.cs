using System.Text;

using Xunit;

namespace Meshara.Tests.Tidy;

/// <summary>The whole public API is one checked-in file: whoever changes it sees so, and so does the reader of the change.</summary>
public sealed class PublicApiTests
{
    private const string ApiFile = "tests/Meshara.Tests/PublicApi.txt";
    private const string Accept = "MESHARA_ACCEPT_API";

    [Fact]
    public void PublicApi_Assembly_IsAsCheckedIn()
    {
        string actual = PublicApiText.Of(typeof(NodeId).Assembly);
        string path = Repository.Absolute(ApiFile);

        // Never on a build machine: there the file is the judge.
        if (Environment.GetEnvironmentVariable(Accept) == "1" && Environment.GetEnvironmentVariable("CI") != "true")
        {
            File.WriteAllText(path, actual, new UTF8Encoding(false));
        }

        Assert.True(File.Exists(path), $"{ApiFile} is missing. {HowToAccept}");
        string expected = Repository.Read(ApiFile).ReplaceLineEndings("\n");
        Assert.True(expected == actual, $"The public API is not what {ApiFile} says. {HowToAccept}\n{Difference(expected, actual)}");
    }

    [Theory]
    [InlineData(typeof(SampleRecord), """
        sealed record Meshara.Tests.Tidy.SampleRecord
            SampleRecord(int A, string? B)
            int A { get; init; }
            string? B { get; init; }

        """)]
    [InlineData(typeof(SampleClass), """
        abstract class Meshara.Tests.Tidy.SampleClass : IDisposable
            protected SampleClass()
            event EventHandler? Changed
            abstract void Dispose()
            static bool Flag { get; }
            string this[int index] { get; }
            required string Name { get; init; }
            protected virtual ValueTask<byte[]> ReadAsync<T>(IReadOnlyList<string?> names, int? count = null, CancellationToken ct = default)
            bool TryTake(int key, out string? value)

        """)]
    [InlineData(typeof(SampleEnum), """
        enum Meshara.Tests.Tidy.SampleEnum : byte
            None = 0
            Ten = 10

        """)]
    public void Of_SampleType_PrintsWhatAUserSees(Type type, string expected) =>
        Assert.Equal(expected.ReplaceLineEndings("\n"), PublicApiText.Of(type));

    [Fact]
    public void Difference_Texts_ShowsRemovedAndAddedLinesOnly() =>
        Assert.Equal("A\n-     b\n+     c\n", Difference("A\n    a\n    b\nB\n", "A\n    a\n    c\nB\n"));

    private static string HowToAccept =>
        $"If the change is meant: {Accept}=1 dotnet test tests/Meshara.Tests --filter {nameof(PublicApiTests)}, then commit the file with a line in CHANGELOG.md.";

    // Lines are compared type by type: order says nothing, the file is sorted.
    private static string Difference(string expected, string actual)
    {
        Dictionary<string, HashSet<string>> before = Blocks(expected);
        Dictionary<string, HashSet<string>> after = Blocks(actual);
        StringBuilder text = new();
        foreach (string type in before.Keys.Union(after.Keys).Order(StringComparer.Ordinal))
        {
            HashSet<string> old = before.GetValueOrDefault(type) ?? [];
            HashSet<string> now = after.GetValueOrDefault(type) ?? [];
            if (before.ContainsKey(type) && after.ContainsKey(type) && old.SetEquals(now))
            {
                continue;
            }

            string mark = !before.ContainsKey(type) ? "+ " : !after.ContainsKey(type) ? "- " : "";
            text.Append(mark).Append(type).Append('\n');
            text.AppendJoin("", old.Except(now).Order(StringComparer.Ordinal).Select(line => $"- {line}\n"));
            text.AppendJoin("", now.Except(old).Order(StringComparer.Ordinal).Select(line => $"+ {line}\n"));
        }

        return text.Length > 0 ? text.ToString() : "(only blank lines or the order differ)";
    }

    private static Dictionary<string, HashSet<string>> Blocks(string text)
    {
        Dictionary<string, HashSet<string>> blocks = new(StringComparer.Ordinal);
        HashSet<string> block = [];
        foreach (string line in text.Split('\n').Where(line => line.Length > 0))
        {
            if (line[0] != ' ')
            {
                blocks[line] = block = new HashSet<string>(StringComparer.Ordinal);
            }
            else
            {
                block.Add(line);
            }
        }

        return blocks;
    }
}

internal enum SampleEnum : byte
{
    Ten = 10,
    None = 0,
}

internal sealed record SampleRecord(int A, string? B)
{
    private int Hidden => A;
}

internal abstract class SampleClass : IDisposable
{
    public event EventHandler? Changed
    {
        add => _ = value;
        remove => _ = value;
    }

    public static bool Flag { get; private set; }

    public required string Name { get; init; }

    public string this[int index] => Name;

    public abstract void Dispose();

    public bool TryTake(int key, out string? value)
    {
        value = key == 0 ? null : Name;
        return Flag = key != 0;
    }

    protected virtual ValueTask<byte[]> ReadAsync<T>(IReadOnlyList<string?> names, int? count = null, CancellationToken ct = default) =>
        ValueTask.FromResult(new byte[count ?? names.Count]);
}
