using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Meshara.Cli.Running;
using Microsoft.Extensions.Logging;

namespace Meshara.Cli.Commands;

/// <summary><c>meshara run</c>: a node until Ctrl-C or SIGTERM.</summary>
internal static class RunCommand
{
    private const int LongestMesh = 64;
    private const LogLevel DefaultLog = LogLevel.Warning;

    // In the order of LogLevel, as the logs themselves name them.
    private static readonly string[] LogLevels = ["trace", "debug", "info", "warning", "error", "critical", "none"];

    public static Command Create(Terminal terminal)
    {
        Option<string> data = CommonOptions.Data();
        Option<bool> json = new("--json")
        {
            Description = "Print one JSON object a line. Inbound connections that come to nothing are drawn together, by host, key and reason: the first, then a line a minute with their count; all else, each dial of this node too, is complete.",
        };
        Option<string?> passphraseFile = CommonOptions.PassphraseFile();
        Option<string> mesh = Mesh();
        Option<string[]> listen = Listen();
        Option<string[]> advertise = Advertise();
        Option<PeerAddress[]> peer = Peer();
        Option<bool> open = new("--open") { Description = "Let whoever proves a key join." };
        Option<string?> secretFile = new("--secret-file") { HelpName = "FILE", Description = "Let whoever knows the secret in this file join." };
        Option<bool> noMdns = new("--no-mdns") { Description = "Do not announce this node in the local network by multicast DNS (its id, its key, the mesh's name and the port), and do not look for others there." };
        Option<LogLevel?> log = Log();
        Option<string?> config = Config();
        SettingsLayer environment = SettingsLayer.OfEnvironment(Variables());
        Command command = new("run", "Run a node until Ctrl-C or SIGTERM. Only known peers may join, unless --open or --secret-file says otherwise; then it looks for peers by itself.")
        {
            config, data, mesh, listen, advertise, peer, open, secretFile, noMdns, passphraseFile, json, log,
        };
        MeshArguments more = new();

        // What stands in a file or in the environment is judged with it.
        more.AddTo(command, result => result.GetValue(open) || result.GetValue(secretFile) is not null || result.GetResult(config) is not null || environment.Count > 0);
        command.Validators.Add(result =>
        {
            if (result.GetValue(open) && result.GetValue(secretFile) is not null)
            {
                result.AddError("--open and --secret-file exclude each other.");
            }
        });
        command.SetAction(async (parsed, ct) =>
        {
            ArgumentLayer given = new(parsed);
            given.Text(data, "DataDirectory", parsed.GetValue(data));
            given.Text(mesh, "Mesh", parsed.GetValue(mesh));
            given.List(listen, "Listen", parsed.GetValue(listen) ?? []);
            given.List(advertise, "AdvertisedAddresses", parsed.GetValue(advertise) ?? []);
            given.List(peer, "Peers", (parsed.GetValue(peer) ?? []).Select(static address => address.ToString()));
            given.Text(open, "Admission", parsed.GetValue(open) ? nameof(Admission.Open) : null);
            given.Text(secretFile, "SecretFile", parsed.GetValue(secretFile));
            more.Say(parsed, given);
            RunSettings settings = new()
            {
                ConfigFile = parsed.GetValue(config),
                Environment = environment,
                Arguments = given.Settings,
                DataDirectory = parsed.GetValue(data)!,
                Mesh = parsed.GetValue(mesh)!,
                Listen = parsed.GetValue(listen) ?? [],
                Advertise = parsed.GetValue(advertise) ?? [],
                Peers = parsed.GetValue(peer) ?? [],
                Open = parsed.GetValue(open),
                SecretFile = parsed.GetValue(secretFile),
                PassphraseFile = parsed.GetValue(passphraseFile),
                Json = parsed.GetValue(json),
                LogLevel = parsed.GetValue(log) ?? DefaultLog,
                Discovery = more.Discovery(parsed),
                NoMdns = parsed.GetValue(noMdns),
                TrustedRanges = more.TrustedRanges(parsed),
            };
            return await RunAsync(terminal, settings, more, parsed, ct);
        });
        return command;
    }

    private static async Task<int> RunAsync(Terminal terminal, RunSettings settings, MeshArguments more, ParseResult parsed, CancellationToken cancellationToken)
    {
        if (settings is { Open: false, SecretFile: null, ConfigFile: null, Environment.Count: 0 } && more.FirstForStrangers(parsed) is { } idle)
        {
            terminal.Complain($"{idle} has no effect: only known peers may join, and they count against no limit. --open or --secret-file lets others in.");
        }

        foreach (string warning in more.Warnings(parsed))
        {
            terminal.Complain($"warning: {warning}");
        }

        using StopSignals signals = new(terminal.Time, cancellationToken);
        await new NodeRunner(terminal, settings).RunAsync(signals);
        return ExitCode.Done;
    }

    private static Option<string?> Config() => new("--config")
    {
        HelpName = "FILE",
        Description = $"A JSON file whose section \"{SettingsLayer.Section}\" has the options of the library by their names; watched while the node runs. "
            + $"Variables {SettingsLayer.Section.ToUpperInvariant()}__SECTION__OPTION go over it, and the options of this command over both.",
        CustomParser = static result => CommonOptions.FullPath(result, "--config needs a file."),
    };

    // No LINQ over what is a struct: it would be compiled anew at each start.
    private static IEnumerable<KeyValuePair<string, string>> Variables()
    {
        foreach (System.Collections.DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            yield return KeyValuePair.Create((string)variable.Key, (string?)variable.Value ?? "");
        }
    }

    private static Option<LogLevel?> Log()
    {
        Option<LogLevel?> log = new("--log")
        {
            HelpName = "LEVEL",
            Description = $"Least level of logs on standard error: {string.Join(", ", LogLevels)}. [default: {LogLevels[(int)DefaultLog]}]",
            CustomParser = static result =>
            {
                string text = result.Tokens.Count > 0 ? result.Tokens[0].Value : "";
                int level = Array.FindIndex(LogLevels, name => name.Equals(text, StringComparison.OrdinalIgnoreCase));
                if (level < 0)
                {
                    result.AddError($"--log knows {string.Join(", ", LogLevels)}, not '{text}'.");
                }

                return (LogLevel)Math.Max(0, level);
            },
        };
        log.CompletionSources.Clear();
        log.CompletionSources.Add(LogLevels);
        return log;
    }

    private static Option<string> Mesh()
    {
        Option<string> mesh = new("--mesh")
        {
            HelpName = "NAME",
            Description = "Name of the mesh; nodes of another name are refused.",
            DefaultValueFactory = static _ => NodeStarter.DefaultMesh,
        };
        mesh.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: { } name }] && (Encoding.UTF8.GetByteCount(name) is 0 or > LongestMesh || name.Any(char.IsControl)))
            {
                result.AddError($"--mesh needs 1 to {LongestMesh} bytes without control characters.");
            }
        });
        return mesh;
    }

    private static Option<string[]> Listen()
    {
        Option<string[]> listen = new("--listen")
        {
            HelpName = "HOST[:PORT]",
            Description = $"Where to listen; may be given again. Port 0: any; no port: {NodeStarter.DefaultPort} or the next free one up to {NodeStarter.LastPort}, the same at each start. "
                + "Default: all addresses, no port.",
        };
        listen.Validators.Add(static result =>
        {
            foreach (string text in result.Tokens.Select(static token => token.Value).Where(static text => !IsListenAddress(text)))
            {
                result.AddError($"--listen needs HOST or HOST:PORT with a port from 0 to 65535 and IPv6 in brackets, not '{text}'.");
            }
        });
        return listen;
    }

    private static Option<string[]> Advertise()
    {
        Option<string[]> advertise = new("--advertise")
        {
            HelpName = "HOST:PORT",
            Description = "Where others can dial this node, if that is not where it listens (behind a port forward, in a container); may be given again.",
        };
        advertise.Validators.Add(static result =>
        {
            // The port is asked for: whoever forwards one knows it, and 4040 would be a guess.
            foreach (string text in result.Tokens.Select(static token => token.Value))
            {
                if (!PeerAddress.TryParse(text, out PeerAddress? address) || address.Id is not null || !text.Trim().EndsWith(string.Create(CultureInfo.InvariantCulture, $":{address.Port}"), StringComparison.Ordinal))
                {
                    result.AddError($"--advertise needs HOST:PORT with a port from 1 to 65535, no id, and IPv6 in brackets, not '{text}'.");
                }
            }
        });
        return advertise;
    }

    private static Option<PeerAddress[]> Peer() => new("--peer")
    {
        HelpName = "ADDRESS",
        Description = "A peer to connect to, and again whenever the link is lost: host:port or id@host:port; may be given again.",
        CustomParser = static result => CommonOptions.Try(result, () => result.Tokens.Select(static token => PeerAddress.Parse(token.Value)).ToArray()),
    };

    // The host itself is judged by the node, which knows its transport.
    private static bool IsListenAddress(string text)
    {
        int colon = text.LastIndexOf(':');

        // "::1:4040" may be an address, or one with a port.
        bool hasPort = colon > 0 && IsIPv6(text[..colon]);
        return (IsIPv6(text) && !hasPort)
            || (text.Length > 0 && (colon < 0 || (text[0] == '[' && text[^1] == ']')))
            || (colon > 0
                && ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, null, out _)
                && (text[0] == '[' ? text[colon - 1] == ']' : !text.AsSpan(0, colon).Contains(':')));
    }

    private static bool IsIPv6(string text) =>
        !text.StartsWith('[') && IPAddress.TryParse(text, out IPAddress? address) && address.AddressFamily == AddressFamily.InterNetworkV6;
}
