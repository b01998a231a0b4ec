using Meshara.Fuzz;
using Xunit;

namespace Meshara.Sqlite.Tests;

/// <summary>The target of fuzz/ that reads the store's rows.</summary>
public sealed class FuzzTests
{
    [Fact]
    public void Replay_CorpusAndCrashes_NothingFound()
    {
        foreach (byte[] input in StoreTargets.StoreRow.Seeds.Concat(FuzzFolder.Corpus("store-row")).Concat(FuzzFolder.Crashes("store-row")))
            AssertNothing(FuzzRun.Try(StoreTargets.StoreRow, input));
    }

    [Fact]
    public void Run_TwoHundredChangedInputs_NothingFound()
    {
        FuzzRun run = new(StoreTargets.StoreRow, [], seed: 1);
        while (run.Runs < 200)
            AssertNothing(run.Step());
    }

    private static void AssertNothing(Finding? finding) => Assert.True(finding is null, $"store-row {Convert.ToHexStringLower(finding?.Input ?? [])}: {finding?.Fault}");
}
