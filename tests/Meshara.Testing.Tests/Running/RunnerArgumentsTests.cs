using Meshara.Testing.Running;
using Xunit;

namespace Meshara.Testing.Tests.Running;

public sealed class RunnerArgumentsTests
{
    [Fact]
    public void Parse_AllOptions_AreTaken()
    {
        RunnerArguments? parsed = RunnerArguments.Parse(
            ["swarm", "--seeds", "5-7,9", "--jobs", "2", "--without", "1,4", "--set", "nodes=20", "--break", "one-link", "--verify", "--limit", "60"], out string? wrong);

        Assert.Null(wrong);
        Assert.Equal("swarm", parsed!.Scenario);
        Assert.Equal([5, 6, 7, 9], parsed.Seeds);
        Assert.Equal(2, parsed.Jobs);
        Assert.Equal(TimeSpan.FromMinutes(1), parsed.Limit);
        Assert.Equal(["--set", "nodes=20", "--without", "1,4", "--break", "one-link", "--verify"], parsed.ForChildren());
    }

    [Theory]
    [InlineData("--seed", "x")]
    [InlineData("--seeds", "7-5")]
    [InlineData("--jobs", "0")]
    [InlineData("--jobs", "65")]
    [InlineData("--set", "nodes")]
    [InlineData("--without", "1,x")]
    [InlineData("--seed")]
    [InlineData("--nonsense", "1")]
    [InlineData("swarm", "two-nodes")]
    [InlineData("--seeds", "1-2", "--trace", "file")]
    [InlineData("--seeds", "1-2", "--shrink")]
    [InlineData("--seed", "1", "--jobs", "2", "--shrink")]
    public void Parse_WrongArguments_AreOneSentence(params string[] args)
    {
        Assert.Null(RunnerArguments.Parse(args, out string? wrong));
        Assert.EndsWith(".", wrong, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("3", "1-3")]
    [InlineData("5-5", "5-5")]
    [InlineData("5-7,9", "5-7,9-9")]
    [InlineData("-3--1", "-3--1")]
    public void SeedRange_Formatted_ReadsTheSame(string text, string shortest)
    {
        Assert.True(SeedRange.TryParse(text, out IReadOnlyList<int> seeds));
        Assert.True(SeedRange.TryParse(SeedRange.Format(seeds), out IReadOnlyList<int> again));
        Assert.Equal(seeds, again);
        Assert.True(SeedRange.TryParse(shortest, out IReadOnlyList<int> same));
        Assert.Equal(seeds, same);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1-3,x")]
    [InlineData("-")]
    [InlineData("1-")]
    [InlineData("1,,2")]
    [InlineData("1-2000000000")]
    public void SeedRange_Nonsense_IsRefused(string text) => Assert.False(SeedRange.TryParse(text, out _));

    [Fact]
    public void SeedResult_Line_ReadsTheSame()
    {
        SeedResult result = new() { Seed = -4, Hash = "ab", VirtualTime = TimeSpan.FromMinutes(3), RealTime = TimeSpan.FromMilliseconds(5), Failure = "seed -4 failed\n\"é\"\n" };
        result.Drawn.Add("crash", 3);
        result.Hit.Add("crash");

        SeedResult read = SeedResult.Read(result.ToLine(), out int? started)!;

        Assert.Null(started);
        Assert.Equal((-4, "ab", result.VirtualTime, result.RealTime, result.Failure), (read.Seed, read.Hash, read.VirtualTime, read.RealTime, read.Failure));
        Assert.Equal((3, 1, 0), (read.Drawn["crash"], read.Hit["crash"], read.Counted["crash"]));
        Assert.Null(SeedResult.Read(SeedResult.StartLine(9), out started));
        Assert.Equal(9, started);
        Assert.Null(SeedResult.Read("seed 9 says a scenario", out started));
        Assert.Null(started);
    }
}
