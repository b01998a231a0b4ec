using Meshara.Core.Policy;

namespace Meshara.Core;

// A change of the network, or a sleep: links may be dead without a word, and addresses that failed may answer now.
//
//   change ──▶ each link: PING ──PONG──▶ lives (another change since the PING: PING again)
//                          │
//                          ├──a frame, but no PONG yet, at the deadline──▶ the deadline again
//                          └──nothing at the deadline──▶ closed, dialled at once
internal sealed partial class Mesh
{
    // Keys of connections and targets begin at 1.
    private const long NetworkKey = 0;

    // Longer than the other side needs to find the old link dead (section 7.1) and to dial by itself, if it can.
    private static readonly TimeSpan DialBackFor = TimeSpan.FromSeconds(60);

    // A laptop that wakes loses an address, gets another, and the IPv6 ones one by one: so many at once. An interface that comes and goes for ever must not become a flood of dials.
    private static readonly Pace ChangePace = new(rate: 0.2, burst: 10);

    private TimeSpan _changesFullAt;

    /// <summary>The machine's network has changed, or the machine has slept: looks after every link and every target at once.</summary>
    /// <remarks>More changes than <see cref="ChangePace"/> lets through are drawn together into one.</remarks>
    public void HandleNetworkChanged(TimeSpan now)
    {
        if (_stopped)
        {
            return;
        }

        TimeSpan due = ChangePace.NextAt(_changesFullAt, now);
        if (due > now)
        {
            _deadlines.Set(NetworkKey, due);
            return;
        }

        _deadlines.Clear(NetworkKey);
        _changesFullAt = ChangePace.Spend(_changesFullAt, now);
        foreach (MeshConnection link in _connections.Values.Where(c => c.Phase == ConnectionPhase.Live).ToArray())
        {
            CheckAfterChange(link, now);
        }

        foreach (DialTarget target in _targets.Values.ToArray())
        {
            DialAfterChange(target, now);
        }

        foreach (PeerEntry peer in _peers.Values)
        {
            DialBack(peer, now);
        }

        DialCandidatesAnew(now);
        Manage(now);
    }

    /// <summary>The local address of a link has gone from this machine: nothing can come or go on it any more.</summary>
    public void HandleAddressGone(long connectionId, string address, TimeSpan now)
    {
        if (!_connections.TryGetValue(connectionId, out MeshConnection? connection))
        {
            return;
        }

        string detail = $"this machine has no longer the address {address}";
        if (connection.Phase == ConnectionPhase.Live)
        {
            connection.LostToChange = true;
            Close(connection, DisconnectReason.ConnectionLost, detail, now);
        }
        else if (connection.Phase < ConnectionPhase.Live)
        {
            Emit(new MeshAction.Abort(connection.Id));
            Fail(connection, new ConnectionFailure(MesharaErrorCode.LinkClosed, $"The connection with {connection.Address} ended: {detail}.", IsTransient: true) { IsOwnDoing = true }, now);
        }

        Manage(now);
    }

    private void CheckAfterChange(MeshConnection link, TimeSpan now)
    {
        if (link.ChangeCheck is { } running)
        {
            link.ChangeCheck = running with { Again = true };
            return;
        }

        link.ChangeCheck = new ChangeCheck(now, PingFromNow(link, now), now + Timeouts.CheckAfterChange, Again: false);
        SetLinkDeadline(link);
    }

    // The PONG of the check: the link lived after the change that began it.
    private void PassChangeCheck(MeshConnection link, long number, TimeSpan now)
    {
        if (link.ChangeCheck is not { } check || number < check.Ping)
        {
            return;
        }

        link.ChangeCheck = null;
        if (check.Again)
        {
            CheckAfterChange(link, now);
        }
    }

    // True: closed.
    private bool IsSilentAfterChange(MeshConnection link, LinkLiveness liveness, TimeSpan now)
    {
        if (link.ChangeCheck is not { } check || now < check.Due)
        {
            return false;
        }

        // A look that comes late says that this process has been held up, and nothing of the peer.
        bool late = now > check.Due + (Timeouts.CheckAfterChange / 2);
        if (late || liveness.LastFrame > check.Since)
        {
            link.ChangeCheck = check with { Since = now, Due = now + Timeouts.CheckAfterChange };
            return false;
        }

        link.LostToChange = true;
        Close(link, DisconnectReason.PingTimeout, $"nothing was heard for {Timeouts.CheckAfterChange.TotalSeconds:0.###} s after the network had changed", now);
        return true;
    }

    private void DialAfterChange(DialTarget target, TimeSpan now)
    {
        if (target.State == TargetState.Waiting)
        {
            target.Attempts = 0;
            TimeSpan due = Max(target.NotBefore, now + Backoff.AfterLoss(_config.Random.NextDouble()));
            if (_deadlines.Of(target.Key) is not { } old || due < old)
            {
                DialAt(target, due);
            }
        }
        else if (target is { State: TargetState.Dialling, Connection: { Phase: ConnectionPhase.Connecting } dial } && now >= target.MayRestart)
        {
            // Its packets may leave by an address that has gone. Not more often than a dial may take, or none would ever arrive.
            target.MayRestart = now + Timeouts.Connect;
            target.Attempts = 0;
            target.Connection = null;
            Emit(new MeshAction.Abort(dial.Id));
            DialAt(target, now + Backoff.AfterLoss(_config.Random.NextDouble()));
            Drop(dial);
        }
    }

    // A peer that dialled us cannot know that the network changed here, nor perhaps where we are now: we know where it is.
    // Only a peer that the operator named, and only the host that its link came from: HELLO must not send us to dial wherever it likes.
    private void DialBack(PeerEntry peer, TimeSpan now)
    {
        NodeId current = CurrentOf(peer.Id);
        if (peer.Back is not { } address || !IsKnown(peer.Id) || LiveEntry(current) is not null)
        {
            return;
        }

        DialTarget? target = _targets.Values.FirstOrDefault(t => t.Peer == current && !t.Wanted);
        if (target is null)
        {
            target = Target(address with { Id = current });
            if (target.Wanted)
            {
                return;
            }

            DialAt(target, now + Backoff.AfterLoss(_config.Random.NextDouble()));
        }

        target.DialUntil = now + DialBackFor;
    }
}
