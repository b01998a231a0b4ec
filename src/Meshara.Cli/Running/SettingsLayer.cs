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
        Dictionary<string, string> ours = new(StringComparer.Ordinal);
        foreach ((string name, string value) in variables)
        {
            if (name.StartsWith(Section + "__", StringComparison.OrdinalIgnoreCase))
            {
                ours.TryAdd(name, value);
            }
        }

        SettingsLayer layer = new();
        foreach (string name in ours.Keys.Order(StringComparer.Ordinal))
        {
            layer.TryAdd(name.Replace("__", ":", StringComparison.Ordinal), ours[name], name);
        }

        return layer;
    }

    /// <summary>Goes over this one: its values count more, and a list takes the place of the whole list.</summary>
    public void Put(SettingsLayer over)
    {
        foreach (string key in over._settings.Keys)
        {
            string option = OptionOf(key);
            Remove(option);
            foreach (string other in Others(option))
            {
                Remove(other);
            }
        }

        foreach ((string key, Setting setting) in over._settings)
        {
            _settings[key] = setting;
        }
    }

    /// <summary>The options that this layer says otherwise than an earlier one, lists as one.</summary>
    public IEnumerable<string> ChangesFrom(SettingsLayer before) =>
        _settings.Keys.Concat(before._settings.Keys).Select(OptionOf).Distinct(StringComparer.OrdinalIgnoreCase)
            .Where(option => !TextsOf(option).SequenceEqual(before.TextsOf(option)));

    /// <summary>What takes the place of an option of the layers that this one goes over; null: nothing.</summary>
    public Setting? Over(string option) =>
        _settings.FirstOrDefault(s => IsOf(s.Key, option) || Others(OptionOf(s.Key)).Contains(option, StringComparer.OrdinalIgnoreCase)).Value;

    /// <summary>A key becomes another one, with another value; where it is written stays.</summary>
    public void Rename(string key, string renamed, string value)
    {
        if (_settings.Remove(key, out Setting? setting))
        {
            _settings[renamed] = setting with { Value = value };
        }
    }

    private IEnumerable<(string Key, string Value)> TextsOf(string option) =>
        _settings.Where(s => IsOf(s.Key, option)).Select(s => (s.Key.ToUpperInvariant(), s.Value.Value)).Order();

    private static IEnumerable<string> Others(string option) => Instead.Where(i => i.Key.Equals(option, StringComparison.OrdinalIgnoreCase)).SelectMany(i => i.Others);

    private static bool IsOf(string key, string option) => OptionOf(key).Equals(option, StringComparison.OrdinalIgnoreCase);

    private static string OptionOf(string key) => IsEntry(key) ? key[..key.LastIndexOf(':')] : key;

    private void Remove(string option)
    {
        foreach (string key in _settings.Keys.Where(k => IsOf(k, option)).ToArray())
        {
            _settings.Remove(key);
        }
    }

    private static bool IsEntry(string key) =>
        key.LastIndexOf(':') is > 0 and var colon && int.TryParse(key.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out _);
}
