using Meshara.Tests.Tidy;
using Xunit;

namespace Meshara.Testing.Tests.Running;

public sealed class ReadmeSampleTests
{
    [Fact]
    public void Readme_HasTheSample_LetterForLetter()
    {
        string source = Repository.Read("tests/Meshara.Testing.Tests/Running/ReadmeSample.cs").ReplaceLineEndings("\n");
        string sample = source[source.IndexOf("public static class Chat", StringComparison.Ordinal)..];

        Assert.Contains(sample, Repository.Read("src/Meshara.Testing/README.md").ReplaceLineEndings("\n"), StringComparison.Ordinal);
    }

    // The first reader's four seeds all failed: the halves had not met yet.
    [Fact]
    public Task Readme_Sample_HoldsWhatItSays() => SimulationProcess.RunAsync(Chat.Churn, [1, 2], jobs: 2, cancellationToken: TestContext.Current.CancellationToken);
}
