using System.Globalization;

namespace Meshara.Tests.Support;

/// <summary>How often a test repeats what it only measures: twice, or as often as <c>MESHARA_ROUNDS</c> says. What it proves, each round proves.</summary>
internal static class Rounds
{
    public static int Count { get; } = int.TryParse(Environment.GetEnvironmentVariable("MESHARA_ROUNDS"), NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count > 0 ? count : 2;
}
