using Meshara.Configuration;
using Meshara.Net;

namespace Meshara;

// Options that change while the node runs.
public sealed partial class Node
{
    // Peers by name in one sentence.
    private const int MostNoted = 3;

    /// <summary>The options that hold: those of the start, with what <see cref="ReconfigureAsync"/> has changed since.</summary>
    public NodeOptions Options => _options;

    /// <summary>Changes the options of the running node, as far as that can be done without closing links.</summary>
    /// <remarks>
    /// <para>It changes what is in <see cref="NodeOptions.Discovery"/>, <see cref="NodeOptions.Reputation"/>, <see cref="NodeOptions.Accept"/>, <see cref="NodeOptions.Limits"/>,
    /// <see cref="NodeOptions.Timeouts"/>, <see cref="NodeOptions.Peers"/>, <see cref="NodeOptions.AdvertisedAddresses"/> and <see cref="NodeOptions.Agent"/>. The others are refused, each with its reason;
    /// those that can be changed are changed all the same. <see cref="NodeOptions.OnStarting"/> is not looked at.</para>
    /// <para>No link is closed for a limit: <see cref="LinkLimits"/> and what HELLO tells hold for links from then on. With fewer <see cref="DiscoveryOptions.MaxPeers"/> than there are, all
    /// stay, and nobody new is let in until there are fewer. Whoever is named by nothing any more (<see cref="NodeOptions.Peers"/>, the static peers file, a pin) is a peer like others; only under
    /// <see cref="Admission.KnownPeers"/>, where it may not be here, its link ends. What was pinned on first use stays pinned. A bootstrap that is taken out is forgotten, its link stays.</para>
    /// </remarks>
    /// <param name="options">All of them; take <c>with</c>.</param>
    /// <param name="cancellationToken">Gives up as long as it has not begun.</param>
    /// <returns>Every option that is another one, in a fixed order; empty: none is.</returns>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.InvalidOption"/>: one is out of range, alone or beside one that was refused, and nothing has changed.
    /// <see cref="MesharaErrorCode.NodeStopped"/>.</exception>
    public Task<IReadOnlyList<OptionChange>> ReconfigureAsync(NodeOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        OptionsCheck.Check(options);
        return _pins.DoAsync(() => ChangeAsync(options), cancellationToken);
    }

    // One change at a time, and none while known_peers changes.
    private async Task<IReadOnlyList<OptionChange>> ChangeAsync(NodeOptions wanted)
    {
        NodeOptions before = _options;
        NodeOptions after = before;
        List<OptionChange> changes = [];
        foreach (OptionEntry entry in OptionTable.All.Where(entry => !entry.IsSame(before, wanted)))
        {
            after = entry.Fixed is null ? entry.Copy(wanted, after) : after;
            changes.Add(new OptionChange(entry.Name, entry.Show(before), entry.Show(wanted), entry.Fixed is null, entry.Fixed));
        }

        if (after == before)
        {
            return changes;
        }

        OptionsCheck.Check(after);
        after = await WithSourcesAsync(before, after, changes).ConfigureAwait(false);
        _options = after;
        FindAddresses();
        await _driver.ReconfigureAsync(after).ConfigureAwait(false);
        await ChangePeersAsync(PeersOf(before), PeersOf(after)).ConfigureAwait(false);
        NoteWhoStays(before, after, changes);
        foreach (OptionChange change in changes)
        {
            _logger.OptionChanged(change.Option, change.Before, change.After, change.Reason ?? (change.Note is { } note ? $"applied; {note}" : "applied"));
        }

        return changes;
    }

    // A static peers file that is wrong is refused; the others are not kept waiting for it.
    private async Task<NodeOptions> WithSourcesAsync(NodeOptions before, NodeOptions after, List<OptionChange> changes)
    {
        const string file = $"{nameof(NodeOptions.Discovery)}.{nameof(DiscoveryOptions.StaticPeersFile)}";
        try
        {
            await ApplySourcesAsync(after.Discovery).ConfigureAwait(false);
        }
        catch (MesharaException e) when (e.Code == MesharaErrorCode.StaticPeersFile && changes.FindIndex(c => c.Option == file) is >= 0 and var index)
        {
            changes[index] = changes[index] with { IsApplied = false, Reason = e.Message };
            after = after with { Discovery = after.Discovery with { StaticPeersFile = before.Discovery.StaticPeersFile } };
            await ApplySourcesAsync(after.Discovery).ConfigureAwait(false);
        }

        if (_state != NodeState.Running)
        {
            // It began to stop meanwhile, and may have stopped those before.
            await StopSourcesAsync().ConfigureAwait(false);
        }

        return after;
    }

    private async Task ChangePeersAsync(IReadOnlyList<PeerAddress> before, IReadOnlyList<PeerAddress> after)
    {
        foreach (PeerAddress gone in before.Except(after).Select(WithPin))
        {
            bool isStored = _known.All.Any(p => p.Addresses.Contains(gone));
            if (!isStored)
            {
                await _driver.UnwantAsync(gone, isPinned: gone.Id is { } id && _known.Find(id) is not null).ConfigureAwait(false);
            }
        }

        foreach (PeerAddress added in after.Except(before).Select(WithPin))
        {
            await _driver.WantAsync(added).ConfigureAwait(false);
        }
    }

    // Who takes a peer out of the file thinks that it is out: a pin says otherwise.
    private void NoteWhoStays(NodeOptions before, NodeOptions after, List<OptionChange> changes)
    {
        string[] why = [nameof(NodeOptions.Peers), $"{nameof(NodeOptions.Discovery)}.{nameof(DiscoveryOptions.EnabledMethods)}"];
        HashSet<NodeId?> named = [.. PeersOf(after).Select(a => WithPin(a).Id)];
        string[] pinned =
        [
            .. PeersOf(before).Except(PeersOf(after)).Select(a => WithPin(a).Id).Distinct().Where(id => !named.Contains(id))
                .Select(id => id is { } gone ? _known.Find(gone)?.Id : null).OfType<NodeId>().Select(id => id.ToShortString()),
        ];
        int index = changes.FindIndex(c => c.IsApplied && why.Contains(c.Option));
        if (pinned.Length == 0 || index < 0)
        {
            return;
        }

        string who = string.Join(", ", pinned.Take(MostNoted)) + (pinned.Length > MostNoted ? $" and {pinned.Length - MostNoted} more" : "");
        changes[index] = changes[index] with
        {
            Note = $"{who} {(pinned.Length == 1 ? "is" : "are")} pinned in known_peers and so named still, with the addresses there; to end that: meshara trust forget {(pinned.Length == 1 ? pinned[0] : "ID")}",
        };
    }

    private static IReadOnlyList<PeerAddress> PeersOf(NodeOptions options) =>
        options.Discovery.EnabledMethods.HasFlag(DiscoveryMethods.Manual) ? options.Peers : [];
}
