using System.Text;
using Meshara.Cli;
using Meshara.Cli.Running;
using Microsoft.Extensions.Configuration;

namespace Meshara.Fuzz;

/// <summary>A configuration file, and the options that it says. A finding is: any exception but the two that name the file, the line or the option.</summary>
internal static class ConfigTargets
{
    private const string Name = "meshara.json";

    // A secret costs a fifth of a second, and a file of one may be any file of the machine.
    private static readonly string[] LeftOut = [$"{SettingsLayer.Section}:Secret", $"{SettingsLayer.Section}:SecretFile"];

    /// <summary>Files with options of each kind, good and nearly good.</summary>
    public static FuzzTarget Config { get; } = new("config", [.. Seeds().Select(Encoding.UTF8.GetBytes)], Run);

    private static string[] Seeds() =>
    [
        """{ "Meshara": { "Mesh": "home", "Listen": [ "0.0.0.0:4040", "[::]:0" ], "Discovery": { "Preset": "Bridge", "TargetPeers": 8 } } }""",
        """{ "Meshara": { "Mesh": "m", "Admission": "Open", "Timeouts": { "Connect": "5s", "Request": "00:00:30", "PingAfter": "1500ms" }, "Limits": { "MaxMessage": 1048576 } } }""",
        """{ "logging": { "x": [ 1, {} ] }, "meshara": { "mesh": "m", "peers": "a.example:1, 10.0.0.1", "Discovery": { "MaxPeers": 10, "TargetPeers": 20 } } }""",
        "\uFEFF// c\n{ \"Meshara\": { /* c */ \"Mesh\": \"\\u00e9\", \"Listen\": [], \"Seed\": -1, \"Reputation\": { \"BanBelow\": -1e2 }, } }",
        """{ "Meshara": { "Mesh": null, "Discovery": { "EnabledMethods": "StaticFile, LocalMdns", "StaticPeersFile": "peers.json" }, "Accept": { "PerAddress": 1.5 } } }""",
        """{ "Meshara": { "Mesch": "m", "Discovery": 5, "Listen": { "0": "a", "x": "b" } } }""",
    ];

    private static long Run(byte[] input)
    {
        try
        {
            SettingsLayer layer = SettingsFile.Parse(input, Name);
            IConfiguration configuration = new ConfigurationBuilder().AddInMemoryCollection(layer.Pairs.Where(static pair => !IsLeftOut(pair.Key))).Build();
            NodeOptions options = NodeOptions.FromConfiguration(configuration.GetSection(SettingsLayer.Section));
            return Verdict.With(Verdict.Of(options.Mesh), options.Listen.Count);
        }
        catch (ConfigurationException e) when (e.Message.Contains(Name, StringComparison.Ordinal))
        {
            return Verdict.Of(e.Message);
        }
        catch (MesharaException e) when (e is { Code: MesharaErrorCode.InvalidOption, Option.Length: > 0 })
        {
            return Verdict.Of(e.Message);
        }
    }

    private static bool IsLeftOut(string key) =>
        Array.Exists(LeftOut, left => key.Equals(left, StringComparison.OrdinalIgnoreCase) || key.StartsWith(left + ":", StringComparison.OrdinalIgnoreCase));
}
