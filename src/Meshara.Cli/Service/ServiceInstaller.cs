namespace Meshara.Cli.Service;

/// <summary>Puts a unit where systemd finds it, and takes it away again. Says each thing that it does.</summary>
/// <param name="directory">Where units are.</param>
/// <param name="systemctl">Runs systemctl with these arguments and returns its exit code; null: systemd does not run here.</param>
/// <param name="tell">Gets one line for each thing done.</param>
internal sealed class ServiceInstaller(string directory, Func<IReadOnlyList<string>, Task<int>>? systemctl, Action<string> tell)
{
    /// <summary>Writes the unit and starts it.</summary>
    /// <exception cref="CliException">A file of that name is not ours, or systemd refuses.</exception>
    public async Task InstallAsync(ServiceUnit unit, bool start)
    {
        string path = PathOf(unit.Name);
        ThrowIfForeign(path);
        Directory.CreateDirectory(directory);
        await File.WriteAllTextAsync(path, unit.Format());
        tell($"wrote    {path}");
        if (systemctl is null || !start)
        {
            tell($"to start it: systemctl {Scope}daemon-reload && systemctl {Scope}enable --now {unit.Name}.service");
            return;
        }

        await CallAsync("daemon-reload");
        await CallAsync("enable", "--now", $"{unit.Name}.service");
    }

    /// <summary>Stops the service and removes its unit; the data directory stays.</summary>
    /// <exception cref="CliException">There is none, or it is not ours.</exception>
    public async Task UninstallAsync(string name)
    {
        string path = PathOf(name);
        if (!File.Exists(path))
        {
            throw new CliException($"There is no {path}: nothing to uninstall.");
        }

        ThrowIfForeign(path);
        if (systemctl is not null)
        {
            await CallAsync("disable", "--now", $"{name}.service");
        }

        File.Delete(path);
        tell($"removed  {path}");
        if (systemctl is not null)
        {
            await CallAsync("daemon-reload");
        }
    }

    /// <summary>For messages: which systemctl is meant.</summary>
    public string Scope { private get; init; } = "";

    private string PathOf(string name) => Path.Combine(directory, $"{name}.service");

    private async Task CallAsync(params string[] args)
    {
        int code = await systemctl!(args);
        if (code != 0)
        {
            throw new CliException($"'systemctl {Scope}{string.Join(' ', args)}' failed with exit code {code}; 'journalctl {Scope}-u {args[^1]}' may say why.");
        }

        tell($"ran      systemctl {Scope}{string.Join(' ', args)}");
    }

    private static void ThrowIfForeign(string path)
    {
        if (File.Exists(path) && File.ReadLines(path).FirstOrDefault() != ServiceUnit.Marker)
        {
            throw new CliException($"{path} was not written by this command and is left as it is. Take another --name.");
        }
    }
}
