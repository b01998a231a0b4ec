using Meshara.Cli.Control;
using Microsoft.Extensions.Logging;

namespace Meshara.Cli.Running;

/// <summary><c>meshara run</c>: a node, its control socket and its report, from the start to the goodbye.</summary>
internal sealed class NodeRunner(Terminal terminal, RunSettings settings)
{
    // Events of the goodbyes themselves: what has not come by then is not waited for.
    private static readonly TimeSpan LastEvents = TimeSpan.FromSeconds(2);

    /// <summary>Runs until <paramref name="signals"/> say stop, or standard output breaks.</summary>
    public async Task RunAsync(StopSignals signals)
    {
        (string admits, Admission admission) = settings switch
        {
            { Open: true } => ("open", Admission.Open),
            { SecretFile: { } file } => ("secret", Admission.Secret(SecretFile.Read(file, "secret", terminal))),
            _ => ("known-peers", Admission.KnownPeers),
        };
        using ILoggerFactory logs = ErrorLog.Factory(terminal, settings.LogLevel);
        try
        {
            Node node = await Passphrase.UseAsync(
                terminal,
                settings.PassphraseFile,
                passphrase => NodeStarter.StartAsync(settings, admission, passphrase, logs, NodeStarter.Everywhere(), signals.Token));
            NodeFacts facts = new(settings.Mesh, admits, settings.DataDirectory, Agent, terminal.Time.GetUtcNow());
            await ServeAsync(node, facts, settings.Json ? new JsonReport(terminal) : new TextReport(terminal), signals);
        }
        catch (OperationCanceledException) when (signals.Token.IsCancellationRequested)
        {
            // Stopped before it had started: nobody was there to say goodbye to.
        }
    }

    private static string Agent { get; } = $"meshara/{typeof(Node).Assembly.GetName().Version?.ToString(3)}";

    private async Task ServeAsync(Node node, NodeFacts facts, INodeReport report, StopSignals signals)
    {
        using CancellationTokenSource watching = new();
        TaskCompletionSource started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task pump = Task.CompletedTask;
        try
        {
            // First of all, so that no event and no message is missed; they are told after the start is.
            IAsyncEnumerable<PeerEvent> events = node.WatchAsync(watching.Token);
            using IDisposable messages = node.HandleAny(async (message, ct) =>
            {
                await started.Task.WaitAsync(ct);
                report.Received(message);
            });
            NodeCommands commands = new(node, facts);
            await using ControlServer control = ControlServer.Start(settings.DataDirectory, commands.ExecuteAsync, pipe: commands.PipeAsync);

            // Whoever reads 'listening' may use the control socket at once.
            report.Started(node, facts);
            started.SetResult();
            pump = PumpAsync(node, events, report, signals);
            await Task.Delay(Timeout.InfiniteTimeSpan, terminal.Time, signals.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        finally
        {
            await node.DisposeAsync();
            watching.CancelAfter(LastEvents);
            await pump;
        }

        report.Stopped();
    }

    private static async Task PumpAsync(Node node, IAsyncEnumerable<PeerEvent> events, INodeReport report, StopSignals signals)
    {
        try
        {
            LinksBeforeWatching before = new(node.ListPeers());
            foreach (PeerConnected early in before.Links)
            {
                report.Happened(early);
            }

            await foreach (PeerEvent happened in events)
            {
                if (!before.IsToldAlready(happened))
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
            // Without its report a node would run unseen: standard output is closed, most likely.
            signals.Stop();
        }
    }
}

/// <summary>Links that came to life between the start of the node and the first look at its events.</summary>
internal sealed class LinksBeforeWatching(IReadOnlyList<PeerInfo> peers)
{
    private readonly HashSet<NodeId> _told = [.. peers.Select(static peer => peer.Id)];

    public IReadOnlyList<PeerConnected> Links { get; } =
        [.. peers.Select(static peer => new PeerConnected(peer.ConnectedSince, peer.Id, peer.Address, peer.Inbound))];

    /// <summary>Whether this is the event of a link that was told from the list; true at most once for each.</summary>
    public bool IsToldAlready(PeerEvent happened) => happened switch
    {
        PeerConnected connected => _told.Remove(connected.Peer),
        PeerDisconnected disconnected => _told.Remove(disconnected.Peer) && false,
        _ => false,
    };
}
