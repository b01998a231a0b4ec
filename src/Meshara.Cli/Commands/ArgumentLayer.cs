using System.CommandLine;
using System.Globalization;
using Meshara.Cli.Running;

namespace Meshara.Cli.Commands;

/// <summary>The options of the command that were given, as a configuration says them; defaults are none.</summary>
internal sealed class ArgumentLayer(ParseResult parsed)
{
    public SettingsLayer Settings { get; } = new();

    /// <summary>An option with one value.</summary>
    public void Text(Option option, string key, string? value)
    {
        if (value is not null && IsGiven(option))
        {
            Settings.TryAdd($"{SettingsLayer.Section}:{key}", value, option.Name);
        }
    }

    /// <summary>An option that may be given again.</summary>
    public void List(Option option, string key, IEnumerable<string> values)
    {
        int count = 0;
        foreach (string value in IsGiven(option) ? values : [])
        {
            Settings.TryAdd(string.Create(CultureInfo.InvariantCulture, $"{SettingsLayer.Section}:{key}:{count++}"), value, option.Name);
        }
    }

    private bool IsGiven(Option option) => parsed.GetResult(option) is { Implicit: false };
}
