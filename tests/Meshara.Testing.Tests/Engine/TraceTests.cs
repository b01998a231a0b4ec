using System.Globalization;
using Meshara.Testing.Engine;
using Xunit;

namespace Meshara.Testing.Tests.Engine;

public sealed class TraceTests
{
    [Fact]
    public void Hash_SameLines_IsTheSame_AndDependsOnEachOfThem()
    {
        Assert.Equal(HashOf("a", "b"), HashOf("a", "b"));
        Assert.NotEqual(HashOf("a", "b"), HashOf("b", "a"));
        Assert.NotEqual(HashOf("a", "b"), HashOf("ab"));
        Assert.NotEqual(HashOf("a"), HashOf("a", "a"));
    }

    [Fact]
    public void Hash_LongLinesAndManyOfThem_DependsOnTheLast()
    {
        string[] many = [.. Enumerable.Range(0, 2000).Select(n => $"line {n}"), new string('x', 20_000)];

        Assert.Equal(HashOf(many), HashOf(many));
        Assert.NotEqual(HashOf(many), HashOf([.. many[..^1], new string('x', 19_999) + "y"]));
    }

    [Fact]
    public void Mix_OfOneSize_IsAnotherHashThanOfAnother()
    {
        VirtualTime time = new();
        using Trace a = new(time), b = new(time), c = new(time);
        for (int i = 0; i < 1000; i++)
        {
            a.Mix(1, i);
            b.Mix(1, i == 999 ? 0 : i);
            c.Mix(1, i);
        }

        Assert.Equal(a.Hash, c.Hash);
        Assert.NotEqual(a.Hash, b.Hash);
    }

    [Fact]
    public void Add_InAnyCulture_WritesThePointOfTheInvariantOne()
    {
        using StringWriter lines = new(CultureInfo.InvariantCulture);
        using Trace trace = new(new VirtualTime(), lines);
        trace.Add("alice", "starts");
        trace.Mix(3, 17);

        Assert.Equal(["0.0000 alice starts", "0.0000 # 3 17"], lines.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void TailOf_MoreThanIsKept_AreTheLastOfThatNode()
    {
        using Trace trace = new(new VirtualTime());
        for (int i = 0; i < 100; i++)
        {
            trace.Add("a", $"{i}");
            trace.Add("b", "other");
        }

        IReadOnlyList<string> tail = trace.TailOf("a");
        Assert.Equal(Trace.Kept, tail.Count);
        Assert.EndsWith(" a 36", tail[0], StringComparison.Ordinal);
        Assert.EndsWith(" a 99", tail[^1], StringComparison.Ordinal);
        Assert.Empty(trace.TailOf("nobody"));
        Assert.Equal(200, trace.Lines);
    }

    private static string HashOf(params string[] lines)
    {
        using Trace trace = new(new VirtualTime());
        foreach (string line in lines)
        {
            trace.Add("n", line);
        }

        return trace.Hash;
    }
}
