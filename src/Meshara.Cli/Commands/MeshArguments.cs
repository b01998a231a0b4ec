using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;

namespace Meshara.Cli.Commands;

/// <summary>The options of <c>meshara run</c> that say how many peers it looks for, where it begins, and which networks it trusts.</summary>
internal sealed class MeshArguments
{
    // As DiscoveryOptions and AcceptLimits say.
    private const int MostPeers = 4096;
    private const int MostRanges = 1024;

    private const string Standard = "standard";

    private static readonly NamedPreset[] Presets =
    [
        new("minimal", DiscoveryOptions.Minimal),
        new(Standard, DiscoveryOptions.Standard),
        new("bridge", DiscoveryOptions.Bridge),
    ];

    private readonly Option<string> _preset = Preset();
    private readonly Option<int?> _target = Number("--target-peers", "How many peers to look for, beside those that you name; at most --max-peers, or the most of the preset. 0: nobody is dialled but those that you name.", least: 0);
    private readonly Option<int?> _max = Number("--max-peers", "Most peers at once, beside those that you name; further ones are refused or take the place of worse ones. The preset's target is lowered to it; a --target-peers above it is an error.", least: 1);
    private readonly Option<string[]> _bootstrap = Bootstrap();
    private readonly Option<string?> _staticPeers = StaticPeers();
    private readonly Option<string[]> _trustedRange = TrustedRange();

    /// <summary>Adds the options to a command, with the checks that concern several of them.</summary>
    /// <param name="command">The command.</param>
    /// <param name="admitsStrangers">Whether anybody but known peers may join.</param>
    public void AddTo(Command command, Func<CommandResult, bool> admitsStrangers)
    {
        foreach (Option option in (Option[])[_preset, _target, _max, _bootstrap, _staticPeers, _trustedRange])
        {
            command.Add(option);
        }

        command.Validators.Add(result =>
        {
            // The tokens: a value with an error of its own, which is told already, cannot be asked for.
            string preset = Text(result, _preset) ?? Standard;
            int? max = Number(Text(result, _max));
            int most = max ?? PresetOf(preset).MaxPeers;
            if (Number(Text(result, _target)) is { } target && target <= MostPeers && target > most)
            {
                result.AddError(max is not null
                    ? $"--target-peers is {target}, more than --max-peers: 0 to {most} is allowed."
                    : $"--target-peers is {target}, more than the most peers of preset {preset}: 0 to {most} is allowed, or give --max-peers too.");
            }

            if (Text(result, _bootstrap) is not null && !admitsStrangers(result))
            {
                result.AddError("--bootstrap needs --open or --secret-file: without them only known peers may join, and nobody found through it is one. For a known peer take --peer.");
            }
        });
    }

    /// <summary>How many peers, and where to begin.</summary>
    public DiscoveryOptions Discovery(ParseResult parsed)
    {
        DiscoveryOptions preset = PresetOf(parsed.GetValue(_preset));
        int max = parsed.GetValue(_max) ?? preset.MaxPeers;
        string[] bootstraps = parsed.GetValue(_bootstrap) ?? [];
        return preset with
        {
            MaxPeers = max,
            TargetPeers = parsed.GetValue(_target) ?? Math.Min(preset.TargetPeers, max),
            BootstrapNodes = [.. bootstraps.Where(static text => !IsList(text)).Select(PeerAddress.Parse)],
            BootstrapLists = [.. bootstraps.Where(IsList).Select(static text => new Uri(text))],
            StaticPeersFile = parsed.GetValue(_staticPeers),
        };
    }

    /// <summary>Those that were given, as a configuration says them.</summary>
    public void Say(ParseResult parsed, ArgumentLayer layer)
    {
        layer.Text(_preset, "Discovery:Preset", parsed.GetValue(_preset));
        layer.Text(_target, "Discovery:TargetPeers", parsed.GetValue(_target)?.ToString(CultureInfo.InvariantCulture));
        layer.Text(_max, "Discovery:MaxPeers", parsed.GetValue(_max)?.ToString(CultureInfo.InvariantCulture));
        string[] bootstraps = parsed.GetValue(_bootstrap) ?? [];
        layer.List(_bootstrap, "Discovery:BootstrapNodes", bootstraps.Where(static text => !IsList(text)));
        layer.List(_bootstrap, "Discovery:BootstrapLists", bootstraps.Where(IsList));
        layer.Text(_staticPeers, "Discovery:StaticPeersFile", parsed.GetValue(_staticPeers));
        layer.List(_trustedRange, "Accept:TrustedRanges", TrustedRanges(parsed));
    }

    /// <summary>Networks that no limit before TLS holds for.</summary>
    public IReadOnlyList<string> TrustedRanges(ParseResult parsed) => parsed.GetValue(_trustedRange) ?? [];

    /// <summary>What was asked for and may not be meant, for the operator.</summary>
    public IEnumerable<string> Warnings(ParseResult parsed)
    {
        if (parsed.GetValue(_target) == 0 && parsed.GetValue(_bootstrap) is { Length: > 0 })
        {
            yield return "--bootstrap has no effect: with --target-peers 0 nobody is dialled but those that you name with --peer.";
        }

        foreach (string range in TrustedRanges(parsed).Where(static range => IPNetwork.Parse(range).PrefixLength == 0))
        {
            yield return $"--trusted-range {range} is everybody{(range.Contains(':', StringComparison.Ordinal) ? " with IPv6" : " with IPv4")}: no limit on inbound connections holds for them.";
        }
    }

    /// <summary>The first of these options that has no effect where only known peers may join; null: none was given.</summary>
    public string? FirstForStrangers(ParseResult parsed) =>
        ((Option[])[_preset, _target, _max]).FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false })?.Name;

    private static DiscoveryOptions PresetOf(string? name) => Presets.FirstOrDefault(preset => preset.Name.Equals(name, StringComparison.OrdinalIgnoreCase))?.Options ?? DiscoveryOptions.Standard;

    private static string? Text(CommandResult result, Option option) => result.GetResult(option) is { Tokens: [{ Value: { } text }, ..] } ? text : null;

    private static int? Number(string? text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : null;

    private static Option<string> Preset()
    {
        Option<string> preset = new("--preset")
        {
            HelpName = string.Join('|', Presets.Select(static preset => preset.Name)),
            Description = $"Peers to look for and most peers at once: {string.Join(", ", Presets.Select(static preset => $"{preset.Name} {preset.Options.TargetPeers} and {preset.Options.MaxPeers}"))}.",
            DefaultValueFactory = static _ => Standard,
        };
        preset.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: { } text }] && Presets.All(known => !known.Name.Equals(text, StringComparison.OrdinalIgnoreCase)))
            {
                result.AddError($"--preset knows {string.Join(", ", Presets.Select(static known => known.Name))}, not '{text}'.");
            }
        });
        preset.CompletionSources.Add([.. Presets.Select(static known => known.Name)]);
        return preset;
    }

    private static Option<int?> Number(string name, string description, int least) => new(name)
    {
        HelpName = "N",
        Description = $"{description} [default: of the preset]",
        CustomParser = result =>
        {
            string text = result.Tokens.Count > 0 ? result.Tokens[0].Value : "";
            if (Number(text) is { } value && value >= least && value <= MostPeers)
            {
                return value;
            }

            result.AddError($"{name} needs a number from {least} to {MostPeers}, not '{text}'.");
            return null;
        },
    };

    private static bool IsList(string text) => text.StartsWith("https://", StringComparison.OrdinalIgnoreCase);

    private static Option<string[]> Bootstrap()
    {
        Option<string[]> bootstrap = new("--bootstrap")
        {
            HelpName = "ADDRESS|URL",
            Description = "Where to begin looking for peers: host:port, id@host:port, or an https:// address of a list like that of --static-peers; may be given again. Nobody there is pinned. Needs --open or --secret-file.",
        };
        bootstrap.Validators.Add(static result =>
        {
            foreach (string text in result.Tokens.Select(static token => token.Value))
            {
                if (text.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || (IsList(text) && !Uri.TryCreate(text, UriKind.Absolute, out _)))
                {
                    result.AddError($"--bootstrap takes a list from https://HOST/PATH only, not from '{text}'.");
                }
                else if (!IsList(text))
                {
                    CommonOptions.Try(result, () => PeerAddress.Parse(text));
                }
            }
        });
        return bootstrap;
    }

    private static Option<string?> StaticPeers() => new("--static-peers")
    {
        HelpName = "FILE",
        Description = "A JSON file of peers that are pinned and dialled for ever, watched while the node runs: { \"static_peers\": [ … ] }. 'meshara info --static-peer' prints a node's entry.",
        CustomParser = static result => CommonOptions.FullPath(result, "--static-peers needs a file."),
    };

    private static Option<string[]> TrustedRange()
    {
        Option<string[]> range = new("--trusted-range")
        {
            HelpName = "CIDR",
            Description = "A network of your own, such as 10.20.0.0/16, for which the limits on inbound connections do not hold; may be given again. Loopback is one always.",
        };
        range.Validators.Add(static result =>
        {
            foreach (string text in result.Tokens.Select(static token => token.Value).Where(static text => !IPNetwork.TryParse(text, out _)))
            {
                result.AddError($"--trusted-range needs a network and the length of its prefix, such as 10.20.0.0/16 or fd00:1::/56, not '{text}'.");
            }

            if (result.Tokens.Count > MostRanges)
            {
                result.AddError($"--trusted-range was given {result.Tokens.Count} times; at most {MostRanges} are allowed.");
            }
        });
        return range;
    }

    private sealed record NamedPreset(string Name, DiscoveryOptions Options);
}
