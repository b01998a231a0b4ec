using Meshara.Core;
using Meshara.Core.Policy;

namespace Meshara.Net;

/// <summary>What is kept of peers beyond what the mesh decides by: when they were seen, their keys, their traffic. Used by the driver's loop alone.</summary>
/// <remarks>Also the one place where the store's wall times become times of the mesh's clock and back.</remarks>
internal sealed class PeerLedger
{
    // What a clock without a battery says after a start; no age follows from it.
    private static readonly DateTimeOffset ClockWasSet = new(2025, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly NodeClock _clock;
    private readonly Func<NodeId, string?> _aliasOf;
    private readonly Dictionary<NodeId, Kept> _kept = [];

    /// <summary>Takes over what the last run kept.</summary>
    /// <param name="clock">The node's.</param>
    /// <param name="aliasOf">What the operator calls a peer.</param>
    /// <param name="content">What was loaded.</param>
    public PeerLedger(NodeClock clock, Func<NodeId, string?> aliasOf, PeerStoreContent content)
    {
        _clock = clock;
        _aliasOf = aliasOf;
        foreach (PeerRecord r in content.Peers.Take(PeerStoreContent.MaxPeers))
        {
            _kept[r.Id] = new Kept(r.PublicKey, r.FirstSeen, r.LastSeen, r.BytesSent, r.BytesReceived);
        }
    }

    /// <summary>Who has had a link.</summary>
    public IEnumerable<NodeId> Ids => _kept.Keys;

    /// <summary>What the mesh begins with.</summary>
    public StoredMesh ForMesh(PeerStoreContent content) => new()
    {
        Addresses = [.. content.Peers.SelectMany(p => p.Addresses.Select(a => AddressOf(p, a)))],
        Conduct = [.. content.Peers.Where(p => p.Reputation != 0 || p.BanUntil is not null || p.History.Count > 0).Select(ConductOf)],
        Anchors = content.Anchors,
    };

    /// <summary>A link of the peer came to life.</summary>
    /// <returns>When the peer was first seen.</returns>
    public DateTimeOffset Up(NodeId id, PublicKey key)
    {
        DateTimeOffset now = _clock.UtcNow;
        Kept kept = _kept.GetValueOrDefault(id) ?? new Kept(key, now, now, 0, 0);
        if (!_kept.ContainsKey(id) && _kept.Count >= PeerStoreContent.MaxPeers)
        {
            _kept.Remove(_kept.MinBy(k => k.Value.LastSeen).Key);
        }

        _kept[id] = kept with { Key = key, LastSeen = now };
        return kept.FirstSeen;
    }

    /// <summary>A link of the peer has ended, after so much traffic.</summary>
    public void Down(NodeId id, PeerInfo link)
    {
        if (_kept.TryGetValue(id, out Kept? kept))
        {
            _kept[id] = kept with { LastSeen = link.LastSeen, BytesSent = kept.BytesSent + link.BytesSent, BytesReceived = kept.BytesReceived + link.BytesReceived };
        }
    }

    /// <summary>The record to be stored or shown; null: nothing is known of this id.</summary>
    /// <param name="id">Whose.</param>
    /// <param name="snapshot">What the mesh knows.</param>
    /// <param name="live">Its link now; null: none.</param>
    public PeerRecord? RecordOf(NodeId id, PeerSnapshot snapshot, PeerInfo? live)
    {
        Kept? kept = _kept.GetValueOrDefault(id);
        if (kept is null && snapshot is { Conduct: null, Addresses.Count: 0 })
        {
            return null;
        }

        ReputationRecord? conduct = snapshot.Conduct;
        DateTimeOffset now = _clock.UtcNow;
        return new PeerRecord
        {
            Id = id,
            PublicKey = live?.PublicKey ?? kept?.Key,
            Addresses = [.. snapshot.Addresses.Select(StoredOf)],
            FirstSeen = kept?.FirstSeen ?? Earliest(snapshot.Addresses.Select(a => ToWall(a.FirstSeen)).Append(now)),
            LastSeen = live?.LastSeen ?? Latest(snapshot.Addresses.Select(a => ToWall(a.LastSuccess ?? a.FirstSeen)).Append(kept?.LastSeen ?? DateTimeOffset.UnixEpoch)),
            Reputation = conduct?.Value ?? 0,
            ReputationAt = conduct is null ? DateTimeOffset.UnixEpoch : ToWall(conduct.ValueAt),
            BanUntil = conduct?.BanUntil is { } until ? ToWall(until) : null,
            BanCount = conduct?.BanCount ?? 0,
            Alias = _aliasOf(id),
            BytesSent = (kept?.BytesSent ?? 0) + (live?.BytesSent ?? 0),
            BytesReceived = (kept?.BytesReceived ?? 0) + (live?.BytesReceived ?? 0),
            History = [.. conduct?.History.Select(h => new ReputationEvent { Time = ToWall(h.At), Cause = h.Cause, Delta = h.Delta, Value = h.Value, Count = h.Count }) ?? []],
        };
    }

    private AddressRecord AddressOf(PeerRecord peer, StoredAddress a) =>
        new(new PeerAddress(a.Host, a.Port, peer.Id), a.Source, AddressKey.TryParse(a.SourceGroup) ?? AddressKey.Name(a.SourceGroup))
        {
            FirstSeen = ToPast(a.FirstSeen),
            LastSeen = ToPast(peer.LastSeen),
            LastTried = a.LastTried is { } tried ? ToPast(tried) : null,
            LastSuccess = a.LastSuccess is { } success ? ToPast(success) : null,
            Failures = a.Failures,
        };

    private ReputationRecord ConductOf(PeerRecord p) => new(p.Id)
    {
        Value = p.Reputation,
        ValueAt = ToPast(p.ReputationAt),
        BanUntil = p.BanUntil is { } until ? ToClock(until) : null,
        BanCount = p.BanCount,
        History = [.. p.History.Select(h => new ReputationLine(ToPast(h.Time), h.Cause, h.Delta, h.Value, h.Count))],
    };

    private StoredAddress StoredOf(AddressRecord a) => new(a.Address.Host, a.Address.Port)
    {
        Source = a.Source,
        SourceGroup = a.SourceGroup.ToString(),
        FirstSeen = ToWall(a.FirstSeen),
        LastTried = a.LastTried is { } tried ? ToWall(tried) : null,
        LastSuccess = a.LastSuccess is { } success ? ToWall(success) : null,
        Failures = a.Failures,
    };

    private TimeSpan ToPast(DateTimeOffset wall)
    {
        TimeSpan time = wall < ClockWasSet ? _clock.Now : ToClock(wall);
        return time > _clock.Now ? _clock.Now : time;
    }

    private TimeSpan ToClock(DateTimeOffset wall) => _clock.Now + (wall - _clock.UtcNow);

    private DateTimeOffset ToWall(TimeSpan time) => _clock.UtcNow + (time - _clock.Now);

    private static DateTimeOffset Earliest(IEnumerable<DateTimeOffset> times) => times.Min();

    private static DateTimeOffset Latest(IEnumerable<DateTimeOffset> times) => times.Max();

    private sealed record Kept(PublicKey? Key, DateTimeOffset FirstSeen, DateTimeOffset LastSeen, long BytesSent, long BytesReceived);
}
