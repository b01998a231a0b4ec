using System.Net;
using Meshara.Core;
using Meshara.Core.Policy;
using Meshara.Security;
using Meshara.Wire;

namespace Meshara.Net;

// Peer records, wire protocol sections 11 and 12. Signatures are checked where the records come in, never in the loop.
internal sealed partial class MeshDriver
{
    /// <summary>The protocol on which a node tells that its own record has changed.</summary>
    public const string RecordProtocol = "meshara/record/1";

    // Peers take one a minute, and eight at once.
    private static readonly Pace SpreadPace = new(1.0 / 60, 4);

    private TimeSpan _spreadFullAt;
    private bool _spreadWaits;
    private int _spreading;

    /// <summary>A node gave records of others: verifies them, and learns from those that count.</summary>
    /// <param name="giver">Who.</param>
    /// <param name="from">Where it is; null: not on an IP network.</param>
    /// <param name="records">Not looked at so far.</param>
    /// <returns>How many were new; null: one of them was forged, or malformed, and the giver has been told off.</returns>
    public async Task<int?> LearnAsync(NodeId giver, IPAddress? from, IEnumerable<ReadOnlyMemory<byte>> records)
    {
        List<SignedRecord> verified = [];
        WireException? wrong = null;
        try
        {
            foreach (ReadOnlyMemory<byte> bytes in records)
            {
                if (_node.Records.CheckOther(bytes.Span) is { } record)
                {
                    verified.Add(record);
                }
            }
        }
        catch (WireException e)
        {
            // Whoever passes records on has verified them: the first wrong one ends the list.
            wrong = e;
        }

        await AskAsync(() =>
        {
            foreach (SignedRecord record in verified)
            {
                Hand(record, giver, from);
            }
        }).ConfigureAwait(false);
        if (wrong is not null)
        {
            await MisbehavedAsync(giver, wrong).ConfigureAwait(false);
        }

        return wrong is null ? verified.Count : null;
    }

    /// <summary>A node tells on its link where it is now.</summary>
    /// <exception cref="WireException">It is no record of its own, or forged.</exception>
    public async Task HeardRecordAsync(NodeId peer, ReadOnlyMemory<byte> bytes)
    {
        if (_node.Records.CheckOwn(bytes.Span, peer) is { } record)
        {
            await AskAsync(() =>
            {
                PeerConnection? connection = _connections.Values.FirstOrDefault(c => c.Link is { } link && link == _live.Find(peer)?.Link);
                if (connection is not null)
                {
                    Take(record, connection);
                }
            }).ConfigureAwait(false);
        }
    }

    /// <summary>A peer broke the rules of peer records: its link ends, and it is held against it.</summary>
    public Task MisbehavedAsync(NodeId peer, WireException what) => AskAsync(() =>
    {
        _node.Logger.RecordForged(peer, _live.Find(peer)?.Link.Address ?? "an address that it refused", what.Message);
        if (_mesh.LinkOf(peer) is not null)
        {
            _mesh.HandleBadRecord(peer, what.IsForgery, what.Message, Now);
        }
        else if (what.IsForgery)
        {
            _mesh.HandleForgedRefusal(peer, Now);
        }
    });

    /// <summary>A request or a change came before its time.</summary>
    public void CameEarly() => _node.Metrics.ExchangeIgnored("early");

    /// <summary>Where the peer of a link is; null: there is no link, or not on an IP network.</summary>
    public IPAddress? HostOf(NodeId peer) => _live.Find(peer)?.Host;

    private void DoForRecords(MeshAction action)
    {
        switch (action)
        {
            case MeshAction.AskPeers a:
                _node.AskPeers(_connections[a.Connection].Link!);
                break;
            case MeshAction.SpreadRecord:
                SpreadRecord();
                break;
            case MeshAction.Moved a:
                _node.Logger.PeerMoved(a.Peer, a.Old?.HostAndPort ?? "an unknown address", a.Proven.HostAndPort);
                _node.PeerMoved(a.Peer, a.Old, a.Proven);
                break;
        }
    }

    private Refuse RefuseOf(MeshAction.SendRefuse a) => new()
    {
        Code = a.Code,
        RetryAfter = a.RetryAfter,
        Limit = a.Limit,
        Value = a.Value,
        Message = a.Message,
        Records = RecordsFor(a),
    };

    private IReadOnlyList<ReadOnlyMemory<byte>> RecordsFor(MeshAction.SendRefuse refuse) =>
        refuse.Code == RefuseCode.Full && _node.Exchanges && _connections[refuse.Connection] is { } connection
            ? _node.Records.Book.Choose(Refuse.MaxRecords, connection.RemoteKey.Id, connection.RemoteAddress)
            : [];

    private void TakeRecord(PeerConnection connection)
    {
        if (connection.Record is { } record)
        {
            Take(record, connection);
        }
    }

    private void Take(SignedRecord record, PeerConnection connection)
    {
        _node.Records.Book.Put(record, connection.RemoteAddress);
        Hand(record, record.Id, connection.RemoteAddress);
    }

    private void Hand(SignedRecord record, NodeId giver, IPAddress? from)
    {
        IReadOnlyList<PeerAddress> addresses = Net.Records.AddressesOf(record);
        long before = _mesh.IgnoredAddresses;
        _mesh.HandleRecord(record.Id, addresses, giver, from, Now);
        long ignored = record.Addresses.Count - addresses.Count + _mesh.IgnoredAddresses - before;
        if (ignored > 0)
        {
            _node.Metrics.ExchangeIgnored("address", ignored);
        }
    }

    private void ForgetRecord(MeshAction.LinkDown down)
    {
        if (down.Reason == DisconnectReason.Misbehaved)
        {
            _node.Records.Book.Forget(down.Peer);
        }
    }

    // Those who know an older one are told; not more often than they take, so that a network that comes and goes costs nobody a link.
    private void SpreadRecord()
    {
        _spreadWaits = true;
        if (_stopping || !SpreadPace.Allows(_spreadFullAt, Now) || Interlocked.Exchange(ref _spreading, 1) != 0)
        {
            return;
        }

        _spreadWaits = false;
        PeerConnection[] links = [.. _connections.Values.Where(c => c.Link is { } link && _live.Find(link.PeerId)?.Link == link)];
        _tasks.Start(() => SpreadAsync(links));
    }

    private async Task SpreadAsync(PeerConnection[] links)
    {
        List<Task> told = [];
        try
        {
            foreach (PeerConnection connection in links)
            {
                SignedRecord record = _node.Records.Own.For(connection.RemoteAddress, connection.LocalAddress);
                if (!ReferenceEquals(record, connection.Told) && connection.Told is { } before && record.Sequence > before.Sequence)
                {
                    connection.Told = record;
                    told.Add(TellAsync(connection.Link!, record));
                }
            }

            await Task.WhenAll(told).ConfigureAwait(false);
        }
        finally
        {
            Volatile.Write(ref _spreading, 0);
            PostEvent(() =>
            {
                _spreadFullAt = told.Count > 0 ? SpreadPace.Spend(_spreadFullAt, Now) : _spreadFullAt;
                if (_spreadWaits)
                {
                    SpreadRecord();
                }
            });
        }
    }

    private async Task TellAsync(Link link, SignedRecord record)
    {
        using CancellationTokenSource late = new(_node.Timeouts.Request, _node.Clock.Provider);
        try
        {
            await link.SendAsync(RecordProtocol, record.Bytes, late.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is MesharaException or OperationCanceledException)
        {
            // An older version knows no such message, a link that ends needs none, and one that stands still is the heartbeat's.
        }
    }
}
