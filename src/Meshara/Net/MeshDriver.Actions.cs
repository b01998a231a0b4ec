using Meshara.Core;
using Meshara.Core.Policy;
using Meshara.Wire;

namespace Meshara.Net;

// Does what the mesh says.
internal sealed partial class MeshDriver
{
    private void Do(MeshAction action)
    {
        switch (action)
        {
            case MeshAction.Dial a:
                Run(new PeerConnection(this, _node, a));
                break;
            case MeshAction.SendReady a:
                _connections[a.Connection].SendReady(a.NoPlace is { } missing ? new NoPlace { Limit = missing.Limit.Name, Value = missing.Limit.Value, RetryAfter = missing.RetryAfter } : null);
                break;
            case MeshAction.SendRefuse a:
                _connections[a.Connection].FailedWith ??= AdmissionRule.ToError(a.Code);
                _connections[a.Connection].SendRefuse(RefuseOf(a));
                break;
            case MeshAction.SendGoodbye a:
                _connections[a.Connection].SendGoodbye(a.Code);
                break;
            case MeshAction.Abort a:
                _connections[a.Connection].Abort();
                break;
            case MeshAction.LinkUp a:
                GoLive(a);
                break;
            case MeshAction.Ping a:
                _connections[a.Connection].SendPing(a.Number);
                break;
            case MeshAction.Check a:
                Link checkedLink = _connections[a.Connection].Link!;
                _mesh.HandleLiveness(a.Connection, checkedLink.CheckLiveness(), Now);
                ShowReputation(checkedLink.PeerId);
                break;
            case MeshAction.Notice a:
                _connections[a.Connection].Link!.SendIdentityInUse(a.Address);
                break;
            case MeshAction.CloseLink a:
                Link link = _connections[a.Connection].Link!;
                _leaving.Add(link);
                _closing.Add((link, a));
                break;
            case MeshAction.AskPeers or MeshAction.SpreadRecord or MeshAction.Moved:
                DoForRecords(action);
                break;
            case MeshAction.Keep a:
                _keeper?.Changed(a.Peer);
                _lanesChanged = true;
                ShowReputation(a.Peer);
                break;
            case MeshAction.KeepAnchors a:
                _keeper?.AnchorsChanged(a.Anchors);
                break;
            default:
                Tell(action);
                break;
        }
    }

    // What people and programs are told.
    private void Tell(MeshAction action)
    {
        DateTimeOffset time = _node.Clock.UtcNow;
        switch (action)
        {
            case MeshAction.AddSucceeded a when _adds.Remove(a.AddId, out var done):
                Refresh();
                done.TrySetResult((_live.Find(a.Peer)!.Key, a.Address));
                break;
            case MeshAction.AddFailed a when _adds.Remove(a.AddId, out var done):
                done.TrySetException(new MesharaException(a.Failure.Code, a.Failure.Message, a.Failure.IsTransient, a.Failure.RetryAfter));
                break;
            case MeshAction.Pinned a when _live.Find(a.Peer) is { } live:
                Refresh();
                _node.OnPinned(live.Key, a.Address);
                break;
            case MeshAction.Succeeded or MeshAction.NotFollowed:
                TellOfKey(action, time);
                break;
            case MeshAction.LinkDown a:
                if (_connections.GetValueOrDefault(a.Connection)?.Link is { } down)
                {
                    _leaving.Add(down);
                    if (a.Reason is DisconnectReason.Evicted or DisconnectReason.Misbehaved)
                    {
                        // Its place is another peer's now: nobody shall see both.
                        _live.Remove(a.Peer, down);
                        ForgetRecord(a);
                    }
                }

                _node.Logger.Disconnected(a.Peer, a.Address, a.Reason, PeerText.Clean(a.Detail));
                _node.Options.Seams?.Observer?.LinkDown(a.Connection, a.Peer, a.Reason);
                _node.Events.Publish(new PeerDisconnected(time, a.Peer, a.Address, a.Reason, a.Detail));
                break;
            case MeshAction.Refused a:
                TellOfRefusal(a, time);
                break;
            case MeshAction.Banned a:
                DateTimeOffset bannedUntil = time + (a.Until - Now);
                _node.Logger.Banned(a.Peer, a.Cause, bannedUntil, a.Count);
                _node.Events.Publish(new PeerBanned(time, a.Peer, a.Cause, bannedUntil, a.Count));
                break;
            case MeshAction.Nearby a:
                TellOfNearby(a, time);
                break;
            case MeshAction.ManyAtOneAddress a:
                _node.Logger.ManyAtOneAddress(a.Peers, a.Address, a.Limit, a.Value);
                break;
            case MeshAction.Shared a:
                _node.Logger.IdentityShared(a.Peer, PeerText.Clean(a.Address), a.OtherAddress ?? "this node");
                _node.Events.Publish(new IdentityShared(time, a.Peer, a.Address, a.OtherAddress));
                break;
        }
    }

    private void TellOfRefusal(MeshAction.Refused refusal, DateTimeOffset time)
    {
        ConnectionFailure f = refusal.Failure;
        if (refusal.IsNewMismatch)
        {
            _node.Logger.OtherKeyAnswers(refusal.Address, PeerText.Clean(f.Message));
        }
        else
        {
            string again = f is { Code: MesharaErrorCode.Full, ByPeer: true, RetryAfter: { } wait } ? $" This node dials again in {wait.TotalSeconds:0} s." : "";
            _node.Logger.Refused(refusal.Address, f.Code, PeerText.Clean(f.Message) + again);
        }

        PeerRefused told = new(time, refusal.Address, refusal.Peer, f.Code, f.ByPeer, f.Message, f.RetryAfter) { Inbound = refusal.Inbound };
        if (refusal is { Inbound: false, Peer: { } by })
        {
            _lastRefusals.Add(by, told);
        }

        _node.Events.Publish(told);
    }

    private void GoLive(MeshAction.LinkUp up)
    {
        PeerConnection connection = _connections[up.Connection];
        Link link = connection.GoLive();
        if (connection.Inbound)
        {
            _greetings[(int)connection.Lane]--;
        }

        _node.Metrics.Handshake(connection.Inbound, connection.Address, connection.Began, error: null);
        _node.Options.Seams?.Observer?.LinkUp(up.Connection, up.Peer, up.Inbound, up.Probe);
        if (up.Probe)
        {
            connection.IsOpenProbe = true;
            return;
        }

        _node.Metrics.LinkUp(link);
        DateTimeOffset firstSeen = _ledger.Up(up.Peer, connection.RemoteKey);
        _lastRefusals.Remove(up.Peer);
        _live.Set(up.Peer, new LiveLink(link, connection.RemoteKey, _mesh.ReputationOf(up.Peer, Now), _mesh.IsKnown(up.Peer))
        {
            Host = connection.RemoteAddress,
            FirstSeen = firstSeen,
            IsStatic = _mesh.IsStatic(up.Peer),
        });
        _keeper?.Changed(up.Peer);
        _node.Logger.Connected(up.Peer, connection.Address, up.Inbound);
        _node.Events.Publish(new PeerConnected(_node.Clock.UtcNow, up.Peer, connection.Address, up.Inbound));
        TakeRecord(connection);
    }

    // After all actions of one event: a link that takes the place of another is in the table before the other is out of it, so that nobody who sends finds none.
    private void TakeLeave()
    {
        foreach (Link link in _leaving)
        {
            _live.Remove(link.PeerId, link);
        }

        foreach ((Link link, MeshAction.CloseLink order) in _closing)
        {
            link.Close(order.Reason, order.Detail);
        }

        _leaving.Clear();
        _closing.Clear();
    }
}
