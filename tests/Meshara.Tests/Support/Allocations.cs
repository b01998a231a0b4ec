using System.Globalization;
using System.Text;

namespace Meshara.Tests.Support;

/// <summary>Bytes that one operation allocates, as tests/Meshara.Allocations measures them in a process of its own.</summary>
internal static class Allocations
{
    // Once for all who ask.
    private static readonly Task<IReadOnlyDictionary<string, double>> Parts = MeasureAsync("parts");

    /// <summary>Of what one thread does: exact.</summary>
    public static async Task<double> OfPartAsync(string name) => (await Parts)[name];

    /// <summary>Of one message or request between two nodes, both ends and all their threads, in 100 batches of 500.</summary>
    public static async Task<double> BetweenNodesAsync(string shape) => (await MeasureAsync(shape, "memory", "100", "500"))[shape];

    private static async Task<IReadOnlyDictionary<string, double>> MeasureAsync(params string[] arguments)
    {
        string[] command = HelperProgram.Command("Meshara.Allocations", arguments);
        string output = Encoding.UTF8.GetString(await Tool.OutputOfAsync(command[0], command[1..]));
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(static line => line.Split(' ', 2))
            .ToDictionary(static words => words[1], static words => double.Parse(words[0], CultureInfo.InvariantCulture));
    }
}
