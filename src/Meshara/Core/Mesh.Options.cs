namespace Meshara.Core;

// What the operator changes while the node runs. No link ends by it, but of those who may not be here any more.
internal sealed partial class Mesh
{
    /// <summary>Other options from now on, checked already.</summary>
    public void HandleOptions(NodeOptions options, TimeSpan now)
    {
        MeshConfig before = _config;
        _config = before.With(options);
        _book.Options = _config.Reputation;
        _table.LongestBackoff = _config.MaxCandidateBackoff;
        _table.MaxRegulars = Policy.ConnectionPlan.Regulars(_config.TargetPeers);
        Tolerate();
        foreach (PeerAddress gone in before.BootstrapNodes.Except(_config.BootstrapNodes))
        {
            _table.Remove(gone);
        }

        foreach (PeerAddress added in _config.BootstrapNodes.Except(before.BootstrapNodes))
        {
            Learn(added, AddressSource.Bootstrap, from: null, now);
        }

        ShortenPauses(before, now);
        if (_config.Exchanges != before.Exchanges)
        {
            ExchangeFromNowOn(now);
        }

        Touch();
        Manage(now);
    }

    /// <summary>The options name this address no longer: it is dialled no more, and its peer is what it would be without.</summary>
    /// <param name="address">As it was wanted.</param>
    /// <param name="isPinned">Its peer stays known.</param>
    /// <param name="now">The time.</param>
    public void HandleUnwanted(PeerAddress address, bool isPinned, TimeSpan now)
    {
        PeerAddress meant = address with { Id = address.Id is { } named ? CurrentOf(named) : null };
        if (_targets.TryGetValue(meant.ToString(), out DialTarget? target))
        {
            (target.Wanted, target.KeepForever) = (false, false);
            if (target is { Wanted: false, Adds.Count: 0 })
            {
                // A link that it led to stays.
                RemoveTarget(target);
            }
        }

        if (meant.Id is { } id)
        {
            if (!isPinned && _peers.TryGetValue(id, out PeerEntry? peer))
            {
                peer.Known = false;
            }

            if (!IsKnown(id))
            {
                Learn(meant, AddressSource.Manual, from: null, now);
                Unname(id, "the options", now);
            }

            Wake(id, now);
        }

        Tolerate();
        Touch();
        Manage(now);
    }

    // All who are here now may stay, however many.
    private void Tolerate() => _tolerated = Math.Max(_tolerated, Counts.Mesh);

    private void ExchangeFromNowOn(TimeSpan now)
    {
        foreach (MeshConnection link in _connections.Values.Where(c => c is { Phase: ConnectionPhase.Live, Probe: false }).ToArray())
        {
            link.AskDue = null;
            PlanAsk(link, now);
        }

        AskThoseDue(now);
    }

    private void ShortenPauses(MeshConfig before, TimeSpan now)
    {
        if (_nextFeeler > now + _config.FeelerInterval)
        {
            _nextFeeler = now + _config.FeelerInterval;
        }

        if (_config.MaxCandidateBackoff < before.MaxCandidateBackoff)
        {
            _table.ResetBackoff(now);
        }

        foreach (DialTarget target in _targets.Values.Where(t => t.State == TargetState.Waiting && _deadlines.Of(t.Key) > now + Timeouts.MaxBackoff))
        {
            DialAt(target, now + Policy.Backoff.Slow(Timeouts.MaxBackoff, _config.Random.NextDouble()));
        }
    }
}
