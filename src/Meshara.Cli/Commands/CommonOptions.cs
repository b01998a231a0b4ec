using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text;
using Meshara.Cli.Control;

namespace Meshara.Cli.Commands;

/// <summary>Options and arguments that several commands have.</summary>
internal static class CommonOptions
{
    // Wire protocol section 8.1: a protocol's name.
    private const int LongestProtocol = 128;

    /// <summary><c>--data DIR</c>, absolute.</summary>
    public static Option<string> Data() => new("--data")
    {
        HelpName = "DIR",
        Description = "The node's data directory: identity, known peers, control socket.",
        DefaultValueFactory = static result => DefaultDirectory(result),
        CustomParser = static result => FullPath(result, "--data needs a directory."),
    };

    /// <summary><c>--json</c>.</summary>
    public static Option<bool> Json() => new("--json") { Description = "Print one JSON object a line." };

    /// <summary><c>--passphrase-file FILE</c>.</summary>
    public static Option<string?> PassphraseFile() => new("--passphrase-file")
    {
        HelpName = "FILE",
        Description = "The passphrase of the identity file; else MESHARA_PASSPHRASE, else a prompt. A new identity is encrypted with it.",
    };

    /// <summary>The id of a peer: all 64 digits, or the first (8 or more) of a pinned one.</summary>
    public static Argument<string> Peer(Terminal terminal)
    {
        Argument<string> argument = new("ID") { Description = "Id of a peer: 64 hex digits, or the first 8 or more of a pinned one." };
        argument.Validators.Add(CheckPeer);
        argument.CompletionSources.Add(_ => Peers(terminal));
        return argument;
    }

    /// <summary>Makes an option one that takes the id of a peer.</summary>
    public static void IsPeer(Option<string?> option, Terminal terminal)
    {
        option.Validators.Add(CheckPeer);
        option.CompletionSources.Add(_ => Peers(terminal));
    }

    /// <summary><c>--protocol NAME</c>.</summary>
    public static Option<string> Protocol(string name, string description)
    {
        Option<string> protocol = new("--protocol") { HelpName = "NAME", Description = description, DefaultValueFactory = _ => name };
        protocol.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: { } text }] && (Encoding.UTF8.GetByteCount(text) is 0 or > LongestProtocol || text.Any(char.IsControl)))
            {
                result.AddError($"--protocol needs 1 to {LongestProtocol} bytes without control characters.");
            }
            else if (result.Tokens is [{ Value: { } name }] && name.StartsWith("meshara/", StringComparison.Ordinal))
            {
                result.AddError("--protocol names one of the node's own protocols, which begin with meshara/. Take another name.");
            }
        });
        return protocol;
    }

    /// <summary>An option in seconds, with a point for parts of them; null where it was not given, which stands for <paramref name="byDefault"/>.</summary>
    public static Option<TimeSpan?> Seconds(string name, string description, TimeSpan byDefault, TimeSpan least, TimeSpan? most = null) => new(name)
    {
        HelpName = "SECONDS",
        Description = $"{description} [default: {byDefault.TotalSeconds:0.###} s]",
        CustomParser = result =>
        {
            string text = result.Tokens.Count > 0 ? result.Tokens[0].Value : "";
            TimeSpan limit = most ?? TimeSpan.FromDays(1);
            if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds)
                && seconds >= least.TotalSeconds && seconds <= limit.TotalSeconds)
            {
                return TimeSpan.FromSeconds(seconds);
            }

            result.AddError($"{name} needs seconds from {least.TotalSeconds:0.###} to {limit.TotalSeconds:0.###}, not '{text}'.");
            return default;
        },
    };

    /// <summary>Reads a value with a parser that throws <see cref="FormatException"/>, and makes the exception a usage error.</summary>
    public static T? Try<T>(SymbolResult result, Func<T> parse)
    {
        try
        {
            return parse();
        }
        catch (Exception e) when (e is FormatException or MesharaException)
        {
            result.AddError(e.Message);
            return default;
        }
    }

    /// <summary>Where this user's node keeps its files when nobody says otherwise; null: the user has no home directory.</summary>
    public static string? DefaultDirectory()
    {
        // XDG_DATA_HOME or ~/.local/share on Linux, Application Support on macOS, AppData\Local on Windows.
        string root = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
        return root.Length > 0 ? Path.Combine(root, "meshara") : null;
    }

    private static void CheckPeer(SymbolResult result)
    {
        if (result.Tokens is not [{ Value: { } text }, ..])
        {
            return;
        }

        bool isPrefix = text.Length is > 0 and < NodeId.Size * 2 && text.All(char.IsAsciiHexDigit);
        if (isPrefix && text.Length < PeerResolver.ShortestPrefix)
        {
            result.AddError(PeerResolver.TooShort(text));
        }
        else if (!isPrefix)
        {
            Try(result, () => NodeId.Parse(text));
        }
    }

    private static IEnumerable<CompletionItem> Peers(Terminal terminal)
    {
        terminal.PeersWanted = true;
        return [];
    }

    private static string DefaultDirectory(ArgumentResult result)
    {
        if (DefaultDirectory() is { } directory)
        {
            return directory;
        }

        result.AddError("This user has no home directory: give --data DIR.");
        return "";
    }

    /// <summary>A path, made absolute.</summary>
    public static string FullPath(ArgumentResult result, string error)
    {
        string path = result.Tokens.Count > 0 ? result.Tokens[0].Value : "";
        if (path.Length > 0 && !path.Contains('\0'))
        {
            return Path.GetFullPath(path);
        }

        result.AddError(error);
        return "";
    }
}
