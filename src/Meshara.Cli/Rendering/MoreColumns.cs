using Spectre.Console;
using Spectre.Console.Rendering;

namespace Meshara.Cli.Rendering;

/// <summary>The last line of a table that had no room for all its columns.</summary>
internal static class MoreColumns
{
    /// <summary>Says how many are missing, and how wide the terminal has to be for all of them, in characters.</summary>
    public static IRenderable Note(int missing, int width) =>
        new Text($"a wider terminal shows {missing} more {(missing == 1 ? "column" : "columns")} ({width} characters)", new Style(decoration: Decoration.Dim));
}
