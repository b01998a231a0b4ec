namespace Meshara.Core;

// Peers that a file of the operator's names as a whole: whoever is in it is static, whoever is not any more is what it would be without the file.
internal sealed partial class Mesh
{
    // By the key in the file, and by the one that has succeeded it.
    private readonly SortedSet<NodeId> _named = [];

    /// <summary>All peers that the static peers file names, in the place of those that it named before. New ones are admitted and dialled for ever; an address that is no longer
    /// in it is dialled no more. A link ends only where its peer may no longer be here: under KnownPeers, when nobody else has named it.</summary>
    /// <param name="addresses">With ids.</param>
    /// <param name="now">The time.</param>
    public void HandleNamed(IReadOnlyList<PeerAddress> addresses, TimeSpan now)
    {
        if (_stopped)
        {
            return;
        }

        NodeId[] before = [.. _named];
        _named.Clear();
        _placesDue.All = true;
        foreach (PeerAddress address in addresses)
        {
            _named.Add(address.Id!.Value);
            _named.Add(CurrentOf(address.Id.Value));
        }

        // A file that all nodes of a mesh share has this one too.
        _named.Remove(_config.Self);
        foreach (NodeId id in _named.Except(before))
        {
            BecameStatic(id, now);
        }

        Retarget([.. addresses.Select(a => a with { Id = CurrentOf(a.Id!.Value) }).Where(a => a.Id != _config.Self && !_selfAddresses.Contains(a.HostAndPort))], now);
        foreach (NodeId id in before.Where(id => !IsKnown(id)))
        {
            Unname(id, "the static peers file", now);
        }

        Tolerate();
        Touch();
        Manage(now);
    }

    private void Retarget(PeerAddress[] addresses, TimeSpan now)
    {
        HashSet<string> named = [.. addresses.Select(a => a.ToString())];
        List<NodeId> woken = [];
        foreach (DialTarget gone in _targets.Values.Where(t => t.Listed && !named.Contains(t.Address.ToString())).ToArray())
        {
            gone.Listed = false;
            if (gone is { Wanted: false, Adds.Count: 0 })
            {
                // A link that it led to stays.
                RemoveTarget(gone);
                woken.Add(gone.Peer!.Value);
                if (_config.Admission != AdmissionMode.KnownPeers && !_named.Contains(gone.Peer.Value))
                {
                    Learn(gone.Address, AddressSource.StaticFile, from: null, now);
                }
            }
        }

        foreach (PeerAddress address in addresses)
        {
            DialTarget target = Target(address);
            if (target.Listed)
            {
                continue;
            }

            target.Listed = true;
            if (LiveAt(target) is { } peer)
            {
                Satisfy(target, peer, now);
            }
            else if (target.State is not (TargetState.Dialling or TargetState.Awaiting))
            {
                DialIfUseful(target, now);
            }

            GiveUpCandidatesFor(address, now);
        }

        foreach (NodeId id in woken)
        {
            Wake(id, now);
        }
    }

    // Nobody names it any more.
    private void Unname(NodeId id, string from, TimeSpan now)
    {
        foreach (DialTarget learned in _targets.Values.Where(t => t.Address.Id == id && t is { IsLearned: true, Adds.Count: 0 }).ToArray())
        {
            RemoveTarget(learned);
        }

        Emit(new MeshAction.Keep(id));
        if (_config.Admission != AdmissionMode.KnownPeers)
        {
            return;
        }

        RememberWhere(id);
        foreach (PeerEntry peer in Entries(id).ToArray())
        {
            foreach (MeshConnection newcomer in peer.Newcomers.ToArray())
            {
                TurnAway(newcomer, Wire.RefuseCode.NotAdmitted, Wire.GoodbyeCode.Removed, $"the peer was taken out of {from}", now);
            }

            if (peer.Link is { } link)
            {
                Close(link, DisconnectReason.LocalRemoved, $"taken out of {from}", now);
            }

            peer.Back = null;
            Forget(peer.Id);
        }
    }
}
