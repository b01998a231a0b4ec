using Meshara.Cli.Rendering;

namespace Meshara.Cli.Commands;

/// <summary>The one line that a command of the control socket prints when it has done its work.</summary>
internal static class Outcome
{
    public static void Write(Terminal terminal, bool json, DoneLine line, string text)
    {
        if (json)
        {
            terminal.WriteJson(line, OutputJson.Default.DoneLine);
        }
        else
        {
            terminal.WriteLine(text);
        }
    }
}
