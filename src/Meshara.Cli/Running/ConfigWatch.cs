namespace Meshara.Cli.Running;

/// <summary>Applies the configuration file to the running node whenever it has changed.</summary>
internal sealed class ConfigWatch(Terminal terminal, string path, RunConfiguration configuration, Node node, NodeOptions started, INodeReport report)
{
    // A look costs one system call. Editors replace files, and network disks tell nobody of changes.
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    private IReadOnlyList<OptionChange> _refused = [];
    private bool _hasFailed;

    /// <summary>Looks until it is cancelled.</summary>
    /// <param name="before">The file as it was when the node's options were read from it.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task RunAsync(Stamp before, CancellationToken cancellationToken)
    {
        using PeriodicTimer timer = new(LookEvery, terminal.Time);
        (Stamp applied, Stamp last) = (before, before);
        while (await timer.WaitForNextTickAsync(cancellationToken))
        {
            Stamp now = Stamp.Of(path);

            // Not while it is being written.
            bool isSettled = now == last;
            last = now;
            if (isSettled && now != applied)
            {
                applied = now;
                await ApplyAsync(cancellationToken);
            }
        }
    }

    private async Task ApplyAsync(CancellationToken cancellationToken)
    {
        try
        {
            (NodeOptions read, IReadOnlyList<PassedOver> passedOver) = await configuration.ReadAsync(warn: false, cancellationToken);
            report.PassedOver(passedOver);
            NodeOptions wanted = read with
            {
                IdentityPassphrase = read.IdentityPassphrase ?? started.IdentityPassphrase,
                LoggerFactory = started.LoggerFactory,
                OnStarting = started.OnStarting,
                PeerStore = started.PeerStore,
            };
            IReadOnlyList<OptionChange> changes = await node.ReconfigureAsync(wanted, cancellationToken);
            if (_hasFailed)
            {
                _hasFailed = false;
                report.ConfigurationMended();
            }

            // What was refused before, and still is, was told.
            report.Reconfigured([.. changes.Where(change => change.IsApplied || !_refused.Contains(change))]);
            _refused = [.. changes.Where(static change => !change.IsApplied)];
        }
        catch (Exception e) when (e is CliException or MesharaException { Code: not MesharaErrorCode.NodeStopped })
        {
            _hasFailed = true;
            report.ConfigurationFailed(e.Message);
        }
    }

    /// <summary>What changes with a file.</summary>
    internal readonly record struct Stamp(DateTime Time, long Length)
    {
        public static Stamp Of(string path)
        {
            FileInfo file = new(path);
            try
            {
                return file.Exists ? new Stamp(file.LastWriteTimeUtc, file.Length) : default;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return default;
            }
        }
    }
}
