using System.Threading.Channels;
using Meshara.Core.Policy;
using Meshara.Mdns;
using Microsoft.Extensions.Logging;

namespace Meshara.Discovery;

/// <summary>Announces a node in the local network, and hands on which others are announced. What becomes of those, the mesh decides.</summary>
internal sealed class MdnsSource : IAsyncDisposable
{
    // More than a browser holds; further ones are passed over until some are gone.
    private const int MaxFound = 8192;

    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(5), LastRetry = TimeSpan.FromMinutes(5), Settled = TimeSpan.FromMinutes(1);

    // Before LanTable.Grace has passed: what a forger has withdrawn or pushed out there comes back.
    private static readonly TimeSpan HandOnEvery = TimeSpan.FromSeconds(30);

    // A trouble that comes and goes must not fill the log.
    private static readonly TimeSpan TellAgain = TimeSpan.FromHours(1);

    // How many the mesh takes at once, so that links wait for no flood.
    private const int Portion = 256;

    // The lifetime of a TXT record (RFC 6762 section 10): what was announced before something false took its place is kept so long.
    private static readonly TimeSpan TxtLife = TimeSpan.FromMinutes(75);

    private readonly PublicKey _key;
    private readonly string _mesh;
    private readonly Func<Task<ILocalNetwork>> _open;
    private readonly NearbySink _sink;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    // Touched by the browsing and the watching task.
    private readonly SemaphoreSlim _sync = new(1);
    private readonly Dictionary<string, LanFound> _found = new(StringComparer.Ordinal);
    private readonly Dictionary<(string, string, MdnsTroubleKind), long> _told = [];
    private IReadOnlyList<LanInterface> _near = [];
    private long _handedOn;
    private bool _openTold;
    private volatile ILocalNetwork? _network;
    private volatile ILocalPublication? _publication;
    private volatile string? _trouble;
    private volatile int _count;
    private long _forged;
    private Task _loop = Task.CompletedTask;
    private Task? _disposed;

    /// <summary>A source that <see cref="Start"/> begins.</summary>
    public MdnsSource(MdnsSettings settings, PublicKey key, string mesh, Func<Task<ILocalNetwork>> open, NearbySink sink, TimeProvider time, ILogger logger)
    {
        (Settings, _key, _mesh, _open, _sink, _time, _logger) = (settings, key, mesh, open, sink, time, logger);
    }

    public MdnsSettings Settings { get; }

    /// <summary>How it fares.</summary>
    public LocalNetworkState State => new()
    {
        Announces = Settings.Announces,
        Browses = Settings.Browses,
        InstanceName = _publication?.InstanceName,
        Found = _count,
        Forged = Interlocked.Read(ref _forged),
        Trouble = _trouble ?? NoFamily(_network),
        Interfaces = _network?.Interfaces ?? [],
    };

    /// <summary>Begins.</summary>
    public void Start() => _loop = Task.Run(RunAsync);

    /// <summary>The interfaces may have changed: they are looked at now and not with the next look.</summary>
    public void NetworkChanged() => _wake.Writer.TryWrite(true);

    /// <summary>Says goodbye and ends.</summary>
    public ValueTask DisposeAsync() => new(_disposed ??= StopAsync());

    private async Task StopAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
        _sync.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            for (int failures = 0; ; failures++)
            {
                long began = _time.GetTimestamp();
                await TryAsync().ConfigureAwait(false);
                failures = _time.GetElapsedTime(began) < Settled ? failures : 0;
                await Task.Delay(Backoff.Doubled(FirstRetry, failures, LastRetry), _time, _stopping.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The node stops, or other settings follow.
        }
        catch (MesharaException e) when (e.Code == MesharaErrorCode.NodeStopped)
        {
            // As above.
        }
        catch (Exception fault)
        {
            _logger.TaskFailed(fault);
        }
    }

    // Until it fails. Whatever the system says, the other ways to find peers go on.
    private async Task TryAsync()
    {
        try
        {
            ILocalNetwork network = await _open().ConfigureAwait(false);
            await using (network.ConfigureAwait(false))
            {
                (_network, _trouble) = (network, null);
                foreach ((string family, string why) in network.Faults.Where(f => _told.TryAdd(("", f.Family, MdnsTroubleKind.Join), 0)))
                {
                    _logger.MdnsFamilyFault(family, why.TrimEnd('.'));
                }

                await UseAsync(network).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (!_stopping.IsCancellationRequested && e is not MesharaException { Code: MesharaErrorCode.NodeStopped })
        {
            _trouble = e.Message;
            if (!_openTold)
            {
                _openTold = true;
                _logger.MdnsFailed(e.Message.TrimEnd('.'), e);
            }
        }
        finally
        {
            (_network, _publication) = (null, null);
            await ForgetAsync().ConfigureAwait(false);
        }
    }

    private async Task UseAsync(ILocalNetwork network)
    {
        await LookAsync(network).ConfigureAwait(false);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        Task[] all =
        [
            WatchAsync(network, either.Token),
            Settings.Browses ? BrowseAsync(network, either.Token) : Task.CompletedTask,
            Settings.Announces ? AnnounceAsync(network, either.Token) : Task.CompletedTask,
        ];

        // Whoever fails takes the others with him, and all begin anew.
        await foreach (Task done in Task.WhenEach(all).ConfigureAwait(false))
        {
            if (!done.IsCompletedSuccessfully)
            {
                await either.CancelAsync().ConfigureAwait(false);
            }
        }

        await Task.WhenAll(all).ConfigureAwait(false);
    }

    private async Task AnnounceAsync(ILocalNetwork network, CancellationToken cancellationToken)
    {
        ILocalPublication publication = await network.PublishAsync(MdnsRecord.ProfileOf(_key, _mesh, Settings.Port!.Value, Settings.Networks), cancellationToken).ConfigureAwait(false);
        await using (publication.ConfigureAwait(false))
        {
            _publication = publication;
            _logger.MdnsAnnounced(publication.InstanceName, Settings.Port.Value);
            await Task.Delay(Timeout.InfiniteTimeSpan, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task BrowseAsync(ILocalNetwork network, CancellationToken cancellationToken)
    {
        BrowseOptions options = new() { RequeryInterval = Settings.Interval };
        await foreach (ServiceChange change in network.BrowseAsync(MdnsRecord.ServiceType, options, cancellationToken).ConfigureAwait(false))
        {
            await TakeAsync(network, change, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task TakeAsync(ILocalNetwork network, ServiceChange change, CancellationToken cancellationToken)
    {
        string name = change.Instance.InstanceName;
        LanFound? found = null;
        MdnsVerdict verdict = change.Kind == ServiceChangeKind.Removed ? MdnsVerdict.Unknown : MdnsRecord.Read(change.Instance, _mesh, _key.Id, out found);
        if (verdict == MdnsVerdict.Forged)
        {
            Interlocked.Increment(ref _forged);
        }

        await _sync.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (found is not null && (_found.Count < MaxFound || _found.ContainsKey(name)))
            {
                _found[name] = found;
                _count = _found.Count;
                if (found.Addresses.Any(a => !_near.Any(i => i.Index == a.Interface)))
                {
                    _near = await ScanAsync(network).ConfigureAwait(false);
                }

                await _sink.Found([found]).ConfigureAwait(false);
            }
            else if (found is null && _found.Remove(name))
            {
                // Whoever overwrites what a node announces does not make it go.
                _count = _found.Count;
                await _sink.Gone(name, change.Kind == ServiceChangeKind.Removed ? LanTable.Grace : TxtLife).ConfigureAwait(false);
            }
        }
        finally
        {
            _sync.Release();
        }
    }

    private async Task WatchAsync(ILocalNetwork network, CancellationToken cancellationToken)
    {
        long began = _time.GetTimestamp();
        Task<bool>? woken = null;
        while (true)
        {
            try
            {
                woken ??= _wake.Reader.WaitToReadAsync(cancellationToken).AsTask();
                await woken.WaitAsync(LookEvery, _time, cancellationToken).ConfigureAwait(false);
                _wake.Reader.TryRead(out _);
                woken = null;
            }
            catch (TimeoutException)
            {
                // The look of every five seconds.
            }

            await LookAsync(network).ConfigureAwait(false);
            TellTroubles(network, _time.GetElapsedTime(began));
        }
    }

    // What was not near before may be now; and what the mesh does not hold any more, nobody tells it again, since nothing has changed here.
    private async Task LookAsync(ILocalNetwork network)
    {
        await _sync.WaitAsync(_stopping.Token).ConfigureAwait(false);
        try
        {
            IReadOnlyList<LanInterface> before = _near;
            _near = await ScanAsync(network).ConfigureAwait(false);
            if (!IsSame(before, _near) || _time.GetElapsedTime(_handedOn) >= (Settings.Interval < HandOnEvery ? Settings.Interval : HandOnEvery))
            {
                _handedOn = _time.GetTimestamp();
                foreach (LanFound[] some in _found.Values.Chunk(Portion))
                {
                    await _sink.Found(some).ConfigureAwait(false);
                }
            }
        }
        finally
        {
            _sync.Release();
        }
    }

    private async Task<IReadOnlyList<LanInterface>> ScanAsync(ILocalNetwork network)
    {
        IReadOnlyList<LanInterface> now = network.Scan();
        if (!IsSame(_near, now))
        {
            await _sink.Interfaces(now, Settings.OwnPorts).ConfigureAwait(false);
        }

        return now;
    }

    private void TellTroubles(ILocalNetwork network, TimeSpan running)
    {
        // Of a family that cannot be used at all it was said once, and not for each interface.
        HashSet<string> without = [.. network.Faults.Select(static f => f.Family)];
        MdnsTrouble[] now = [.. MdnsTrouble.Of(network.Interfaces, running, OperatingSystem.IsMacOS()).Where(t => t.Kind != MdnsTroubleKind.Join || !without.Contains(t.Family))];
        foreach ((string, string, MdnsTroubleKind) gone in _told.Where(t => t.Key.Item1.Length > 0 && _time.GetElapsedTime(t.Value) >= TellAgain).Select(static t => t.Key).ToArray())
        {
            _told.Remove(gone);
        }

        foreach (MdnsTrouble trouble in now)
        {
            if (!_told.ContainsKey((trouble.Interface, trouble.Family, trouble.Kind)))
            {
                _logger.MdnsTrouble(trouble.Interface, trouble.Family, trouble.Text);
            }

            _told[(trouble.Interface, trouble.Family, trouble.Kind)] = _time.GetTimestamp();
        }
    }

    private async Task ForgetAsync()
    {
        _found.Clear();
        (_count, _near) = (0, []);
        try
        {
            await _sink.Ended().ConfigureAwait(false);
        }
        catch (MesharaException e) when (e.Code == MesharaErrorCode.NodeStopped)
        {
            // It has forgotten all already.
        }
    }

    // Now: a family that could not be opened at the start may come up later.
    private static string? NoFamily(ILocalNetwork? network) =>
        network?.Faults is { Count: 2 } faults ? string.Join(" ", faults.Select(static f => $"{f.Family}: {f.Why}")) : null;

    private static bool IsSame(IReadOnlyList<LanInterface> a, IReadOnlyList<LanInterface> b) => a.Count == b.Count
        && a.Zip(b).All(p => p.First.Index == p.Second.Index && p.First.Scope == p.Second.Scope
            && p.First.Addresses.SequenceEqual(p.Second.Addresses) && p.First.Networks.SequenceEqual(p.Second.Networks));
}
