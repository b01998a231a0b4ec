using Meshara.Tests.Tidy;

namespace Meshara.Tests.Support;

/// <summary>A program of this repository that tests run in a process of its own; it is built beside the suite in the same configuration.</summary>
internal static class HelperProgram
{
    /// <summary>The command line that runs it.</summary>
    /// <param name="project">A folder of <c>tests</c>, which is the project's name.</param>
    /// <param name="arguments">What it is given.</param>
    public static string[] Command(string project, params string[] arguments)
    {
        string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        string program = Path.Combine(Repository.Root, "tests", project, "bin", configuration, "net10.0", $"{project}.dll");
        return [Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", program, .. arguments];
    }
}
