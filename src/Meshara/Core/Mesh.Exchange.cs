using System.Net;
using Meshara.Core.Policy;

namespace Meshara.Core;

// Whom to ask for other peers and when, and what becomes of what nodes say of themselves and of others. Wire protocol sections 11 and 12.
internal sealed partial class Mesh
{
    private const long ExchangeKey = -3;

    // Peers answer once a minute.
    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(65);
    private static readonly TimeSpan AskOftenFor = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan AskEvery = TimeSpan.FromMinutes(30);

    // Each at a moment of its own, three seconds at least after it came, or, if this node has dialled it, when there is nobody left to dial: while a mesh forms
    // they know more by then, and they answer once a minute. Who has dialled this node has most likely just asked others: only while peers or addresses are missing.
    private static readonly TimeSpan AskWithin = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan SpreadEvery = TimeSpan.FromMinutes(1);

    // Who asks all of them in the same moment learns what they know in that moment, and may not ask again for a minute.
    private static readonly TimeSpan AskApart = TimeSpan.FromSeconds(1);

    private TimeSpan? _spreadDue;
    private TimeSpan? _lastAskedFirst;

    /// <summary>Addresses in records that nobody can be at, or that their giver may not name.</summary>
    public long IgnoredAddresses { get; private set; }

    /// <summary>A node's signed word on where it is, verified.</summary>
    /// <param name="id">Whose.</param>
    /// <param name="addresses">With the id; their reach is judged here.</param>
    /// <param name="giver">Who gave it.</param>
    /// <param name="from">Where the giver is; null: not on an IP network.</param>
    /// <param name="now">The time.</param>
    public void HandleRecord(NodeId id, IReadOnlyList<PeerAddress> addresses, NodeId giver, IPAddress? from, TimeSpan now)
    {
        // An older key says nothing of where its successor is.
        if (_stopped || id == _config.Self || CurrentOf(id) != id)
        {
            return;
        }

        if (IsKnown(id))
        {
            ConsiderMove(id, addresses, from, now);
        }
        else if (_config.Exchanges && from is not null)
        {
            foreach (PeerAddress address in addresses)
            {
                if (!IsNumeric(address) || !IsTellable(address, from) || IsOwnAddress(address))
                {
                    IgnoredAddresses++;
                    continue;
                }

                // That it is at this host, it has shown; other hosts are hearsay, or anybody could push aside what others are known by.
                bool isShown = giver == id && AddressGroups.TryParse(address.Host, out IPAddress? host) && host.Equals(from);
                Learn(address, isShown ? AddressSource.Hello : AddressSource.PeerExchange, from, now);
            }
        }

        Manage(now);
    }

    /// <summary>A peer has broken the rules of peer records on a live link.</summary>
    /// <param name="id">Who.</param>
    /// <param name="forged">It passed on what nobody has signed.</param>
    /// <param name="what">For people.</param>
    /// <param name="now">The time.</param>
    public void HandleBadRecord(NodeId id, bool forged, string what, TimeSpan now)
    {
        if (!_peers.TryGetValue(id, out PeerEntry? peer) || peer.Link is not { } link)
        {
            return;
        }

        if (forged)
        {
            Score(id, ReputationCause.ForgedSignature, link, now, $": {what}");
        }

        // A peer that the operator named loses no more than this link.
        if (peer.Link == link)
        {
            Close(link, DisconnectReason.ProtocolError, what, now);
        }

        Manage(now);
    }

    /// <summary>A refusal held what nobody has signed; there is no link to close.</summary>
    public void HandleForgedRefusal(NodeId id, TimeSpan now)
    {
        Score(id, ReputationCause.ForgedSignature, connection: null, now);
        Manage(now);
    }

    private void PlanAsk(MeshConnection link, TimeSpan now)
    {
        if (!_config.Exchanges)
        {
            return;
        }

        // The first two in any case: what it knows may be where a mesh was that has moved.
        link.AskDue = !link.Inbound && ((IsManaged && Counts.Mesh <= 2) || IsNamedMissing())
            ? now
            : now + (AskWithin * (0.3 + (0.7 * _config.Random.NextDouble())));
        _spreadDue ??= now + SpreadEvery;
        if (link.AskDue <= now)
        {
            AskThoseDue(now);
            return;
        }

        // Nobody else's turn has come by it: not all links are looked at for each that comes.
        _deadlines.Set(ExchangeKey, Earliest(_deadlines.Of(ExchangeKey), Earliest(link.AskDue, _spreadDue))!.Value);
    }

    // Somebody is missing, and there is nobody to dial. Who had enough planned its next question for half an hour later.
    private void AskTheRest(TimeSpan now)
    {
        bool any = false;
        foreach (MeshConnection link in _connections.Values.Where(c => c is { Phase: ConnectionPhase.Live, AskDue: not null } && (c.IsAsked || !c.Inbound)))
        {
            TimeSpan? before = link.AskedAt is { } asked ? asked + AskAgainAfter(link, now) : now - link.LiveSince < AskWithin ? _lastAskedFirst + AskApart : null;
            TimeSpan soonest = before is { } due ? Max(now, due) : now;
            if (soonest < link.AskDue)
            {
                _lastAskedFirst = link.AskedAt is null ? soonest : _lastAskedFirst;
                link.AskDue = soonest;
                any = true;
            }
        }

        if (any)
        {
            AskThoseDue(now);
        }
    }

    private void AskThoseDue(TimeSpan now)
    {
        TimeSpan? next = null;
        bool isShort = IsShort(), knowsFew = KnowsFew();
        foreach (MeshConnection link in _connections.Values.Where(c => c is { Phase: ConnectionPhase.Live, AskDue: not null }))
        {
            if (link.AskDue <= now)
            {
                bool isFirstInbound = link.Inbound && now - link.LiveSince < AskEvery / 2;
                if (isShort || knowsFew || (IsManaged && _config.TargetPeers > 0 && !isFirstInbound))
                {
                    Emit(new MeshAction.AskPeers(link.Id));
                    link.AskedAt = now;
                }

                link.IsAsked = true;
                link.AskDue = now + (isShort || knowsFew ? AskAgainAfter(link, now) : AskEvery * (0.75 + (_config.Random.NextDouble() / 2)));
            }

            next = Earliest(next, link.AskDue);
        }

        if (next is null)
        {
            // Nobody is there to be told; whoever comes is told in READY.
            _spreadDue = null;
            _deadlines.Clear(ExchangeKey);
            return;
        }

        if (_spreadDue <= now)
        {
            _spreadDue = now + SpreadEvery;
            Emit(new MeshAction.SpreadRecord());
        }

        _deadlines.Set(ExchangeKey, Earliest(next, _spreadDue)!.Value);
    }

    // Who knows nobody but its peers stands alone when they go, or when all of them move.
    private bool KnowsFew() => IsManaged && _table.Counts is var counts && counts.Proven + counts.Unproven < 2 * _config.TargetPeers;

    // Peers are missing: of those that are looked for, or one that the operator named.
    private bool IsShort() =>
        (IsManaged && Counts is var counts && ConnectionPlan.Missing(counts.Inbound, counts.Outbound, counts.Anchors, _config.TargetPeers, _config.MaxPeers) > 0) || IsNamedMissing();

    // While somebody is missing.
    private static TimeSpan AskAgainAfter(MeshConnection link, TimeSpan now) => now - link.LiveSince < AskOftenFor ? AskAgain : AskAgain * 10;

    private bool IsNamedMissing() =>
        _targets.Values.Any(t => t is { Wanted: true, Address.Id: { } id } && LiveEntry(id) is null);
}
