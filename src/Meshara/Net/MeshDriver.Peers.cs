using Meshara.Core;
using Meshara.Core.Policy;

namespace Meshara.Net;

// What is learned of peers, kept, and shown.
internal sealed partial class MeshDriver
{
    private static readonly TimeSpan LanesEvery = TimeSpan.FromSeconds(5);

    private readonly LastRefusals _lastRefusals = new();
    private bool _lanesChanged;
    private TimeSpan _lanesAt;

    /// <summary>What the operator named is known: from now on the node dials on its own account too.</summary>
    public Task BeginAsync() => AskAsync(() =>
    {
        RefreshLanes(force: true);
        _mesh.HandleReady(Now);
    });

    /// <summary>Somebody named an address. Does not wait.</summary>
    public Task LearnAsync(PeerAddress address, AddressSource source) => AskAsync(() => _mesh.HandleLearned(address, source, from: null, Now));

    /// <summary>How many peers there are, by kind.</summary>
    public Task<PeerCounts> CountAsync() => AskAsync(() =>
    {
        MeshCounts counts = _mesh.Counts;
        AddressCounts addresses = _mesh.AddressCounts;
        return new PeerCounts
        {
            Target = _node.Options.Discovery.TargetPeers,
            Max = _node.Options.Discovery.MaxPeers,
            Static = counts.Static,
            Inbound = counts.Inbound,
            Outbound = counts.Outbound,
            Passing = counts.Passing + counts.Feelers,
            ProvenAddresses = addresses.Proven,
            UnprovenAddresses = addresses.Unproven,
            Banned = _mesh.BannedAt(Now).Count(),
        };
    });

    /// <summary>What is known of a peer; null: nothing.</summary>
    public Task<PeerExplanation?> ExplainAsync(NodeId id) => AskAsync(() => Explain(id));

    /// <summary>Where an id is announced in the local network.</summary>
    public Task<IReadOnlyList<PeerAddress>> FindNearbyAsync(NodeId id) => AskAsync(() => _mesh.NearbyAddressesOf(id));

    /// <summary>Who is banned.</summary>
    public Task<IReadOnlyList<PeerExplanation>> ListBannedAsync() => AskAsync<IReadOnlyList<PeerExplanation>>(() => [.. _mesh.BannedAt(Now).Select(Explain).OfType<PeerExplanation>()]);

    /// <summary>Nothing is held against this id any more.</summary>
    public Task<bool> ForgiveAsync(NodeId id) => AskAsync(() => _mesh.HandleForgive(id, Now));

    /// <summary>Known ids that begin so.</summary>
    public Task<IReadOnlyList<NodeId>> FindAsync(string prefix, int most) => AskAsync<IReadOnlyList<NodeId>>(() =>
        [.. _ledger.Ids.Concat(_mesh.RememberedIds).Concat(_lastRefusals.Ids).Concat(_mesh.NearbyIds).Where(id => id.ToString().StartsWith(prefix, StringComparison.OrdinalIgnoreCase)).Distinct().Order().Take(most)]);

    private PeerExplanation? Explain(NodeId id)
    {
        LiveLink? live = _live.Find(id);

        // The store keeps what speaks against an address; people ask how often it was dialled in vain.
        PeerSnapshot snapshot = _mesh.Snapshot(id, Now);
        snapshot = snapshot with { Addresses = [.. snapshot.Addresses.Select(a => a with { Failures = a.FailedDials })] };
        PeerRefused? refusal = _lastRefusals.Of(id);
        PeerRecord? record = _ledger.RecordOf(id, snapshot, live?.Describe())
            ?? (refusal is null ? null : new PeerRecord { Id = id, Alias = _node.AliasOf(id), FirstSeen = refusal.Time, LastSeen = refusal.Time });
        return record is null ? null : new PeerExplanation
        {
            Id = id,
            Alias = record.Alias,
            Class = _mesh.IsStatic(id) ? PeerClass.Static : PeerClass.Mesh,
            IsConnected = live is not null,
            Reputation = _mesh.ReputationOf(id, Now),
            BannedUntil = _mesh.BanOf(id, Now) is { } until ? _node.Clock.UtcNow + (until - Now) : null,
            BanCount = record.BanCount,
            History = record.History,
            Addresses = record.Addresses,
            LastRefusal = refusal,
            FirstSeen = record.FirstSeen,
            LastSeen = record.LastSeen,
            BytesSent = record.BytesSent,
            BytesReceived = record.BytesReceived,
        };
    }

    private Task<IReadOnlyList<PeerRecord>> RecordsOfAsync(IReadOnlyList<NodeId> ids) => AskAsync<IReadOnlyList<PeerRecord>>(() =>
        [.. ids.Select(id => _ledger.RecordOf(id, _mesh.Snapshot(id, Now), _live.Find(id)?.Describe())).OfType<PeerRecord>()]);

    // Who was reached, or named by the operator, goes by a lane of its own. Not for each change of thousands.
    private void RefreshLanes(bool force = false)
    {
        if (force || (_lanesChanged && Now - _lanesAt >= LanesEvery))
        {
            (_lanesChanged, _lanesAt) = (false, Now);
            _door.Lanes = LaneAddresses.Of(_mesh.PinnedHosts(), _mesh.ProvenHosts());
        }
    }

    private void LinkEnded(PeerConnection connection)
    {
        NodeId id = connection.Link!.PeerId;
        _ledger.Down(id, connection.Link.Describe(pinned: false, reputation: 0));
        _keeper?.Changed(id);
    }

    // The mesh says nothing of probes; those who watch its connections are told all the same.
    private void ProbeEnded(PeerConnection connection, DisconnectReason reason)
    {
        if (connection.IsOpenProbe)
        {
            connection.IsOpenProbe = false;
            _node.Options.Seams?.Observer?.LinkDown(connection.Id, connection.RemoteKey.Id, reason);
        }
    }

    private void ShowReputation(NodeId id)
    {
        if (_live.Find(id) is { } live)
        {
            live.Reputation = _mesh.ReputationOf(id, Now);
        }
    }
}
