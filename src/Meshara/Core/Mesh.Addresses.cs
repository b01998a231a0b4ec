using System.Net;
using Meshara.Core.Policy;

namespace Meshara.Core;

// What is known of other nodes' addresses, and where from.
internal sealed partial class Mesh
{
    /// <summary>What the last run kept, and where to begin. Comes before any other event.</summary>
    public void HandleStart(StoredMesh stored, TimeSpan now)
    {
        foreach (ReputationRecord record in stored.Conduct)
        {
            _book.Restore(record, now);
        }

        if (!IsManaged)
        {
            return;
        }

        _table.Restore(stored.Addresses, now);
        foreach (PeerAddress address in _config.BootstrapNodes)
        {
            _table.Add(new AddressCandidate(address, AddressSource.Bootstrap), now);
        }

        _anchors = [.. stored.Anchors.Where(a => a.Id is not null)];
        _anchorsToDial = new Queue<PeerAddress>(_anchors);
        Touch();
    }

    /// <summary>Dials may begin: what the operator named is known.</summary>
    public void HandleReady(TimeSpan now)
    {
        _ready = true;
        Touch();
        Manage(now);
    }

    /// <summary>Somebody named an address.</summary>
    /// <param name="address">Where, and who.</param>
    /// <param name="source">Who named it.</param>
    /// <param name="from">Where its connection comes from; null: this machine.</param>
    /// <param name="now">The time.</param>
    public void HandleLearned(PeerAddress address, AddressSource source, IPAddress? from, TimeSpan now)
    {
        Learn(address, source, from, now);
        Manage(now);
    }

    /// <summary>The interfaces have changed.</summary>
    public void HandleGroups(AddressGroups groups)
    {
        _groups = groups;
        _table.Regroup(groups);
    }

    /// <summary>Where static peers are: their configured hosts, and those of their links.</summary>
    public IEnumerable<string> PinnedHosts() => _targets.Values.Where(t => t.Wanted).Select(t => t.Address.Host)
        .Concat(_peers.Values.Where(p => p is { Known: true, Link: not null }).Select(p => p.Link!.Host?.ToString()).OfType<string>());

    /// <summary>Where a peer was reached before.</summary>
    public IEnumerable<string> ProvenHosts() => _table.Snapshot().Where(a => a.LastSuccess is not null).Select(a => a.Address.Host);

    private void Learn(PeerAddress address, AddressSource source, IPAddress? from, TimeSpan now)
    {
        if (!IsManaged || (address.Id is { } id && (id == _config.Self || IsKnown(id))))
        {
            return;
        }

        PeerAddress current = address with { Id = address.Id is { } named ? CurrentOf(named) : null };
        if (_table.Add(new AddressCandidate(current, source, from), now) == AddOutcome.Added)
        {
            Touch();
            if (current.Id is { } added)
            {
                Emit(new MeshAction.Keep(added));
            }
        }
    }

    // Where an inbound peer says that it listens, on the host that it came from.
    private void LearnBack(MeshConnection connection, TimeSpan now)
    {
        if (connection is { Inbound: true, Back: { } back } && !IsStatic(connection.Peer!))
        {
            Learn(back, AddressSource.Hello, connection.Host, now);
        }
    }

    // The operator named it: it is dialled for ever from now on, wherever it is known to be, and its conduct has no consequence.
    private void BecameStatic(NodeId id, TimeSpan now)
    {
        _lan.Unhold(id);
        foreach (PeerAddress address in _table.Of(id).Select(e => e.Address))
        {
            DialTarget target = Target(address);
            if (target is { Wanted: true } or { State: not TargetState.Idle } or { Connection: not null })
            {
                target.IsLearned |= !target.Wanted;
                target.Wanted = true;
                continue;
            }

            target.Wanted = target.IsLearned = true;
            GiveUpCandidatesFor(address, now);
            if (LiveEntry(id) is null)
            {
                DialAt(target, now + Backoff.AfterLoss(_config.Random.NextDouble()));
            }
        }

        if (_config.Admission != AdmissionMode.KnownPeers)
        {
            Emit(new MeshAction.Keep(id));
        }

        Touch();
    }
}

/// <summary>What the last run kept, on the clock of <see cref="Mesh"/>.</summary>
internal sealed record StoredMesh
{
    public static StoredMesh Empty { get; } = new();

    public IReadOnlyList<AddressRecord> Addresses { get; init; } = [];

    public IReadOnlyList<ReputationRecord> Conduct { get; init; } = [];

    public IReadOnlyList<PeerAddress> Anchors { get; init; } = [];
}
