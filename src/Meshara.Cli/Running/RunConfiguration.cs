using Microsoft.Extensions.Configuration;

namespace Meshara.Cli.Running;

/// <summary>What <c>meshara run</c> was asked for, as it was read.</summary>
/// <param name="Options">The node's options, but for what only this program can give.</param>
/// <param name="PassedOver">What is another one in the file than at the reading before, and has no effect.</param>
internal sealed record RunReading(NodeOptions Options, IReadOnlyList<PassedOver> PassedOver);

/// <summary>An option of the configuration file that something goes over.</summary>
/// <param name="Option">Its name: <c>Discovery.TargetPeers</c>.</param>
/// <param name="By">The option of the command, or the variable.</param>
/// <param name="Why">What to say in place of that; null: nothing else.</param>
internal sealed record PassedOver(string Option, string By, string? Why = null);

/// <summary>What <c>meshara run</c> was asked for, all together: the configuration file, over it the environment, over that the options of the command.</summary>
internal sealed class RunConfiguration(Terminal terminal, RunSettings settings)
{
    private const string SecretKey = $"{SettingsLayer.Section}:Secret";
    private const string SecretFileKey = $"{SettingsLayer.Section}:SecretFile";

    // What pipes gave: they give it once.
    private readonly Dictionary<string, string> _piped = new(StringComparer.Ordinal);
    private SettingsLayer? _file;

    /// <summary>Reads it; after a change of the file, again.</summary>
    /// <param name="warn">Whether to tell of files that others can read.</param>
    /// <param name="cancellationToken">Ends the wait for a secret that comes through a pipe.</param>
    /// <exception cref="CliException">The file, or a secret that comes through a pipe, cannot be read.</exception>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.InvalidOption"/>: a value is wrong; the message says where it is written.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<RunReading> ReadAsync(bool warn, CancellationToken cancellationToken)
    {
        RunReading reading = await ReadAllAsync(warn, cancellationToken);
        DiscoveryOptions discovery = reading.Options.Discovery;
        return !settings.NoMdns ? reading
            : reading with { Options = reading.Options with { Discovery = discovery with { EnabledMethods = discovery.EnabledMethods & ~DiscoveryMethods.LocalMdns } } };
    }

    private async Task<RunReading> ReadAllAsync(bool warn, CancellationToken cancellationToken)
    {
        if (settings.ConfigFile is null && settings.Environment.Count == 0)
        {
            return new RunReading(await FromOptionsAsync(cancellationToken), []);
        }

        SettingsLayer file = settings.ConfigFile is { } path ? SettingsFile.Read(path) : new SettingsLayer();
        SettingsLayer all = new();
        all.Put(file);
        all.Put(settings.Environment);
        all.Put(settings.Arguments);
        await TakePipeAsync(all, cancellationToken);
        NodeOptions options = Options(all, warn);
        RunReading reading = new(options, _file is { } before ? [.. PassedOver(before, file), .. NeedlessPreset(before, file, all)] : []);
        _file = file;
        return reading;
    }

    // What was changed in the file and has no effect.
    private PassedOver[] PassedOver(SettingsLayer before, SettingsLayer now) =>
    [
        .. from option in now.ChangesFrom(before)
           let over = settings.Arguments.Over(option) ?? settings.Environment.Over(option)
           where over is not null
           select new PassedOver(option[(SettingsLayer.Section.Length + 1)..].Replace(':', '.'), over.Origin),
    ];

    // A preset is nothing but the two numbers.
    private static PassedOver[] NeedlessPreset(SettingsLayer before, SettingsLayer now, SettingsLayer all)
    {
        const string discovery = $"{SettingsLayer.Section}:{nameof(NodeOptions.Discovery)}";
        const string preset = $"{discovery}:Preset";
        return now.Find(preset) is { } read && all.Find(preset) == read && now.ChangesFrom(before).Contains(preset, StringComparer.OrdinalIgnoreCase)
            && all.Find($"{discovery}:TargetPeers") is { } target && all.Find($"{discovery}:MaxPeers") is { } max
            ? [new PassedOver("Discovery.Preset", "", $"it was read and changes nothing, since TargetPeers ({target.Origin}) and MaxPeers ({max.Origin}) are written")]
            : [];
    }

    // The library would open a pipe each time that it reads these options, without an end to the wait.
    private async Task TakePipeAsync(SettingsLayer all, CancellationToken cancellationToken)
    {
        if (all.Find(SecretFileKey) is not { } file || all.Find(SecretKey) is not null)
        {
            return;
        }

        if (!_piped.ContainsKey(file.Value) && SecretFile.IsPipe(file.Value))
        {
            _piped.Add(file.Value, await SecretFile.ReadAsync(file.Value, "secret", terminal, cancellationToken));
        }

        if (_piped.TryGetValue(file.Value, out string? secret))
        {
            all.Rename(SecretFileKey, SecretKey, secret);
        }
    }

    private NodeOptions Options(SettingsLayer all, bool warn)
    {
        if (warn)
        {
            Warn(all);
        }

        NodeOptions defaults = new() { Mesh = NodeStarter.DefaultMesh, DataDirectory = settings.DataDirectory, Listen = TcpTransport.Everywhere };
        try
        {
            IConfiguration configuration = new ConfigurationBuilder().AddInMemoryCollection(all.Pairs).Build();
            NodeOptions options = NodeOptions.FromConfiguration(configuration.GetSection(SettingsLayer.Section), defaults);
            return options with
            {
                DataDirectory = Path.GetFullPath(options.DataDirectory!),
                Listen = options.Listen.Count == 0 ? defaults.Listen : options.Listen,
            };
        }
        catch (MesharaException e) when (e is { Code: MesharaErrorCode.InvalidOption, Option: { } key })
        {
            throw new MesharaException(e.Code, Where(all, key, e.Message), innerException: e);
        }
    }

    private async Task<NodeOptions> FromOptionsAsync(CancellationToken cancellationToken)
    {
        Admission admission = settings switch
        {
            { Open: true } => Admission.Open,
            { SecretFile: { } file } => Admission.Secret(await SecretFile.ReadAsync(file, "secret", terminal, cancellationToken)),
            _ => Admission.KnownPeers,
        };
        return NodeStarter.Options(settings, admission, TcpTransport.Everywhere);
    }

    // The message begins with the key, which says nothing to who wrote an option or a variable.
    private string Where(SettingsLayer all, string key, string message) => all.Find(key)?.Origin switch
    {
        null => settings.ConfigFile is { } file ? $"{file}: {message}" : message,
        { } origin when settings.ConfigFile is { } file && origin.StartsWith(file, StringComparison.Ordinal) => $"{origin}: {message}",
        { } origin => $"{origin}{message[key.Length..]}",
    };

    private void Warn(SettingsLayer all)
    {
        if (all.Find(SecretFileKey) is { } secret)
        {
            SecretFile.WarnIfShared(secret.Value, "secret", terminal);
        }

        string[] secrets = [SecretKey, $"{SettingsLayer.Section}:IdentityPassphrase"];
        if (settings.ConfigFile is { } file && secrets.Any(key => all.Find(key)?.Origin.StartsWith(file, StringComparison.Ordinal) == true))
        {
            SecretFile.WarnIfShared(file, "configuration", terminal);
        }
    }
}
