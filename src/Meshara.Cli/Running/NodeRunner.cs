using Meshara.Cli.Control;
using Meshara.Sqlite;

namespace Meshara.Cli.Running;

/// <summary><c>meshara run</c>: a node, its control socket and its report, from the start to the goodbye.</summary>
internal sealed class NodeRunner(Terminal terminal, RunSettings settings)
{
    private const string StoreFile = "peers.db";

    // Events of the goodbyes themselves: what has not come by then is not waited for.
    private static readonly TimeSpan LastEvents = TimeSpan.FromSeconds(2);

    /// <summary>Runs until <paramref name="signals"/> say stop, or standard output breaks.</summary>
    public async Task RunAsync(StopSignals signals)
    {
        using ErrorLog logs = new(terminal, settings.LogLevel);
        INodeReport report = settings.Json ? new JsonReport(terminal) : new TextReport(terminal);
        OwnKeyElsewhere ownKey = new();
        OwnProbes probes = new();
        NodeAttachment attachment = new(report, signals, ownKey, probes);
        RunConfiguration configuration = new(terminal, settings);
        ConfigWatch.Stamp stamp = settings.ConfigFile is { } path ? ConfigWatch.Stamp.Of(path) : default;
        NodeOptions asked;
        try
        {
            asked = (await configuration.ReadAsync(warn: true, signals.Token)).Options;
        }
        catch (OperationCanceledException) when (signals.Token.IsCancellationRequested)
        {
            // A secret should have come through a pipe.
            return;
        }

        string directory = asked.DataDirectory!;

        // Opened by the node, once it has the lock of the data directory; closed after the node has written its last.
        await using SqlitePeerStore store = new(Path.Combine(directory, StoreFile), logs, terminal.Time);
        NodeOptions options = asked with { LoggerFactory = logs, OnStarting = attachment.Attach, PeerStore = store };
        try
        {
            Node node = await Passphrase.UseAsync(
                terminal,
                settings.PassphraseFile,
                passphrase => Node.StartAsync(options = options with { IdentityPassphrase = passphrase ?? asked.IdentityPassphrase }, signals.Token),
                signals.Token);
            NodeFacts facts = new(options.Mesh, AdmissionName(options.Admission), directory, Agent, terminal.Time.GetUtcNow()) { Store = store, OwnKey = ownKey, Probes = probes };
            ConfigWatch? watch = settings.ConfigFile is { } file ? new ConfigWatch(terminal, file, configuration, node, options, report) : null;
            await ServeAsync(node, facts, report, attachment, ct => watch?.RunAsync(stamp, ct) ?? Task.CompletedTask, signals);
        }
        catch (MesharaException e) when (e.Code == MesharaErrorCode.DataDirectoryInUse)
        {
            throw new CliException($"{e.Message} That is: meshara run --data DIR, and the same --data for every command to it.", e);
        }
        catch (OperationCanceledException) when (signals.Token.IsCancellationRequested)
        {
            // Stopped before it had started: nobody was there to say goodbye to.
        }
    }

    private static string Agent { get; } = $"meshara/{typeof(Node).Assembly.GetName().Version?.ToString(3)}";

    private static string AdmissionName(Admission admission) => admission.ToString() switch
    {
        nameof(Admission.Open) => "open",
        nameof(Admission.Secret) => "secret",
        _ => "known-peers",
    };

    private async Task ServeAsync(Node node, NodeFacts facts, INodeReport report, NodeAttachment attachment, Func<CancellationToken, Task> watch, StopSignals signals)
    {
        using CancellationTokenSource done = new();
        Task pump = Task.CompletedTask;
        Task output = OutputGuard.RunAsync(terminal, signals.Stop, done.Token);
        Task folds = TellDueAsync(report, signals, done.Token);
        Task watching = Task.CompletedTask;
        try
        {
            NodeCommands commands = new(node, facts);
            await using ControlServer control = ControlServer.Start(facts.DataDirectory, commands.ExecuteAsync, pipe: commands.PipeAsync);

            // Whoever reads 'listening' may use the control socket at once.
            report.Started(node, facts);
            pump = attachment.PumpAsync();
            watching = GuardAsync(watch, signals, done.Token);
            await Task.Delay(Timeout.InfiniteTimeSpan, terminal.Time, signals.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        finally
        {
            await node.DisposeAsync();
            attachment.EndAfter(LastEvents);
            await done.CancelAsync();
            await output;
            await watching;
            await folds;
            await pump;
        }

        report.Stopped();
    }

    private static async Task GuardAsync(Func<CancellationToken, Task> watch, StopSignals signals, CancellationToken cancellationToken)
    {
        try
        {
            await watch(cancellationToken);
        }
        catch (Exception e) when (e is OperationCanceledException or MesharaException)
        {
            // The node has ended.
        }
        catch (IOException)
        {
            signals.Stop();
        }
    }

    // What was drawn together is told also where nothing more happens.
    private async Task TellDueAsync(INodeReport report, StopSignals signals, CancellationToken cancellationToken)
    {
        using PeriodicTimer timer = new(RefusalFold.Every, terminal.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                report.TellDue();
            }
        }
        catch (OperationCanceledException)
        {
            // The node has ended.
        }
        catch (IOException)
        {
            signals.Stop();
        }
    }
}

/// <summary>Hears a node from before it listens, and tells what it heard once the start has been told.</summary>
internal sealed class NodeAttachment(INodeReport report, StopSignals signals, OwnKeyElsewhere ownKey, OwnProbes probes)
{
    private readonly CancellationTokenSource _watching = new();
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private IAsyncEnumerable<PeerEvent>? _events;
    private NodeId _own;

    /// <summary>For <see cref="NodeOptions.OnStarting"/>.</summary>
    public void Attach(Node node)
    {
        _own = node.Id;
        _events = node.WatchAsync(_watching.Token);
        node.HandleAny(async (message, ct) =>
        {
            await _started.Task.WaitAsync(ct);
            try
            {
                report.Received(message);
            }
            catch (IOException)
            {
                // Standard output is closed: without its report a node would run unseen.
                signals.Stop();
                throw;
            }
        });
    }

    /// <summary>The start has been told; tells everything else, until the end of the node.</summary>
    public async Task PumpAsync()
    {
        _started.SetResult();
        try
        {
            await foreach (PeerEvent happened in _events!)
            {
                ownKey.Take(happened, _own);
                if (!probes.Made(happened))
                {
                    report.Happened(happened);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The node is disposed and its last events were waited for.
        }
        finally
        {
            signals.Stop();
        }
    }

    /// <summary>What has not been heard by then is not waited for.</summary>
    public void EndAfter(TimeSpan wait) => _watching.CancelAfter(wait);
}
