using Meshara.Core.Policy;
using Meshara.Wire;

namespace Meshara.Core;

// What peers' conduct is worth, and what follows from it.
internal sealed partial class Mesh
{
    private readonly ReputationBook _book;
    private readonly OwnFault _ownFault = new();

    public double ReputationOf(NodeId id, TimeSpan now) => _book.ValueOf(id, now);

    /// <summary>The end of a ban; null: not banned, or static.</summary>
    public TimeSpan? BanOf(NodeId id, TimeSpan now) => IsStatic(id) ? null : _book.BanUntil(id, now);

    /// <summary>What is stored and shown of a peer.</summary>
    public PeerSnapshot Snapshot(NodeId id, TimeSpan now) => new(_book.Snapshot(id, now), [.. _table.Snapshot(id)]);

    /// <summary>Who is banned now, static peers not among them.</summary>
    public IEnumerable<NodeId> BannedAt(TimeSpan now) => _book.Ids.Where(id => BanOf(id, now) is not null);

    /// <summary>Of whom <see cref="Snapshot"/> has something.</summary>
    public IEnumerable<NodeId> RememberedIds => _book.Ids.Concat(_table.Snapshot().Select(a => a.Address.Id).OfType<NodeId>());

    /// <summary>The operator's word: nothing is held against this id any more. False: nothing was.</summary>
    public bool HandleForgive(NodeId id, TimeSpan now)
    {
        bool held = _book.Snapshot(id, now) is not null;
        _book.Forget(id);
        Emit(new MeshAction.Keep(id));
        Touch();
        Manage(now);
        return held;
    }

    /// <summary>A peer stays over a limit of frames although its link is read slowly.</summary>
    /// <param name="connectionId">The link.</param>
    /// <param name="what">What it sent, with the limit and its value.</param>
    /// <param name="now">The time.</param>
    public void HandleOverLimit(long connectionId, string what, TimeSpan now)
    {
        if (_connections.TryGetValue(connectionId, out MeshConnection? link) && link.Phase == ConnectionPhase.Live)
        {
            Score(link.Peer!.Id, ReputationCause.Rate, link, now, $": it sent {what}");
            Manage(now);
        }
    }

    private void Score(NodeId id, ReputationCause cause, MeshConnection? connection, TimeSpan now, string why = "")
    {
        AddressKey? from = connection?.Host is { } host && !_groups.IsTrusted(host) ? AddressGroups.KeysOf(host).Address : null;
        TimeSpan? bannedBefore = BanOf(id, now);
        Conduct conduct = _book.Add(id, cause, from, now);
        if (bannedBefore is null && BanOf(id, now) is { } until)
        {
            Emit(new MeshAction.Banned(id, cause, until, _book.Snapshot(id, now)!.BanCount));
        }

        if (cause != ReputationCause.UsefulExchange)
        {
            Emit(new MeshAction.Keep(id));
            Touch();
        }

        if (conduct == Conduct.Fine || IsStatic(id) || !_peers.TryGetValue(id, out PeerEntry? peer))
        {
            return;
        }

        foreach (MeshConnection newcomer in peer.Newcomers.ToArray())
        {
            TurnAway(newcomer, RefuseCode.Banned, GoodbyeCode.Evicted, "its conduct was too bad", now);
        }

        if (peer.Link is { } link)
        {
            Close(link, DisconnectReason.Misbehaved, (conduct == Conduct.Ban ? "banned for its conduct" : "its conduct was too bad") + why, now);
        }
    }

    // The link has ended, and not by anybody's word.
    private void ScoreLoss(MeshConnection link, DisconnectReason reason, TimeSpan now)
    {
        bool isTimeout = reason is DisconnectReason.PingTimeout or DisconnectReason.WriteTimeout or DisconnectReason.FrameTimeout;
        if (link.LostToChange || link.Probe || (!isTimeout && reason != DisconnectReason.ConnectionLost))
        {
            return;
        }

        if (_ownFault.Lost(link.Peer!.Id, [.. _peers.Values.Where(p => p.Link is not null && p != link.Peer).Select(p => p.Id)], now))
        {
            _book.GiveBackTimeouts(now);
        }
        else if (isTimeout && !_ownFault.Holds(now))
        {
            Score(link.Peer.Id, ReputationCause.Timeout, link, now);
        }
    }

    private void CountUseful(MeshConnection link, long useful, TimeSpan now)
    {
        if (useful > link.UsefulSeen)
        {
            link.UsefulSeen = useful;
            link.LastUseful = now;
            Score(link.Peer!.Id, ReputationCause.UsefulExchange, link, now);
        }
    }
}

/// <summary>What is stored and shown of a peer; times are on the clock of <see cref="Mesh"/>.</summary>
/// <param name="Conduct">Null: nothing is held for or against it.</param>
/// <param name="Addresses">Those in the table.</param>
internal sealed record PeerSnapshot(ReputationRecord? Conduct, IReadOnlyList<AddressRecord> Addresses);
