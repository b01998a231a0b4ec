using Meshara.Wire;

namespace Meshara.Core;

// Keys that took the place of others, wire protocol section 3.1. Each key has a peer entry of its own; nothing is merged.
internal sealed partial class Mesh
{
    private const int MaxPredecessors = 4;

    // Always from an older key to the newest one, so that one look finds it.
    private readonly SortedDictionary<NodeId, Succession> _successions = [];

    // The same from the newest key, oldest first.
    private readonly Dictionary<NodeId, NodeId[]> _olderKeys = [];

    /// <summary>The newest key of the peer that this id belongs to; the id itself, where no succession of it is known.</summary>
    public NodeId CurrentOf(NodeId id) => _successions.TryGetValue(id, out Succession? succession) ? succession.New : id;

    /// <summary>Changes with <see cref="Aliases"/>.</summary>
    public int AliasesVersion { get; private set; }

    /// <summary>Older ids and the newest of each.</summary>
    public IReadOnlyDictionary<NodeId, NodeId> Aliases() => _successions.ToDictionary(s => s.Key, s => s.Value.New);

    /// <summary>Which older keys of a chain say anything here: known ones that were not followed to this key yet. Whoever finds none need not verify the chain.</summary>
    /// <param name="chain">The older keys, oldest first.</param>
    /// <param name="key">The key that the chain leads to.</param>
    /// <returns>Their places, ascending.</returns>
    public IReadOnlyList<int> FindKnown(IReadOnlyList<NodeId> chain, NodeId key)
    {
        List<int> found = [];
        for (int i = 0; i < chain.Count; i++)
        {
            NodeId current = CurrentOf(chain[i]);
            bool isSettled = (current == CurrentOf(key) && chain[i] != current) || chain.Skip(i + 1).Contains(current);
            if (!isSettled && (chain[i] == _config.Self || IsKnown(chain[i])))
            {
                found.Add(i);
            }
        }

        return found;
    }

    /// <summary>A succession that was followed in an earlier life of the node.</summary>
    public void HandleSuccession(in Predecessor older, NodeId key)
    {
        if (key != _config.Self && older.Id != _config.Self && older.Id != key && !_successions.ContainsKey(key))
        {
            Succeed(older, key);
        }
    }

    // The chain is verified. Where it is not followed, its key is a stranger's.
    private void Follow(MeshConnection connection, in PeerFacts facts, TimeSpan now)
    {
        Predecessor[] known = [.. facts.Succeeds.Where(p => p.Id == _config.Self || IsKnown(p.Id))];
        NodeId key = facts.Id;
        if (known.Length == 0)
        {
            return;
        }

        if (WhyNotFollowed(key, known) is { } why)
        {
            Emit(new MeshAction.NotFollowed(connection.Address, known[0].Id, key, why));
            return;
        }

        // An add under way takes what it knows with it and forgets it if it fails.
        Entry(key).Known |= known.Any(p => IsKept(p.Id));
        foreach (Predecessor older in known.Where(p => CurrentOf(p.Id) != key))
        {
            Succeed(older, key);
            _book.Rename(older.Id, key, now);
            _table.Rename(older.Id, key, now);
            Emit(new MeshAction.Keep(older.Id));
            Emit(new MeshAction.Keep(key));
            foreach (DialTarget target in _targets.Values.Where(t => t.Address.Id == older.Id).ToArray())
            {
                Repin(target, key);
            }

            Emit(new MeshAction.Succeeded(connection.Id, older.Id, key, older.Until));
        }
    }

    private bool IsKept(NodeId id) =>
        CurrentOf(id) != id || _named.Contains(id) || (_peers.TryGetValue(id, out PeerEntry? peer) && peer.Known) || _targets.Values.Any(t => t.Address.Id == id && t.Wanted);

    private string? WhyNotFollowed(NodeId key, Predecessor[] known)
    {
        foreach (Predecessor older in known)
        {
            NodeId current = CurrentOf(older.Id);
            if (older.Id == _config.Self)
            {
                return "it says that it succeeds this node itself: somebody has this node's key";
            }

            if (current != older.Id && current != key && !known.Any(p => p.Id == current))
            {
                return $"the old key was succeeded by {current} already: somebody has the old key";
            }
        }

        return _successions.TryGetValue(key, out Succession? back) ? $"it is an old key itself, succeeded by {back.New}"
            : OlderKeysOf(key).Any(id => !known.Any(p => p.Id == id)) ? "it succeeded another peer already"
            : null;
    }

    private void Succeed(in Predecessor older, NodeId key)
    {
        Unfollow(older.Id);
        NodeId[] all = [.. OlderKeysOf(key), .. OlderKeysOf(older.Id), older.Id];
        _olderKeys.Remove(older.Id);
        _successions[older.Id] = new Succession(key, older.Until, older.Deadline);
        foreach (NodeId beyond in all.SkipLast(MaxPredecessors))
        {
            _successions.Remove(beyond);
        }

        NodeId[] kept = [.. all.TakeLast(MaxPredecessors)];
        foreach (NodeId id in kept)
        {
            _successions[id] = _successions[id] with { New = key };
        }

        _olderKeys[key] = kept;
        AliasesVersion++;
        _placesDue.All = true;
        if (_peers.TryGetValue(older.Id, out PeerEntry? entry))
        {
            entry.Known = false;
        }
    }

    // The operator names the old key itself.
    private void Unfollow(NodeId id)
    {
        if (!_successions.Remove(id, out Succession? succession))
        {
            return;
        }

        AliasesVersion++;
        _placesDue.All = true;
        NodeId[] rest = [.. OlderKeysOf(succession.New).Where(older => older != id)];
        if (rest.Length > 0)
        {
            _olderKeys[succession.New] = rest;
        }
        else
        {
            _olderKeys.Remove(succession.New);
        }
    }

    // Oldest first.
    private NodeId[] OlderKeysOf(NodeId key) => _olderKeys.GetValueOrDefault(key, []);

    // The target keeps its place, its connection and those who wait for it.
    private void Repin(DialTarget target, NodeId key)
    {
        _targets.Remove(target.Address.ToString());
        target.Address = target.Address with { Id = key };
        string name = target.Address.ToString();
        if (!_targets.TryGetValue(name, out DialTarget? other))
        {
            _targets.Add(name, target);
            return;
        }

        other.Wanted = other.IsWantedApart || target.IsWantedApart;
        other.Listed |= target.Listed;
        other.KeepForever |= target.KeepForever;
        other.DialUntil = Max(other.DialUntil, target.DialUntil);
        other.Await(target.Adds);
        if (target.Connection is { } connection)
        {
            connection.Target = other.Connection is null ? other : null;
            other.Connection ??= connection;
        }

        if (other.Connection is not null || other.Adds.Count > 0)
        {
            // The connection on which the new key came decides; who waits for it is woken at its end.
            other.State = other.Connection is null ? TargetState.Awaiting : TargetState.Dialling;
            _deadlines.Clear(other.Key);
        }

        target.ForgetAdds();
        target.Connection = null;
        target.State = TargetState.Idle;
        _targetsByKey.Remove(target.Key);
        _deadlines.Clear(target.Key);
    }

    // What the key itself forbids, however many are admitted. True: refused.
    private bool RefuseOldOrWrongKey(MeshConnection connection, TimeSpan now)
    {
        NodeId id = connection.Peer!.Id;
        NodeId? pin = connection.Pin;
        bool isWrong = pin is not null && id != pin && CurrentOf(id) != pin;
        if (!_successions.TryGetValue(id, out Succession? succession))
        {
            if (isWrong)
            {
                RefuseKey(connection, "this is not the key that is expected there", $"At {connection.Address} answered {id}, but {pin} was expected", now);
            }

            return isWrong;
        }

        if (isWrong || now >= succession.Deadline)
        {
            string why = $"this key was succeeded by {succession.New}, and is not accepted since {succession.Until:yyyy-MM-dd}";
            RefuseKey(connection, why, $"The key {id} was succeeded by {succession.New}, and is not accepted since {succession.Until:yyyy-MM-dd}", now);
            return true;
        }

        if (_peers.TryGetValue(succession.New, out PeerEntry? newer) && newer.HasPlace)
        {
            string at = (newer.Link ?? newer.Newcomers[0]).Address;
            Refuse(connection, RefuseCode.IdentityInUse, at, now, $"its newer key {succession.New} is in use at {at}");
            return true;
        }

        return false;
    }

    private void RefuseKey(MeshConnection connection, string told, string here, TimeSpan now)
    {
        Emit(new MeshAction.SendRefuse(connection.Id, RefuseCode.NotAdmitted, RetryAfter: null, "", 0, told));
        MesharaErrorCode code = connection.Pin is null ? MesharaErrorCode.NotAdmitted : MesharaErrorCode.PinMismatch;
        Fail(connection, new ConnectionFailure(code, $"{here}."), now);
    }

    // The newer key wins at once: the process with the old one is gone, or a copy of it.
    private void TurnOlderKeysAway(NodeId key, TimeSpan now)
    {
        foreach (NodeId older in OlderKeysOf(key))
        {
            if (!_peers.TryGetValue(older, out PeerEntry? peer))
            {
                continue;
            }

            foreach (MeshConnection newcomer in peer.Newcomers.ToArray())
            {
                TurnAway(newcomer, RefuseCode.Duplicate, GoodbyeCode.Replaced, $"the newer key {key} has connected", now);
            }

            if (peer.Link is { } link)
            {
                Close(link, DisconnectReason.Replaced, $"the newer key {key} has connected", now);
            }
        }
    }

    // When a link of this id must end, because its key was succeeded.
    private TimeSpan? EndOfKey(NodeId id) => _successions.TryGetValue(id, out Succession? succession) ? succession.Deadline : null;

    // The entry whose link stands for this peer: its own, or that of an older key in its overlap.
    private PeerEntry? LiveEntry(NodeId id) => Entries(id).FirstOrDefault(p => p.Link is not null);

    private bool IsUnsettled(NodeId id) => Entries(id).Any(p => p.Id == id ? p.IsUnsettled : p.Newcomers.Count > 0);

    private IEnumerable<PeerEntry> Entries(NodeId id) =>
        new[] { id }.Concat(OlderKeysOf(id)).Select(key => _peers.GetValueOrDefault(key)).OfType<PeerEntry>();

    // Whether what happens to this id concerns the target.
    private bool Means(DialTarget target, NodeId id) => target.Peer == id || (target.Address.Id is { } pin && CurrentOf(id) == pin);

    private sealed record Succession(NodeId New, DateTimeOffset Until, TimeSpan Deadline);
}
