using System.CommandLine;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;
using Meshara.Cli.Running;
using Meshara.Mdns;

namespace Meshara.Cli.Commands;

/// <summary><c>meshara why ADDRESS|ID</c>: dials step by step and says where it ends and why.</summary>
internal static class WhyCommand
{
    // A peer with many addresses, each of which takes all of its deadlines.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    public static Command Create(Terminal terminal, Func<string, CancellationToken, IAsyncEnumerable<ServiceChange>> browse)
    {
        Option<string> data = CommonOptions.Data();
        Option<bool> json = CommonOptions.Json();
        Option<string?> passphraseFile = CommonOptions.PassphraseFile();
        Option<string?> mesh = new("--mesh") { HelpName = "NAME", Description = "Without a running node: the mesh to ask for; else the one that the other side names." };
        Option<string?> secret = new("--secret-file") { HelpName = "FILE", Description = "Without a running node: the mesh's secret. It is proven only to the mesh that --mesh names." };
        Argument<string> target = new("ADDRESS|ID")
        {
            Description = "host:port, id@host:port, or the id of a known peer (64 hex digits, or its first 8 or more), all of whose addresses are then tried.",
        };
        target.Validators.Add(static result =>
        {
            string text = result.Tokens[0].Value;
            if (IsId(text))
            {
                return;
            }

            // Letters may be a host's name; digits that are no address are meant as the beginning of an id.
            if (text.Length is > 0 and < PeerResolver.ShortestPrefix && text.All(char.IsAsciiHexDigit) && !PeerAddress.TryParse(text, out _))
            {
                result.AddError(PeerResolver.TooShort(text));
                return;
            }

            CommonOptions.Try(result, () => PeerAddress.Parse(text));
        });
        Command command = new("why", "Dial a node step by step and say which step fails and why; exit code 1 where it cannot be reached.") { target, mesh, secret, data, json, passphraseFile };
        command.SetAction(async (parsed, ct) =>
        {
            string text = parsed.GetValue(target)!;
            WhyDial alone = new(terminal, parsed.GetValue(data)!, parsed.GetValue(passphraseFile), parsed.GetValue(mesh), parsed.GetValue(secret), new LocalNetworkSearch(terminal, browse));
            WhyLine why = InShell(await AskAsync(terminal, parsed.GetValue(data)!, text, alone, ct), parsed.GetValue(data)!);
            if (parsed.GetValue(json))
            {
                terminal.WriteJson(why, OutputJson.Default.WhyLine);
            }
            else
            {
                foreach (string line in why.Dials.SelectMany(DialText.Of))
                {
                    terminal.WriteLine(line);
                }
            }

            return why.Reachable ? ExitCode.Done : ExitCode.Failed;
        });
        return command;
    }

    /// <summary>Whether the operator means a peer and no address.</summary>
    public static bool IsId(string text) => text.Length is >= PeerResolver.ShortestPrefix and <= NodeId.Size * 2 && text.All(char.IsAsciiHexDigit);

    // What it advises to type here has to reach the same node.
    private static WhyLine InShell(WhyLine why, string data) => why with
    {
        Dials = [.. why.Dials.Select(dial => dial with
        {
            Steps = [.. dial.Steps.Select(step => step with { Detail = Hints.Here(step.Detail, data), Advice = step.Advice is { } advice ? Hints.Here(advice, data) : null })],
        })],
    };

    private static async Task<WhyLine> AskAsync(Terminal terminal, string data, string target, WhyDial alone, CancellationToken cancellationToken)
    {
        List<DialLine> dials = [];
        ControlRequest request = IsId(target)
            ? new ControlRequest { Command = ControlCommand.Why, Peer = target }
            : new ControlRequest { Command = ControlCommand.Why, Address = target };
        try
        {
            await ControlClient.CallAsync(
                data,
                request,
                part =>
                {
                    if (part.Dial is { } dial)
                    {
                        dials.Add(dial);
                    }
                },
                terminal.Time,
                cancellationToken,
                Patience);
        }
        catch (ControlException e) when (e.Code is ControlException.NotRunning or ControlException.InUse)
        {
            return await alone.RunAsync(target, e.Code == ControlException.InUse ? e.Message : null, cancellationToken);
        }

        return new WhyLine(target, dials.Any(static dial => dial.Reachable), Running: true, dials);
    }
}

/// <summary>The same where no node runs: with the identity of the data directory if there is one, else with one that is made for it.</summary>
internal sealed class WhyDial(Terminal terminal, string data, string? passphraseFile, string? mesh, string? secretFile, LocalNetworkSearch nearby)
{
    /// <summary>Dials.</summary>
    /// <param name="target">Whom.</param>
    /// <param name="inUse">Who has the directory and does not answer; null: nobody has it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<WhyLine> RunAsync(string target, string? inUse, CancellationToken cancellationToken)
    {
        bool hasIdentity = File.Exists(Path.Combine(data, "identity.pem"));
        terminal.Complain($"{inUse?.Replace(" Try again in a moment.", "", StringComparison.Ordinal).TrimEnd('.') ?? $"no node runs on {data}"}: this command dials itself, {(hasIdentity ? "with the identity there" : "with an identity of its own that nobody knows, so whoever admits known peers refuses it")}. What a running node knows of bans, failed dials and limits is not seen");
        Admission admission = secretFile is null ? Admission.Open : Admission.Secret(await SecretFile.ReadAsync(secretFile, "secret", terminal, cancellationToken));
        IReadOnlyList<PeerAddress> addresses = await AddressesOfAsync(target, cancellationToken);
        NodeOptions options = new() { Mesh = mesh ?? "", Admission = admission, DataDirectory = hasIdentity ? data : null, TimeProvider = terminal.Time };

        // Asked for once, however many dials there are: it may come from a pipe, or from somebody at the terminal.
        DialLine[] dials = await Passphrase.UseAsync(
            terminal, passphraseFile, passphrase => DialAllAsync(options with { IdentityPassphrase = passphrase }, addresses, cancellationToken), cancellationToken);
        return new WhyLine(target, dials.Any(static dial => dial.Reachable), Running: false, dials);
    }

    private async Task<DialLine[]> DialAllAsync(NodeOptions options, IReadOnlyList<PeerAddress> addresses, CancellationToken cancellationToken)
    {
        List<DialLine> dials = [];
        foreach (PeerAddress address in addresses)
        {
            DialLine line = DialLine.Of(await Node.DiagnoseAsync(options, address, cancellationToken: cancellationToken));
            dials.Add(options.DataDirectory is null ? ThrowAwayKey.Advise(line, hasSecret: secretFile is not null, hasMesh: mesh is not null) : line);
        }

        return [.. dials];
    }

    // A pin is the operator's word: whoever announces another id that begins so is not asked for.
    private async Task<IReadOnlyList<PeerAddress>> AddressesOfAsync(string target, CancellationToken cancellationToken)
    {
        if (!WhyCommand.IsId(target))
        {
            return [PeerAddress.Parse(target)];
        }

        TrustedPeer[] meant = [.. TrustFile.Read(data).Where(pin => pin.Id.ToString().StartsWith(target, StringComparison.OrdinalIgnoreCase))];
        if (meant.Length > 1)
        {
            throw new CliException($"{meant.Length} pinned peers have ids that begin with '{target}'. Give more digits.");
        }

        IReadOnlyList<PeerAddress> announced = await nearby.FindAsync(meant is [{ } one] ? one.Id.ToString() : target, cancellationToken);
        int ids = announced.Select(static address => address.Id).Distinct().Count();
        if (ids > 1)
        {
            throw new CliException($"{ids} ids that begin with '{target}' are announced in the local network. Give more digits.");
        }

        IEnumerable<PeerAddress> named = meant is [{ } pinned] ? pinned.Addresses.Select(address => address with { Id = pinned.Id }) : [];
        PeerAddress[] all = [.. named.Concat(announced).DistinctBy(static address => address.HostAndPort).Take(NodeDiagnosis.MostAddresses)];
        return all.Length > 0
            ? all
            : throw new CliException($"No address of {target} is known in {data}, the local network announces none, and no node runs there that could know more. Give one: meshara why{Hints.At(data)} ID@HOST:PORT");
    }
}
