using System.Globalization;

namespace Meshara.Cli.Running;

/// <summary>One value of a configuration, and where it is written, for people.</summary>
internal sealed record Setting(string Value, string Origin);

/// <summary>Keys and values from one place, or from several, of which the later go over the earlier.</summary>
internal sealed class SettingsLayer
{
    /// <summary>The section of the node, and the first part of every key here.</summary>
    public const string Section = "Meshara";

    // What one of them says, the others say no more.
    private static readonly (string Key, string[] Others)[] Instead =
    [
        ($"{Section}:Admission", [$"{Section}:Secret", $"{Section}:SecretFile"]),
        ($"{Section}:Secret", [$"{Section}:Admission", $"{Section}:SecretFile"]),
        ($"{Section}:SecretFile", [$"{Section}:Admission", $"{Section}:Secret"]),
        ($"{Section}:Discovery:Preset", [$"{Section}:Discovery:TargetPeers", $"{Section}:Discovery:MaxPeers"]),
    ];

    private readonly Dictionary<string, Setting> _settings = new(StringComparer.OrdinalIgnoreCase);

    public int Count => _settings.Count;

    /// <summary>As <c>AddInMemoryCollection</c> takes them.</summary>
    public IEnumerable<KeyValuePair<string, string?>> Pairs => _settings.Select(s => new KeyValuePair<string, string?>(s.Key, s.Value.Value));

    /// <summary>A key's value; of a list, its first entry. Null: it is not written.</summary>
    public Setting? Find(string key) =>
        _settings.GetValueOrDefault(key) ?? _settings.GetValueOrDefault($"{key}:0")
            ?? _settings.FirstOrDefault(s => s.Key.StartsWith(key + ":", StringComparison.OrdinalIgnoreCase)).Value;

    /// <summary>Adds a value; false: the key is there already.</summary>
    public bool TryAdd(string key, string value, string origin) => _settings.TryAdd(key, new Setting(value, origin));

    /// <summary>The variables <c>MESHARA__…</c> of an environment.</summary>
    public static SettingsLayer OfEnvironment(IEnumerable<KeyValuePair<string, string>> variables)
    {
        SettingsLayer layer = new();
        foreach ((string name, string value) in variables.OrderBy(v => v.Key, StringComparer.Ordinal))
        {
            if (name.StartsWith(Section + "__", StringComparison.OrdinalIgnoreCase))
            {
                layer.TryAdd(name.Replace("__", ":", StringComparison.Ordinal), value, name);
            }
        }

        return layer;
    }

    /// <summary>Goes over this one: its values count more, and a list takes the place of the whole list.</summary>
    public void Put(SettingsLayer over)
    {
        foreach (string key in over._settings.Keys)
        {
            string option = IsEntry(key) ? key[..key.LastIndexOf(':')] : key;
            Remove(option);
            foreach (string other in Instead.Where(i => i.Key.Equals(option, StringComparison.OrdinalIgnoreCase)).SelectMany(i => i.Others))
            {
                Remove(other);
            }
        }

        foreach ((string key, Setting setting) in over._settings)
        {
            _settings[key] = setting;
        }
    }

    private void Remove(string option)
    {
        foreach (string key in _settings.Keys.Where(k => k.Equals(option, StringComparison.OrdinalIgnoreCase)
            || (IsEntry(k) && k[..k.LastIndexOf(':')].Equals(option, StringComparison.OrdinalIgnoreCase))).ToArray())
        {
            _settings.Remove(key);
        }
    }

    private static bool IsEntry(string key) =>
        key.LastIndexOf(':') is > 0 and var colon && int.TryParse(key.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out _);
}
