using Meshara.Core.Policy;
using Meshara.Wire;

namespace Meshara.Core;

// From HELLO to live, and one link for each pair of nodes: sections 5.5 and 6.
internal sealed partial class Mesh
{
    /// <summary>HELLO (and PROOF) came and went: rules 1 and 2 are done.</summary>
    public void HandleHello(long connectionId, in PeerFacts facts, TimeSpan now)
    {
        if (!_connections.TryGetValue(connectionId, out MeshConnection? connection) || connection.Phase != ConnectionPhase.Connecting)
        {
            return;
        }

        if (facts.Id == _config.Self)
        {
            // TLS says so already; a transport that hands in facts by itself is caught here.
            Emit(new MeshAction.Abort(connection.Id));
            Fail(connection, new ConnectionFailure(MesharaErrorCode.Self, "the address leads back to this node"), now);
            return;
        }

        PeerEntry peer = Entry(facts.Id);
        connection.Peer = peer;
        connection.Instance = facts.Instance;
        connection.GreetingSince = now;
        connection.Probe = facts.Probe || connection.Candidate is { Purpose: DialPurpose.Feeler };
        connection.Back = facts.Back;
        connection.Phase = ConnectionPhase.Greeting;
        CandidateAnswered(connection, now);
        Follow(connection, facts, now);
        if (!RefuseOldOrWrongKey(connection, now) && TryAdmit(connection, facts, now) && _config.Self < peer.Id)
        {
            // Rule 5: S gives READY without waiting, G only for READY.
            Proceed(connection, now);
        }

        Manage(now);
    }

    // False: refused.
    private bool TryAdmit(MeshConnection connection, in PeerFacts facts, TimeSpan now)
    {
        PeerEntry peer = connection.Peer!;
        bool namedAddress = connection.Target is { Address.Id: null };
        if (facts.Forged)
        {
            Score(peer.Id, ReputationCause.ForgedSignature, connection, now);
        }

        TimeSpan? bannedFor = _book.BanUntil(peer.Id, now) - now;
        RefuseCode? refusal = AdmissionRule.Judge(_config.Admission, facts, IsKnown(peer.Id), namedAddress, bannedFor is not null);
        if (refusal is { } code)
        {
            _whereabouts.Remember(facts.Id, connection.Back);
            Refuse(connection, code, Explain(code, bannedFor), now, retryAfter: code == RefuseCode.Banned ? bannedFor : null);
            return false;
        }

        if (connection.Probe)
        {
            return true;
        }

        if (!TryTakePlace(connection, now))
        {
            return false;
        }

        peer.AddNewcomer(connection);
        TurnOlderKeysAway(peer.Id, now);
        return true;
    }

    /// <summary>The peer's READY came.</summary>
    public void HandleReadyReceived(long connectionId, TimeSpan now)
    {
        if (!_connections.TryGetValue(connectionId, out MeshConnection? connection) || connection.Phase is not (ConnectionPhase.Greeting or ConnectionPhase.Held))
        {
            return;
        }

        connection.ReadyReceived = true;
        if (connection.ReadySent)
        {
            GoLive(connection, now);
        }
        else if (connection.Phase == ConnectionPhase.Greeting)
        {
            Proceed(connection, now);
        }

        Manage(now);
    }

    // This side would send READY: it does, unless a live link to the same id has to be checked first.
    private void Proceed(MeshConnection connection, TimeSpan now)
    {
        if (!connection.Probe && connection.Peer!.Link is { } old)
        {
            Hold(connection, old, now);
            return;
        }

        connection.Phase = ConnectionPhase.Greeting;
        if (connection.ReadyReceived && !TrySettle(connection, now))
        {
            return;
        }

        connection.ReadySent = true;
        Emit(new MeshAction.SendReady(connection.Id) { NoPlace = connection is { Probe: true, Inbound: true } ? FindMissingPlace(connection, now) : null });
        if (connection.ReadyReceived)
        {
            GoLive(connection, now);
        }
    }

    private void GoLive(MeshConnection connection, TimeSpan now)
    {
        PeerEntry peer = connection.Peer!;
        if (!TrySettle(connection, now))
        {
            return;
        }

        connection.LiveSince = now;
        if (connection.Probe)
        {
            connection.Phase = ConnectionPhase.Closing;
            DialEnded(connection);
            CandidateLive(connection, now);
            Emit(new MeshAction.LinkUp(connection.Id, peer.Id, connection.Inbound, Probe: true));
            Emit(new MeshAction.CloseLink(connection.Id, DisconnectReason.ProbeDone, ""));
            MoveProven(connection, now);
            return;
        }

        // Only S comes here with an old link: G would not have sent READY otherwise, so the newer one counts.
        MeshConnection? old = peer.Link;
        if (old is not null)
        {
            Close(old, DisconnectReason.Replaced, "a newer link", now, release: false);
        }

        foreach (MeshConnection closing in peer.Closing)
        {
            ReportDown(closing, DisconnectReason.Replaced, "a newer link");
        }

        peer.RemoveNewcomer(connection);
        peer.Link = connection;
        peer.Back = connection.Inbound ? connection.Back : peer.Back;
        connection.Phase = ConnectionPhase.Live;
        DialEnded(connection);
        Emit(new MeshAction.LinkUp(connection.Id, peer.Id, connection.Inbound, Probe: false));
        StartHeartbeat(connection, now);
        PeerLive(peer, connection, now);
        if (connection.Inbound)
        {
            DialUnpinned(now);
        }

        CandidateLive(connection, now);
        LearnBack(connection, now);
        PlanAsk(connection, now);
        if (old is not null)
        {
            ReleaseHeld(old, now);
        }
    }

    private void Hold(MeshConnection newcomer, MeshConnection old, TimeSpan now)
    {
        newcomer.Phase = ConnectionPhase.Held;

        // Not a PONG that was on its way when it came: its process may have begun since, and the old one be gone.
        (newcomer.HeldSince, newcomer.HeldPing) = (now, PingFromNow(old, now));
        old.Held.Add(newcomer);
        if (old.LinkCheck is null)
        {
            CheckForNext(old);
        }
    }

    // Each newcomer has its own second; the first one's is over first.
    private void CheckForNext(MeshConnection link)
    {
        link.LinkCheck = link.Held is [var first, ..] ? (first.HeldSince, first.HeldSince + Timeouts.DuplicateCheck) : null;
        SetLinkDeadline(link);
    }

    // The old link lives: whoever waited for its end is a second connection of the same process, or another process with the same key.
    private void RefuseHeld(MeshConnection link, long number, TimeSpan now)
    {
        MeshConnection[] held = [.. link.Held.Where(newcomer => newcomer.HeldPing <= number)];
        link.Held.RemoveRange(0, held.Length);
        CheckForNext(link);
        foreach (MeshConnection newcomer in held)
        {
            if (newcomer.Instance == link.Instance)
            {
                Refuse(newcomer, RefuseCode.Duplicate, "another link between the two nodes lives", now);
                continue;
            }

            Emit(new MeshAction.Notice(link.Id, newcomer.Address));
            Emit(new MeshAction.Shared(link.Peer!.Id, newcomer.Address, link.Address));
            Refuse(newcomer, RefuseCode.IdentityInUse, link.Address, now, $"a live node at {link.Address} has the same identity");
        }
    }

    // The old link has ended or gives way: its newcomers go on.
    private void ReleaseHeld(MeshConnection link, TimeSpan now)
    {
        link.LinkCheck = null;
        MeshConnection[] held = [.. link.Held];
        link.Held.Clear();
        foreach (MeshConnection newcomer in held)
        {
            if (_connections.ContainsKey(newcomer.Id))
            {
                newcomer.Phase = ConnectionPhase.Greeting;
                Proceed(newcomer, now);
            }
        }
    }

    private void Close(MeshConnection link, DisconnectReason reason, string detail, TimeSpan now, bool release = true)
    {
        PeerEntry peer = link.Peer!;
        link.Phase = ConnectionPhase.Closing;
        peer.Link = null;
        peer.Closing.Add(link);
        _deadlines.Clear(link.Id);
        Touch();
        if (reason is DisconnectReason.Replaced or DisconnectReason.Evicted or DisconnectReason.Misbehaved)
        {
            // Its place is another's from now on.
            ReportDown(link, reason, detail);
        }

        Emit(new MeshAction.CloseLink(link.Id, reason, detail));
        if (release)
        {
            ReleaseHeld(link, now);
        }
    }

    private void ReportDown(MeshConnection link, DisconnectReason reason, string detail)
    {
        if (!link.Probe && !link.DownReported)
        {
            link.DownReported = true;
            Emit(new MeshAction.LinkDown(link.Id, link.Peer!.Id, link.Address, reason, detail));
        }
    }

    private void Refuse(
        MeshConnection connection, RefuseCode code, string message, TimeSpan now, string? detail = null, MetLimit? limit = null, TimeSpan? retryAfter = null)
    {
        bool isStranger = connection.Inbound && code is RefuseCode.Full or RefuseCode.Banned or RefuseCode.NotAdmitted;
        Emit(isStranger && !MayRefuseWithWords(now)
            ? new MeshAction.Abort(connection.Id)
            : new MeshAction.SendRefuse(connection.Id, code, retryAfter, limit?.Name ?? "", limit?.Value ?? 0, message));
        ConnectionFailure failure = new(AdmissionRule.ToError(code), $"This node refused {connection.Address}: {detail ?? message}.", AdmissionRule.IsTransient(code), retryAfter);
        Fail(connection, failure with { IsOwnDoing = code == RefuseCode.Full }, now);
    }

    // An admitted connection that is not wanted any more: REFUSE before READY, GOODBYE after it.
    private void TurnAway(MeshConnection connection, RefuseCode refuse, GoodbyeCode goodbye, string message, TimeSpan now)
    {
        if (!connection.ReadySent)
        {
            if (refuse == RefuseCode.Full)
            {
                RefuseFull(connection, new MetLimit("max_peers", _config.MaxPeers), RetryWhenFull, now);
            }
            else
            {
                Refuse(connection, refuse, message, now);
            }

            return;
        }

        Emit(new MeshAction.SendGoodbye(connection.Id, goodbye));
        Fail(connection, new ConnectionFailure(AdmissionRule.ToError(refuse), $"This node refused {connection.Address}: {message}.") { IsOwnDoing = refuse == RefuseCode.Full }, now);
    }

    private string Explain(RefuseCode code, TimeSpan? bannedFor) => code switch
    {
        RefuseCode.NotAdmitted => _config.Admission == AdmissionMode.Secret
            ? "the shared secret was not proven and the key is not trusted"
            : "the key is not trusted here",
        RefuseCode.Banned => $"banned for its conduct, for {bannedFor?.TotalMinutes:0.#} min more",
        _ => "refused",
    };
}
