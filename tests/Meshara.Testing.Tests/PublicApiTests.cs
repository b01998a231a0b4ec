using System.Text;
using Meshara.Tests.Tidy;
using Xunit;

namespace Meshara.Testing.Tests;

/// <summary>As for the library: the whole public API is one checked-in file.</summary>
public sealed class PublicApiTests
{
    private const string ApiFile = "tests/Meshara.Testing.Tests/PublicApi.txt";
    private const string Accept = "MESHARA_ACCEPT_API";

    [Fact]
    public void PublicApi_Assembly_IsAsCheckedIn()
    {
        string actual = PublicApiText.Of(typeof(SimulatedNetwork).Assembly);
        string path = Repository.Absolute(ApiFile);
        if (Environment.GetEnvironmentVariable(Accept) == "1" && Environment.GetEnvironmentVariable("CI") != "true")
        {
            File.WriteAllText(path, actual, new UTF8Encoding(false));
        }

        Assert.Equal(Repository.Read(ApiFile).ReplaceLineEndings("\n"), actual);
    }
}
