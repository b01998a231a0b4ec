using System.Collections.Immutable;
using Meshara.Discovery;
using Meshara.Security;

namespace Meshara;

// Files and lists that name peers.
public sealed partial class Node
{
    private volatile StaticPeersSource? _staticPeers;
    private ImmutableArray<(Uri List, ListSource Source)> _lists = [];

    // One change of them at a time, and none after the stop.
    private readonly SemaphoreSlim _sources = new(1);
    private bool _sourcesStopped;

    /// <summary>The static peers file and the lists over HTTPS that this node uses, and how they fare.</summary>
    public IReadOnlyList<PeerSource> ListSources()
    {
        StaticPeersSource? file = _staticPeers;
        return [.. file is null ? [] : new[] { file.State }, .. _lists.Select(l => l.Source.State)];
    }

    // A peer that the static peers file names is at another address, by its own record and by a handshake there. Called in the driver's loop.
    private void OnPeerMoved(NodeId id, PeerAddress old, PeerAddress proven) => _staticPeers?.Moved(id, old, proven);

    private static string? StaticPeersFileOf(DiscoveryOptions discovery) => discovery.EnabledMethods.HasFlag(DiscoveryMethods.StaticFile) ? discovery.StaticPeersFile : null;

    private static IEnumerable<Uri> ListsOf(DiscoveryOptions discovery) =>
        discovery.EnabledMethods.HasFlag(DiscoveryMethods.Bootstrap) ? discovery.BootstrapLists.DistinctBy(l => l.AbsoluteUri) : [];

    /// <summary>Reads the static peers file anew if it is another one than so far, and names its peers; begins and ends lists.</summary>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.StaticPeersFile"/>: nothing has changed. <see cref="MesharaErrorCode.NodeStopped"/>.</exception>
    private async Task ApplySourcesAsync(DiscoveryOptions discovery)
    {
        await _sources.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_sourcesStopped)
            {
                throw new MesharaException(MesharaErrorCode.NodeStopped, "The node has been stopped.");
            }

            await ChangeSourcesAsync(discovery).ConfigureAwait(false);
        }
        finally
        {
            _sources.Release();
        }
    }

    private async Task ChangeSourcesAsync(DiscoveryOptions discovery)
    {
        string? path = StaticPeersFileOf(discovery) is { } given ? Path.GetFullPath(given) : null;
        if (path is not null && path == _staticPeers?.State.Location)
        {
            _staticPeers.Update = discovery.UpdateStaticPeersFile;
        }
        else if (path is not null || _staticPeers is not null)
        {
            await ChangeFileAsync(path, discovery.UpdateStaticPeersFile).ConfigureAwait(false);
        }

        await ChangeListsAsync([.. ListsOf(discovery)]).ConfigureAwait(false);
        await ChangeMdnsAsync(discovery).ConfigureAwait(false);
    }

    private async Task ChangeFileAsync(string? path, bool update)
    {
        StaticPeersSource? next = null;
        if (path is not null)
        {
            next = new StaticPeersSource(path, update, _options.TimeProvider, _logger, _driver.NameAsync, _options.Seams?.WatchFiles ?? true);
            next.Load();
        }

        StaticPeersSource? last = _staticPeers;
        if (last is not null)
        {
            await last.DisposeAsync().ConfigureAwait(false);
        }

        _staticPeers = next;
        await _driver.NameAsync(next?.Addresses ?? []).ConfigureAwait(false);
        foreach (PeerAddress address in next?.Addresses ?? [])
        {
            if (_live.Aliases.TryGetValue(address.Id!.Value, out NodeId current))
            {
                _logger.ConfiguredIdIsOld(address, current);
            }
        }

        next?.Start();
    }

    private async Task ChangeListsAsync(Uri[] lists)
    {
        foreach ((Uri list, ListSource source) in _lists.Where(l => !lists.Contains(l.List)).ToArray())
        {
            _lists = _lists.Remove((list, source));
            await source.DisposeAsync().ConfigureAwait(false);
        }

        foreach (Uri list in lists.Where(l => !_lists.Any(known => known.List == l)))
        {
            ListSource source = new(
                list, _directory?.Path, _options.ListHandler?.Invoke() ?? ListFetch.NewHandler(), _options.TimeProvider, _options.Seed ?? Nonces.NewSeed(), _logger, _driver.BootstrapAsync);
            _lists = _lists.Add((list, source));
            source.Start();
        }
    }

    private async Task StopSourcesAsync()
    {
        await _sources.WaitAsync().ConfigureAwait(false);
        try
        {
            _sourcesStopped = true;
            if (_staticPeers is { } file)
            {
                await file.DisposeAsync().ConfigureAwait(false);
            }

            foreach ((_, ListSource source) in _lists)
            {
                await source.DisposeAsync().ConfigureAwait(false);
            }

            if (_mdns is { } mdns)
            {
                await mdns.DisposeAsync().ConfigureAwait(false);
            }
        }
        finally
        {
            _sources.Release();
        }
    }
}
