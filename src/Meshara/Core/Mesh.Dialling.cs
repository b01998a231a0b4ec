using Meshara.Core.Policy;

namespace Meshara.Core;

// Whom to dial and when: operator's adds, and wanted peers for ever.
internal sealed partial class Mesh
{
    // More handshakes at once than these would push each other over their deadlines on a small machine.
    private const int MaxDials = 16;
    private const int MaxSelfAddresses = 1024;

    // How often an add gives way to another connection that then comes to nothing.
    private const int MaxLosses = 4;

    // A link that lived shorter does not make an address good again.
    private static readonly TimeSpan Stable = TimeSpan.FromSeconds(10);

    private readonly SortedDictionary<string, DialTarget> _targets = new(StringComparer.Ordinal);
    private readonly Dictionary<long, DialTarget> _targetsByKey = [];
    private readonly Queue<DialTarget> _dialQueue = new();
    private readonly HashSet<long> _dials = [];
    private readonly HashSet<string> _selfAddresses = new(StringComparer.Ordinal);
    private readonly Queue<string> _selfOrder = new();

    /// <summary>Dials an address, once or for ever.</summary>
    /// <param name="addId">Names the operator's call; ends in AddSucceeded or AddFailed. Null: nobody waits.</param>
    /// <param name="address">Where; the id in it is known from now on, if the add does not fail.</param>
    /// <param name="keepForever">Wanted even if the first dial fails (configured peers and stored ones).</param>
    /// <param name="now">The time.</param>
    /// <param name="isKey">The operator gave the key itself and not only an id, which may be that of an older key of the peer's.</param>
    public void HandleAdd(long? addId, PeerAddress address, bool keepForever, TimeSpan now, bool isKey = false)
    {
        if (address.Id is { } named)
        {
            if (isKey)
            {
                Unfollow(named);
            }

            address = address with { Id = CurrentOf(named) };
        }

        if (_stopped || address.Id == _config.Self || _selfAddresses.Contains(address.HostAndPort))
        {
            ConnectionFailure failure = _stopped ? Stopped()
                : address.Id == _config.Self ? new(MesharaErrorCode.Self, $"The id or key given for {address.HostAndPort} is this node's own. Give that of the other node: 'meshara id' on its machine shows it.")
                : new(MesharaErrorCode.Self, $"{address.HostAndPort} leads back to this node. Take the address out of the configuration.");
            if (addId is { } refused)
            {
                Emit(new MeshAction.AddFailed(refused, failure));
            }

            return;
        }

        if (address.Id is { } wanted)
        {
            // Also where it had refused, or was removed: the operator wants it now.
            _lan.Unhold(wanted);
        }

        DialTarget target = Target(address);
        target.KeepForever |= keepForever;
        target.Wanted = target.IsWantedApart || keepForever;
        target.IsLearned &= !keepForever;
        if (addId is { } id)
        {
            target.JoinedLate |= target is { State: TargetState.Dialling, Adds.Count: 0 };
            target.Await([id]);
        }

        if (LiveAt(target) is { } peer)
        {
            Satisfy(target, peer, now);
        }
        else if (target.State is not (TargetState.Dialling or TargetState.Awaiting))
        {
            // An operator who waits goes before the queue.
            if (addId is not null)
            {
                Dial(target);
            }
            else
            {
                DialIfUseful(target, now);
            }
        }

        GiveUpCandidatesFor(address, now);
        Touch();
        Manage(now);
    }

    /// <summary>The operator's call has been given up.</summary>
    public void HandleCancelAdd(long addId, TimeSpan now)
    {
        DialTarget? target = _targets.Values.FirstOrDefault(t => t.Forget(addId));
        if (target is { Wanted: false, Adds.Count: 0 })
        {
            NodeId? peer = target.Address.Id ?? target.Connection?.Peer?.Id;
            RemoveTarget(target);
            if (peer is { } id)
            {
                Wake(id, now);
            }
        }

        Touch();
        Manage(now);
    }

    private DialTarget Target(PeerAddress address)
    {
        string name = address.ToString();
        if (!_targets.TryGetValue(name, out DialTarget? target))
        {
            target = new DialTarget(++_lastKey, address, _placesDue);
            _targets.Add(name, target);
            _targetsByKey.Add(target.Key, target);
        }

        return target;
    }

    // The live peer that the target stands for: the one of its pin, or the one that answered at this very address.
    private PeerEntry? LiveAt(DialTarget target)
    {
        if (target.Address.Id is { } pin)
        {
            return LiveEntry(pin);
        }

        return _peers.Values.FirstOrDefault(p =>
            p.Link is { Inbound: false } link && string.Equals(link.Address, target.Address.HostAndPort, StringComparison.Ordinal));
    }

    private void Dial(DialTarget target)
    {
        _deadlines.Clear(target.Key);
        MeshConnection connection = new(++_lastKey, inbound: false, target.Address.HostAndPort, target);
        _connections.Add(connection.Id, connection);
        _dials.Add(connection.Id);
        target.State = TargetState.Dialling;
        target.JoinedLate = false;
        target.Connection = connection;
        target.LastDial = connection.Id;
        NodeId[] older = target.Address.Id is { } pin ? OlderKeysOf(pin) : [];
        MeshAction.Dial dial = new(connection.Id, target.Address);
        Emit(older.Length == 0 ? dial : dial with { AlsoAccepted = older });
    }

    // A dial that nobody waits for.
    private void DialIfUseful(DialTarget target, TimeSpan now)
    {
        if (target.Peer is { } id && LiveEntry(id) is { } peer)
        {
            Satisfy(target, peer, now);
        }
        else if ((target.Peer is { } awaited && IsUnsettled(awaited)) || IsDialled(target.Peer, target))
        {
            target.State = TargetState.Awaiting;
        }
        else if (_dials.Count >= MaxDials)
        {
            target.State = TargetState.Queued;
            _dialQueue.Enqueue(target);
        }
        else
        {
            Dial(target);
        }
    }

    // One address of a peer at a time.
    private bool IsDialled(NodeId? peer, DialTarget except) =>
        peer is not null && _targets.Values.Any(t => t != except && t.State == TargetState.Dialling && t.Peer == peer);

    private void DialAt(DialTarget target, TimeSpan due)
    {
        target.State = TargetState.Waiting;
        _deadlines.Set(target.Key, due);
    }

    private void DialLater(DialTarget target, TimeSpan? retryAfter, TimeSpan now)
    {
        target.NotBefore = now + Min(Timeouts.MaxBackoff, retryAfter ?? TimeSpan.Zero);
        DialAt(target, now + Backoff.Delay(target.Attempts++, Timeouts.MaxBackoff, retryAfter, _config.Random.NextDouble()));
    }

    // An outgoing connection got live or came to nothing: the next one may go.
    private void DialEnded(MeshConnection connection)
    {
        if (!_dials.Remove(connection.Id))
        {
            return;
        }

        while (_dials.Count < MaxDials && _dialQueue.TryDequeue(out DialTarget? next))
        {
            if (next.State == TargetState.Queued)
            {
                Dial(next);
            }
        }
    }

    private void PeerLive(PeerEntry peer, MeshConnection link, TimeSpan now)
    {
        foreach (DialTarget target in _targets.Values.ToArray())
        {
            bool isPin = target.Address.Id is { } pin && CurrentOf(peer.Id) == pin;
            if (target.Connection == link || isPin || (target.Answered == peer.Id && target.State != TargetState.Dialling))
            {
                if (target.Connection == link)
                {
                    target.Connection = null;
                }

                Satisfy(target, peer, now);
            }
        }
    }

    // The target's peer has a live link.
    private void Satisfy(DialTarget target, PeerEntry peer, TimeSpan now)
    {
        target.Answered = peer.Id;
        target.Losses = 0;
        target.MismatchTold = false;
        if (target.Connection is null)
        {
            target.State = TargetState.Idle;
            _deadlines.Clear(target.Key);
        }

        // Trust on first use: the operator named this address, and here is who answered. An older key stands for its successor.
        PeerAddress address = target.Address with { Id = target.Address.Id ?? CurrentOf(peer.Id) };
        bool firstUse = target.Address.Id is null && (target.Adds.Count > 0 || _config.Admission != AdmissionMode.Open);
        bool named = firstUse || (target.Address.Id is not null && (target.IsNamedApart || target.Adds.Count > 0));
        if (named && address.Id == peer.Id && !peer.Known)
        {
            peer.Known = true;
            BecameStatic(peer.Id, now);
        }

        if (firstUse && target.Adds.Count == 0 && address.Id == peer.Id)
        {
            Emit(new MeshAction.Pinned(peer.Id, address));
        }

        foreach (long add in target.Adds)
        {
            target.Wanted = true;
            target.IsLearned = false;
            Emit(new MeshAction.AddSucceeded(add, peer.Id, address));
        }

        target.ForgetAdds();
        if (firstUse)
        {
            // From now on only this peer is meant: another key at this address is an error.
            RemoveTarget(target);
            DialTarget pinned = Target(address);
            pinned.Wanted = true;
            pinned.KeepForever |= target.KeepForever;
        }
        else if (target is { Wanted: false, Connection: null })
        {
            // A dial back has done its work.
            RemoveTarget(target);
        }
    }

    private void TargetFailed(DialTarget target, ConnectionFailure failure, TimeSpan now)
    {
        if (_targets.GetValueOrDefault(target.Address.ToString()) != target)
        {
            return;
        }

        target.Connection = null;
        if (failure.Code == MesharaErrorCode.Self)
        {
            RememberSelf(target.Address.HostAndPort);
            FailAdds(target, failure);
            RemoveTarget(target);
            return;
        }

        // An operator's add without a pin means whoever answered now, not whoever did last.
        NodeId? id = target.Address.Id ?? failure.Peer ?? (target.Adds.Count == 0 ? target.Answered : null);

        // Not the node that is meant: another key, or another node with its key. That the right one has a link does not make the address right.
        bool isAnother = failure.Code is MesharaErrorCode.PinMismatch or MesharaErrorCode.IdentityInUse;
        target.Answered = isAnother ? target.Answered : id ?? target.Answered;
        if (!isAnother && id is { } live && LiveEntry(live) is { } peer)
        {
            Satisfy(target, peer, now);
            return;
        }

        bool otherDecides = !isAnother && failure.IsTransient && id is { } other && IsUnsettled(other);
        if ((otherDecides || failure.Code == MesharaErrorCode.Duplicate) && target.Losses < MaxLosses)
        {
            target.Losses++;
            if (otherDecides)
            {
                target.State = TargetState.Awaiting;
            }
            else
            {
                // The other side still believes in a link that has ended here.
                target.NotBefore = now + Min(Timeouts.MaxBackoff, failure.RetryAfter ?? TimeSpan.Zero);
                DialAt(target, now + Backoff.Delay(target.Losses - 1, Timeouts.MaxBackoff, failure.RetryAfter, _config.Random.NextDouble()));
            }

            return;
        }

        if (target.JoinedLate && failure.IsTransient)
        {
            Dial(target);
            return;
        }

        FailAdds(target, failure);
        DialAfterFailure(target, failure, now);
    }

    private void DialAfterFailure(DialTarget target, ConnectionFailure failure, TimeSpan now)
    {
        bool isWrong = target is { IsLearned: true, Listed: false } && failure.Code == MesharaErrorCode.PinMismatch && _table.Find(target.Address) is null;
        if (isWrong || (!target.Wanted && (now >= target.DialUntil || !failure.IsTransient)))
        {
            RemoveTarget(target);
        }
        else if (failure.Code == MesharaErrorCode.PinMismatch)
        {
            target.Attempts++;
            DialAt(target, now + Backoff.Slow(Timeouts.MaxBackoff, _config.Random.NextDouble()));
        }
        else if (target.Wanted && IsFull(failure))
        {
            // With its jitter already.
            target.Attempts++;
            target.NotBefore = now + (failure.RetryAfter ?? TimeSpan.Zero);
            DialAt(target, target.NotBefore);
        }
        else
        {
            DialLater(target, failure.RetryAfter, now);
            if (!failure.ByPeer)
            {
                HoldOthersAt(target);
            }
        }
    }

    private void RedialLost(PeerEntry peer, DisconnectReason reason, TimeSpan lived, TimeSpan now)
    {
        foreach (DialTarget target in _targets.Values.Where(t => t.State == TargetState.Idle && Means(t, peer.Id)).ToArray())
        {
            if (target.Address.Id is { } pin && LiveEntry(pin) is not null)
            {
                // Only the link of an older key has ended.
                continue;
            }

            target.Attempts = lived >= Stable ? 0 : target.Attempts;
            double random = _config.Random.NextDouble();
            switch (reason)
            {
                case var _ when NeedsAPerson(reason):
                    DialAt(target, now + Backoff.Slow(Timeouts.MaxBackoff, random));
                    break;
                case DisconnectReason.RemoteShutdown:
                    DialLater(target, retryAfter: null, now);
                    break;
                case var _ when target.Attempts == 0:
                    target.Attempts = 1;
                    DialAt(target, now + Backoff.AfterLoss(random));
                    break;
                default:
                    DialLater(target, retryAfter: null, now);
                    break;
            }
        }
    }

    private static bool NeedsAPerson(DisconnectReason reason) => reason is DisconnectReason.RemoteRemoved or DisconnectReason.ProtocolError
        or DisconnectReason.RemoteProtocolError or DisconnectReason.Evicted or DisconnectReason.IdentityInUse;

    // Where the next dial is long in coming, the operator hears when.
    private string WithRedial(PeerEntry peer, in LinkEnd end)
    {
        bool isDialled = NeedsAPerson(end.Reason) && peer.Link is null && _targets.Values.Any(t => t.State == TargetState.Idle && Means(t, peer.Id));
        return !isDialled ? end.Detail
            : $"{end.Detail}{(end.Detail.Length > 0 ? "; " : "")}this node dials again in {Timeouts.MaxBackoff.TotalSeconds / 2:0.###} to {Timeouts.MaxBackoff.TotalSeconds:0.###} s";
    }

    // A connection of this peer has ended: who waited for its outcome looks again.
    private void Wake(NodeId id, TimeSpan now)
    {
        _table.Wake(CurrentOf(id), now);
        Touch();
        foreach (DialTarget target in _targets.Values.Where(t => t.State == TargetState.Awaiting && Means(t, id)).ToArray())
        {
            DialIfUseful(target, now);
        }
    }

    private bool RemoveTargetsOf(NodeId id)
    {
        DialTarget[] targets = [.. _targets.Values.Where(t => t.Peer == id)];
        foreach (DialTarget target in targets)
        {
            FailAdds(target, new ConnectionFailure(MesharaErrorCode.Removed, "removed by the operator"));
            RemoveTarget(target);
        }

        return targets.Length > 0;
    }

    private void RemoveTarget(DialTarget target)
    {
        _targets.Remove(target.Address.ToString());
        _placesDue.All = true;
        _targetsByKey.Remove(target.Key);
        _deadlines.Clear(target.Key);
        target.State = TargetState.Idle;
        if (target.Connection is { } connection)
        {
            target.Connection = null;
            Emit(new MeshAction.Abort(connection.Id));
            Drop(connection);
        }
    }

    private void FailAdds(DialTarget target, ConnectionFailure failure)
    {
        foreach (long add in target.Adds)
        {
            Emit(new MeshAction.AddFailed(add, failure));
        }

        target.ForgetAdds();
    }

    private void FailAllTargets()
    {
        foreach (DialTarget target in _targets.Values)
        {
            FailAdds(target, Stopped());
        }

        _targets.Clear();
        _placesDue.All = true;
        _targetsByKey.Clear();
        _dialQueue.Clear();
    }

    private void RememberSelf(string address)
    {
        if (_selfAddresses.Add(address))
        {
            _selfOrder.Enqueue(address);
        }

        if (_selfOrder.Count > MaxSelfAddresses)
        {
            _selfAddresses.Remove(_selfOrder.Dequeue());
        }
    }

    private static ConnectionFailure Stopped() => new(MesharaErrorCode.NodeStopped, "the node has been stopped");
}
