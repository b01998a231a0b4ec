using System.Globalization;
using Meshara.Net;
using Microsoft.Extensions.Configuration;

namespace Meshara.Configuration;

/// <summary>Reads a node's options from a configuration, by name and without reflection; every key must be known.</summary>
internal sealed class ConfigurationReader
{
    private const string Preset = $"{nameof(NodeOptions.Discovery)}.{nameof(Preset)}";
    private const string Secret = nameof(Secret);
    private const string SecretFile = nameof(SecretFile);

    private static readonly (string Name, DiscoveryOptions Options)[] Presets =
    [
        (nameof(DiscoveryOptions.Minimal), DiscoveryOptions.Minimal),
        (nameof(DiscoveryOptions.Standard), DiscoveryOptions.Standard),
        (nameof(DiscoveryOptions.Bridge), DiscoveryOptions.Bridge),
    ];

    // Keys that stand for no option of their own name.
    private static readonly string[] Special = [Secret, SecretFile, Preset];

    private static readonly string[] Groups =
        [.. OptionTable.All.Select(entry => entry.Name.Split('.')).Where(parts => parts.Length > 1).Select(parts => parts[0]).Distinct(StringComparer.Ordinal)];

    private readonly string _path;
    private readonly Dictionary<string, Found> _found = new(StringComparer.OrdinalIgnoreCase);

    private ConfigurationReader(IConfiguration configuration)
    {
        _path = configuration is IConfigurationSection section ? section.Path : "";
        Collect(configuration, "");
    }

    /// <summary>The options that a configuration says.</summary>
    /// <param name="configuration">The section of the node.</param>
    /// <param name="defaults">What it leaves out; null: the defaults, and the mesh's name is asked for.</param>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.InvalidOption"/>: names the key, the value and what is allowed.</exception>
    public static NodeOptions Read(IConfiguration configuration, NodeOptions? defaults)
    {
        ConfigurationReader reader = new(configuration);
        if (defaults is null && !reader._found.ContainsKey(nameof(NodeOptions.Mesh)))
        {
            throw Wrong(reader.KeyOf(nameof(NodeOptions.Mesh)), "is missing: every node belongs to a mesh, by its name");
        }

        NodeOptions options = reader.Apply(defaults ?? new NodeOptions { Mesh = "" });
        try
        {
            OptionsCheck.Check(options);
        }
        catch (MesharaException e) when (e is { Option: { } name, OptionFault: { } fault })
        {
            throw reader._found.TryGetValue(name, out Found? written) ? Wrong(written.Key, fault) : reader.WrongUnwritten(name, fault, defaults ?? new NodeOptions { Mesh = "" });
        }

        return options;
    }

    private NodeOptions Apply(NodeOptions options)
    {
        if (_found.TryGetValue(Preset, out Found? preset))
        {
            DiscoveryOptions chosen = Presets.FirstOrDefault(known => known.Name.Equals(Single(preset), StringComparison.OrdinalIgnoreCase)).Options
                ?? throw Wrong(preset.Key, $"is {Quote(preset)}; {string.Join(", ", Presets.Select(known => known.Name))} are allowed");
            options = options with { Discovery = options.Discovery with { TargetPeers = chosen.TargetPeers, MaxPeers = chosen.MaxPeers } };
        }

        foreach ((OptionEntry entry, Found found) in Written())
        {
            options = Apply(entry, found, options);
        }

        // Who writes only the most means that.
        string target = $"{nameof(NodeOptions.Discovery)}.{nameof(DiscoveryOptions.TargetPeers)}";
        if (!_found.ContainsKey(target) && options.Discovery is { MaxPeers: >= 0 } discovery && discovery.TargetPeers > discovery.MaxPeers)
        {
            options = options with { Discovery = discovery with { TargetPeers = discovery.MaxPeers } };
        }

        return WithSecret(options);
    }

    private IEnumerable<(OptionEntry Entry, Found Found)> Written()
    {
        foreach (OptionEntry entry in OptionTable.All)
        {
            if (_found.TryGetValue(entry.Name, out Found? found) && !(entry.Name == nameof(NodeOptions.Admission) && HasSecret && IsSecretMode(found)))
            {
                yield return (entry, found);
            }
        }
    }

    // What is written asks for another value of an option that is not: the keys without which the fault is gone, or another one, are why.
    private MesharaException WrongUnwritten(string name, string fault, NodeOptions defaults)
    {
        List<Found> causes = [];
        foreach ((OptionEntry entry, Found found) in Written().ToArray())
        {
            _found.Remove(entry.Name);
            try
            {
                OptionsCheck.Check(Apply(defaults));
                causes.Add(found);
            }
            catch (MesharaException e)
            {
                if (e.Option == name && e.OptionFault != fault)
                {
                    causes.Add(found);
                }
            }

            _found.Add(entry.Name, found);
        }

        return causes is [var first, .. var others]
            ? Wrong(first.Key, $"is {Quote(first)}{string.Concat(others.Select(other => $" and {other.Key} is {Quote(other)}"))}; with that {KeyOf(name)}, which is not written here, {fault}")
            : Wrong(KeyOf(name), $"(not written here) {fault}");
    }

    // As the check of all options says it of a value that is in no range; empty: it says nothing.
    private string RangeOf(OptionEntry wrong, NodeOptions options)
    {
        // A range may depend on what else is written, also where that comes later.
        foreach ((OptionEntry entry, Found found) in Written().Where(written => written.Entry != wrong && written.Entry.IsReadable))
        {
            try
            {
                options = entry.Read(found.Texts, options);
            }
            catch (Exception e) when (e is FormatException or OverflowException)
            {
                // Told when its turn comes.
            }
        }

        foreach (NodeOptions around in (NodeOptions[])[options, new NodeOptions { Mesh = "m" }])
        {
            try
            {
                _ = wrong.Outside(around) is { } outside ? OptionsCheck.Check(outside) : null;
            }
            catch (MesharaException e) when (e.Option == wrong.Name && e.OptionFault?.Split("; ", 2) is [_, var range])
            {
                return range.Replace(" is allowed", "", StringComparison.Ordinal).Replace(" are allowed", "", StringComparison.Ordinal);
            }
            catch (MesharaException)
            {
                // Another option is wrong as well.
            }
        }

        return "";
    }

    private NodeOptions Apply(OptionEntry entry, Found found, NodeOptions options)
    {
        if (!entry.IsReadable)
        {
            throw Wrong(found.Key, "can only be set in code");
        }

        try
        {
            return entry.Read(entry.IsList ? found.Texts : [Single(found)], options);
        }
        catch (FormatException e)
        {
            string what = e.Message.TrimEnd('.');
            throw WrongEntry(entry, found, options) is { } at
                ? Wrong(found.Keys[at], $"is {Printable.Quote(found.Texts[at])}; {what}")
                : Wrong(found.Key, entry.IsSecret ? $"is wrong: {what}" : $"is {Quote(found)}; {what}{(RangeOf(entry, options) is { Length: > 0 } range ? $"; the range is {range}" : "")}");
        }
        catch (OverflowException e)
        {
            throw Wrong(found.Key, $"is {Quote(found)}; {(RangeOf(entry, options) is { Length: > 0 } range ? range : e.Message)} is allowed");
        }
    }

    // Of a list, the first entry that is wrong by itself.
    private static int? WrongEntry(OptionEntry entry, Found found, NodeOptions options)
    {
        for (int i = 0; entry.IsList && i < found.Texts.Count; i++)
        {
            try
            {
                entry.Read([found.Texts[i]], options);
            }
            catch (FormatException)
            {
                return i;
            }
        }

        return null;
    }

    private bool HasSecret => _found.ContainsKey(Secret) || _found.ContainsKey(SecretFile);

    private static bool IsSecretMode(Found admission) => admission.Texts is [var text] && text.Equals(nameof(Admission.Secret), StringComparison.OrdinalIgnoreCase);

    private NodeOptions WithSecret(NodeOptions options)
    {
        if (!HasSecret)
        {
            return options;
        }

        if (_found.TryGetValue(nameof(NodeOptions.Admission), out Found? admission) && !IsSecretMode(admission))
        {
            throw Wrong(admission.Key, $"is {Quote(admission)}, and there is a secret too. Leave one of them out");
        }

        if (_found.TryGetValue(Secret, out Found? secret))
        {
            return _found.TryGetValue(SecretFile, out Found? other)
                ? throw Wrong(other.Key, $"stands beside {secret.Key}. Leave one of them out")
                : options with { Admission = Single(secret) is { Length: > 0 } text ? Admission.Secret(text) : throw Wrong(secret.Key, "is empty; at least 1 character is allowed") };
        }

        Found file = _found[SecretFile];
        return options with { Admission = Admission.Secret(SecretText.Read(Single(file), what => Wrong(file.Key, what))) };
    }

    // Every leaf by its name, as far as the name is known.
    private void Collect(IConfiguration section, string prefix)
    {
        foreach (IConfigurationSection child in section.GetChildren())
        {
            string name = prefix + child.Key;
            if (prefix.Length == 0 && Groups.Contains(child.Key, StringComparer.OrdinalIgnoreCase))
            {
                if (child.Value is { Length: > 0 } value)
                {
                    throw Wrong(child.Path, $"is {Printable.Quote(value)}; a section with options is allowed, such as {child.Path}:{FirstOf(child.Key)}");
                }

                Collect(child, name + ".");
            }
            else if (OptionTable.Find(name) is not null || Special.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                // A key may hold the dot itself: "Timeouts.Connect" beside "Timeouts": { "Connect": … }.
                if (Read(child, OptionTable.Find(name)?.IsList == true) is { } found && !_found.TryAdd(name, found))
                {
                    throw Wrong(found.Key, $"stands beside {_found[name].Key}, and both mean the same option. Leave one of them out");
                }
            }
            else
            {
                throw Wrong(child.Path, $"is not an option; the nearest is {KeyOf(Nearest.Of(name, [.. OptionTable.All.Where(e => e.IsReadable).Select(e => e.Name), .. Special, .. Groups]))}");
            }
        }
    }

    private static string FirstOf(string group) => OptionTable.All.First(e => e.Name.StartsWith(group + ".", StringComparison.OrdinalIgnoreCase)).Name.Split('.')[1];

    // Null: nothing is written there.
    private static Found? Read(IConfigurationSection section, bool isList)
    {
        IConfigurationSection[] children = [.. section.GetChildren()];
        if (children.Length == 0)
        {
            return section.Value is not { } value ? null
                : isList && value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) is var parts ? new Found(section.Path, parts, [.. parts.Select(_ => section.Path)])
                : new Found(section.Path, [value], [section.Path]);
        }

        // Two sources speak of it, one in each form: which of them counts more cannot be seen from here.
        if (!string.IsNullOrEmpty(section.Value))
        {
            throw Wrong(section.Path, $"is written as one text and as a list ({children[0].Path}). Write it in one form everywhere");
        }

        if (!isList)
        {
            throw Wrong(section.Path, $"has parts ({children[0].Path}); one value is allowed");
        }

        List<string> texts = [];
        List<string> keys = [];
        foreach (IConfigurationSection child in children)
        {
            if (!int.TryParse(child.Key, NumberStyles.None, CultureInfo.InvariantCulture, out _) || child.GetChildren().Any())
            {
                throw Wrong(child.Path, "is no entry of a list; texts are allowed, in brackets or with keys 0, 1, 2 …");
            }

            // An entry of null takes one of another source away.
            if (child.Value is { } text)
            {
                texts.Add(text);
                keys.Add(child.Path);
            }
        }

        return new Found(section.Path, texts, keys);
    }

    private string KeyOf(string name)
    {
        string key = name.Replace(".", ConfigurationPath.KeyDelimiter, StringComparison.Ordinal);
        return _path.Length == 0 ? key : ConfigurationPath.Combine(_path, key);
    }

    private static string Single(Found found) => found.Texts is [var text] ? text : throw Wrong(found.Key, "has several values; one is allowed");

    private static string Quote(Found found) => Printable.Quote(string.Join(", ", found.Texts));

    private static MesharaException Wrong(string key, string what) => new(MesharaErrorCode.InvalidOption, $"{key} {what}.") { Option = key };

    // A key as it is written, its values, and the key of each.
    private sealed record Found(string Key, IReadOnlyList<string> Texts, IReadOnlyList<string> Keys);
}
