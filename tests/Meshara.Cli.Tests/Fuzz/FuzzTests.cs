using Meshara.Fuzz;
using Xunit;

namespace Meshara.Cli.Tests.Fuzz;

/// <summary>The targets of fuzz/ that belong to the command.</summary>
public sealed class FuzzTests
{
    private static readonly FuzzTarget[] All = [ConfigTargets.Config, ControlTargets.Control];

    [Theory]
    [InlineData("config")]
    [InlineData("control")]
    public void Replay_CorpusAndCrashes_NothingFound(string name)
    {
        FuzzTarget target = All.Single(t => t.Name == name);
        foreach (byte[] input in target.Seeds.Concat(FuzzFolder.Corpus(name)).Concat(FuzzFolder.Crashes(name)))
            AssertNothing(name, FuzzRun.Try(target, input));
    }

    [Theory]
    [InlineData("config")]
    [InlineData("control")]
    public void Run_TwoThousandChangedInputs_NothingFound(string name)
    {
        FuzzRun run = new(All.Single(t => t.Name == name), [], seed: 1);
        while (run.Runs < 2000)
            AssertNothing(name, run.Step());
    }

    private static void AssertNothing(string name, Finding? finding) => Assert.True(finding is null, $"{name} {Convert.ToHexStringLower(finding?.Input ?? [])}: {finding?.Fault}");
}
