using Microsoft.Extensions.Configuration;

namespace Meshara.Cli.Running;

/// <summary>What <c>meshara run</c> was asked for, all together: the configuration file, over it the environment, over that the options of the command.</summary>
internal sealed class RunConfiguration(Terminal terminal, RunSettings settings)
{
    /// <summary>Reads it; after a change of the file, again.</summary>
    /// <param name="warn">Whether to tell of files that others can read.</param>
    /// <returns>The node's options, but for what only this program can give.</returns>
    /// <exception cref="CliException">The file cannot be read.</exception>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.InvalidOption"/>: a value is wrong; the message says where it is written.</exception>
    public NodeOptions Read(bool warn)
    {
        NodeOptions options = ReadAll(warn);
        return !settings.NoMdns ? options
            : options with { Discovery = options.Discovery with { EnabledMethods = options.Discovery.EnabledMethods & ~DiscoveryMethods.LocalMdns } };
    }

    private NodeOptions ReadAll(bool warn)
    {
        if (settings.ConfigFile is null && settings.Environment.Count == 0)
        {
            return FromOptions();
        }

        SettingsLayer all = settings.ConfigFile is { } file ? SettingsFile.Read(file) : new SettingsLayer();
        all.Put(settings.Environment);
        all.Put(settings.Arguments);
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

    private NodeOptions FromOptions()
    {
        Admission admission = settings switch
        {
            { Open: true } => Admission.Open,
            { SecretFile: { } file } => Admission.Secret(SecretFile.Read(file, "secret", terminal)),
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
        if (all.Find($"{SettingsLayer.Section}:SecretFile") is { } secret)
        {
            SecretFile.WarnIfShared(secret.Value, "secret", terminal);
        }

        string[] secrets = [$"{SettingsLayer.Section}:Secret", $"{SettingsLayer.Section}:IdentityPassphrase"];
        if (settings.ConfigFile is { } file && secrets.Any(key => all.Find(key)?.Origin.StartsWith(file, StringComparison.Ordinal) == true))
        {
            SecretFile.WarnIfShared(file, "configuration", terminal);
        }
    }
}
