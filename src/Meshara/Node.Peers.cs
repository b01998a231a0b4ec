using Meshara.Storage;

namespace Meshara;

// Who belongs to the mesh.
public sealed partial class Node
{
    /// <summary>Connects to a node, checks its key, and remembers it: it may join from now on, and is dialled again whenever the link is lost.</summary>
    /// <param name="address"><c>host:port</c> or <c>id@host:port</c>, or one of the other forms of <see cref="PeerAddress.Parse(string)"/>; without a port
    /// <see cref="PeerAddress.DefaultPort"/> is meant. Without an id or a key whoever answers is trusted (and pinned from then on); under <see cref="Admission.Secret"/> only after it has proven the secret.
    /// Where a key is pinned for this very host and port already, it must answer: to accept another, name it, or call <see cref="ReplaceKeyAsync"/>.</param>
    /// <param name="expectedPublicKey">The key that must answer; null: the id in the address, the pin of the address, or whoever answers.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The peer's id, as soon as there is a link; at once when there is one already: then the address is kept behind those that have proven right.</returns>
    /// <exception cref="ArgumentException">The key is not that of the id in the address.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; nothing was remembered.</exception>
    /// <exception cref="MesharaException">
    /// There is no link, and nothing was remembered. <see cref="MesharaErrorCode.InvalidFormat"/>: not an address.
    /// Network: <see cref="MesharaErrorCode.NameNotResolved"/>, <see cref="MesharaErrorCode.ConnectFailed"/>, <see cref="MesharaErrorCode.ConnectTimeout"/>.
    /// Identity: <see cref="MesharaErrorCode.PinMismatch"/>, <see cref="MesharaErrorCode.Self"/>, <see cref="MesharaErrorCode.NoCertificate"/>,
    /// <see cref="MesharaErrorCode.BadCertificate"/>, <see cref="MesharaErrorCode.IdentityInUse"/>: a copy of this node or of a peer with a link answers there.
    /// Handshake: <see cref="MesharaErrorCode.TlsFailed"/>, <see cref="MesharaErrorCode.TlsTimeout"/>, <see cref="MesharaErrorCode.WrongProtocol"/>,
    /// <see cref="MesharaErrorCode.HelloTimeout"/>, <see cref="MesharaErrorCode.ProtocolError"/>, <see cref="MesharaErrorCode.LinkClosed"/>,
    /// <see cref="MesharaErrorCode.VersionMismatch"/>.
    /// Refused by either side: <see cref="MesharaErrorCode.Full"/>, <see cref="MesharaErrorCode.NotAdmitted"/>, <see cref="MesharaErrorCode.Banned"/>,
    /// <see cref="MesharaErrorCode.WrongMesh"/>, <see cref="MesharaErrorCode.GoingAway"/>, <see cref="MesharaErrorCode.RateLimited"/>,
    /// <see cref="MesharaErrorCode.Duplicate"/>, <see cref="MesharaErrorCode.Removed"/>, <see cref="MesharaErrorCode.Refused"/>.
    /// Here: <see cref="MesharaErrorCode.NodeStopped"/>; <see cref="MesharaErrorCode.DataDirectory"/>: there is a link, but it could not be stored.
    /// </exception>
    public async Task<NodeId> AddPeerAsync(string address, PublicKey? expectedPublicKey = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        PeerAddress parsed;
        try
        {
            parsed = PeerAddress.Parse(address);
        }
        catch (FormatException e)
        {
            throw new MesharaException(MesharaErrorCode.InvalidFormat, e.Message, innerException: e);
        }

        return await AddPeerAsync(parsed, expectedPublicKey, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc cref="AddPeerAsync(string, PublicKey?, CancellationToken)"/>
    public async Task<NodeId> AddPeerAsync(PeerAddress address, PublicKey? expectedPublicKey = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        cancellationToken.ThrowIfCancellationRequested();
        if (expectedPublicKey is not null && address.Id is { } named && named != expectedPublicKey.Id)
        {
            throw new ArgumentException($"The address names {named}, the key has the id {expectedPublicKey.Id}.", nameof(expectedPublicKey));
        }

        PeerAddress wanted = expectedPublicKey is null ? WithPin(address) : address with { Id = expectedPublicKey.Id };
        (PublicKey key, PeerAddress found) = await _driver.AddAsync(wanted, isKey: expectedPublicKey is not null, cancellationToken).ConfigureAwait(false);
        bool proven = _live.Find(key.Id) is { } live && live.Link.Address == found.HostAndPort;
        await _pins.DoAsync(
            () =>
            {
                // Where an older key of the peer's answered in its overlap, the newest one stays pinned.
                PublicKey? pinned = found.Id == key.Id ? key : _known.Find(found.Id ?? key.Id)?.Key;
                return pinned is not null && Remember(pinned, found, proven);
            },
            CancellationToken.None).ConfigureAwait(false);
        return key.Id;
    }

    /// <summary>Lets a node join, now and after a restart; does not wait for a link.</summary>
    /// <remarks>A node whose address is known is dialled at once: the addresses that are configured or stored, and those that are known of it as of any other peer, for ever; or else, for a minute, where it was when it was removed or refused
    /// since the start of this node (where this node dialled it, or where its HELLO said that it listens, on the host that it called from). Any other has to call: one that was removed or
    /// refused does so again within <see cref="NodeTimeouts.MaxBackoff"/> of its own.</remarks>
    /// <param name="key">Its key.</param>
    /// <param name="name">What to call the peer, 1 to 64 characters without control characters; null leaves it as it is.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ArgumentException">The name is not one.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled before it was done.</exception>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.DataDirectory"/>: it could not be stored, and nothing changed. <see cref="MesharaErrorCode.NodeStopped"/>.</exception>
    public async Task TrustAsync(PublicKey key, string? name = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(key);
        KnownPeer.ThrowIfNoName(name);
        await _pins.DoAsync(
            async () =>
            {
                Remember(key, address: null, proven: false, name);
                await _driver.TrustAsync(key.Id).ConfigureAwait(false);
                return true;
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Puts another key in the place of a pinned one, for a peer whose identity was made anew: the name and the addresses stay,
    /// the link to the old key ends, and the new one is dialled.</summary>
    /// <param name="old">The id that is pinned.</param>
    /// <param name="key">The peer's new key, from a source that the operator trusts.</param>
    /// <param name="cancellationToken">Gives up waiting for the end of the old link; the key is replaced all the same.</param>
    /// <returns>False: <paramref name="old"/> is not pinned, and nothing changed.</returns>
    /// <exception cref="ArgumentException">The key is this node's own.</exception>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.DataDirectory"/>: it could not be stored, and nothing changed. <see cref="MesharaErrorCode.NodeStopped"/>.</exception>
    public async Task<bool> ReplaceKeyAsync(NodeId old, PublicKey key, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (key.Id == Id)
        {
            throw new ArgumentException($"{key.Id} is this node's own key.", nameof(key));
        }

        (bool replaced, Task ended) = await _pins.DoAsync(
            async () =>
            {
                if (!_known.Replace(old, key))
                {
                    return (false, Task.CompletedTask);
                }

                Task end = key.Id == old ? Task.CompletedTask : (await _driver.RemoveAsync(old, key.Id).ConfigureAwait(false)).Ended;
                await _driver.TrustAsync(key.Id).ConfigureAwait(false);
                return (true, end);
            },
            cancellationToken).ConfigureAwait(false);
        await ended.WaitAsync(cancellationToken).ConfigureAwait(false);
        foreach (PeerAddress address in replaced ? _known.Find(key.Id)?.Addresses ?? [] : [])
        {
            await _driver.WantAsync(address).ConfigureAwait(false);
        }

        return replaced;
    }

    /// <summary>Forgets a peer: says goodbye and unpins its key. One that was not named by the operator is forgotten with its addresses; one that was is a peer like any
    /// other again, at the addresses that others named.</summary>
    /// <param name="id">The peer, by the id that it has or one that it had.</param>
    /// <param name="cancellationToken">Gives up waiting for the end of the link; the peer is forgotten all the same.</param>
    /// <returns>Whether anything was known of it. When the task ends, so has the link.</returns>
    /// <remarks>Under <see cref="Admission.Open"/> and <see cref="Admission.Secret"/> the peer may join again by itself, and where its address is known as of any other, this node may
    /// dial it, not before five minutes have passed. It is told, and if it dials this node it tries again after half of its <see cref="NodeTimeouts.MaxBackoff"/> to all of it.</remarks>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.DataDirectory"/>: it could not be stored, and nothing changed. <see cref="MesharaErrorCode.NodeStopped"/>.</exception>
    public async Task<bool> RemovePeerAsync(NodeId id, CancellationToken cancellationToken = default)
    {
        (bool found, Task ended) = await _pins.DoAsync(
            async () =>
            {
                // Whatever key of the peer's is meant, none of them stays pinned.
                NodeId current = _live.Aliases.GetValueOrDefault(id, id);
                bool stored = _known.Remove(id);
                foreach (NodeId other in _live.Aliases.Where(a => a.Value == current).Select(a => a.Key).Append(current))
                {
                    stored |= _known.Remove(other);
                }

                (bool known, Task end) = await _driver.RemoveAsync(id).ConfigureAwait(false);
                return (stored || known, end);
            },
            cancellationToken).ConfigureAwait(false);
        await ended.WaitAsync(cancellationToken).ConfigureAwait(false);
        return found;
    }

    /// <summary>Tells the node where another one may be. It dials the address when it looks for peers (<see cref="DiscoveryOptions"/>); nobody is pinned by it.</summary>
    /// <remarks>Under <see cref="Admission.KnownPeers"/> nothing is learned. Loopback, private and link-local addresses are taken from the operator's sources only; names too.</remarks>
    /// <param name="address">With the id that must answer; only <see cref="AddressSource.Bootstrap"/> may leave it out.</param>
    /// <param name="source">Where it was found; policy weighs that.</param>
    /// <exception cref="ArgumentException">There is no id in it.</exception>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.NodeStopped"/>.</exception>
    public Task LearnAddressAsync(PeerAddress address, AddressSource source = AddressSource.Manual)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (address.Id is null && source != AddressSource.Bootstrap)
        {
            throw new ArgumentException($"{address} does not say who must answer there. Write id@host:port.", nameof(address));
        }

        return _driver.LearnAsync(address, source);
    }

    /// <summary>What is known of a peer, connected or not, and what raised and lowered its reputation; null: nothing.</summary>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.NodeStopped"/>.</exception>
    public Task<PeerExplanation?> ExplainPeerAsync(NodeId id) => _driver.ExplainAsync(id);

    /// <summary>Where a node of this id is announced in the local network (multicast DNS), at most 8 addresses of each of its keys; nothing of it is proven. Empty: nowhere, or this node does not browse
    /// (<see cref="DiscoveryOptions.MdnsMode"/>). Of a peer whose key has changed the addresses of the newest key come first.</summary>
    /// <param name="id">The peer, by its newest key or an earlier one; the own id finds nothing.</param>
    /// <returns>What is known now: nobody is asked. Each address has the id under which it is announced, and a link-local one its scope.</returns>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.NodeStopped"/>.</exception>
    public Task<IReadOnlyList<PeerAddress>> FindNearbyAsync(NodeId id) => _driver.FindNearbyAsync(id);

    /// <summary>Who is banned now for its conduct, in the order of their ids.</summary>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.NodeStopped"/>.</exception>
    public Task<IReadOnlyList<PeerExplanation>> ListBannedAsync() => _driver.ListBannedAsync();

    /// <summary>Lifts a peer's ban, and sets its reputation to 0 and its history to nothing. The peer itself comes back when its own wait is over.</summary>
    /// <param name="id">The banned peer, or any other.</param>
    /// <returns>False: nothing was held for or against it.</returns>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.NodeStopped"/>.</exception>
    public Task<bool> ForgiveAsync(NodeId id) => _driver.ForgiveAsync(id);

    /// <summary>Ids of peers that this node knows something of (<see cref="ExplainPeerAsync"/>, <see cref="FindNearbyAsync"/>) and that begin with these hex digits, in order.</summary>
    /// <param name="prefix">The first digits, upper or lower case.</param>
    /// <param name="most">How many to give back at most.</param>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.NodeStopped"/>.</exception>
    public Task<IReadOnlyList<NodeId>> FindPeersAsync(string prefix, int most = 16)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        ArgumentOutOfRangeException.ThrowIfNegative(most);
        return _driver.FindAsync(prefix, most);
    }

    /// <summary>How many peers the node has and wants.</summary>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.NodeStopped"/>.</exception>
    public Task<PeerCounts> CountPeersAsync() => _driver.CountAsync();

    /// <summary>The peers to which a link lives, sorted by id.</summary>
    public IReadOnlyList<PeerInfo> ListPeers() => [.. _live.All().Select(l => l.Value.Describe())];

    /// <summary>The pins, in the order of <c>known_peers</c>: who may join under <see cref="Admission.KnownPeers"/>, connected or not. Beside them may join whom
    /// <see cref="NodeOptions.Peers"/> names with an id, and whom <see cref="DiscoveryOptions.StaticPeersFile"/> names.</summary>
    public IReadOnlyList<TrustedPeer> ListTrusted() => [.. _known.All.Select(p => p.Describe())];

    /// <summary>What happens between this node and others, from the moment of this call on; ends with the node.</summary>
    /// <param name="cancellationToken">Stops watching.</param>
    /// <remarks>Each watcher has a queue of 1024 events; one that reads more slowly than they come loses the oldest, and the log says so.</remarks>
    public IAsyncEnumerable<PeerEvent> WatchAsync(CancellationToken cancellationToken = default) => _events.Watch(cancellationToken);

    // An address that names nobody means whoever is pinned there.
    private PeerAddress WithPin(PeerAddress address) =>
        address.Id is null && _known.FindByAddress(address) is { } pinned ? address with { Id = pinned.Id } : address;

    // Called by the driver, which does not wait for a disk.
    private void Pin(PublicKey key, PeerAddress address) => _pins.Post(() =>
    {
        try
        {
            Remember(key, address, proven: true);
            _logger.TrustedOnFirstUse(key.Id, address.HostAndPort);
        }
        catch (MesharaException e)
        {
            _logger.PinNotStored(key.Id, address.HostAndPort, e.Message);
        }
    });

    // As above. What the operator has said of the two keys meanwhile counts more.
    private void Succeed(NodeId old, PublicKey key, DateTimeOffset until) => _pins.Post(() =>
    {
        try
        {
            if (_live.Aliases.ContainsKey(old))
            {
                _known.Succeed(old, key, until, createIfMissing: _options.Peers.Concat(_staticPeers?.Addresses ?? []).Any(p => p.Id == old));
            }
        }
        catch (MesharaException e)
        {
            _logger.SuccessionNotStored(old, key.Id, e.Message);
        }
    });

    // What is stored of a peer already stays.
    private bool Remember(PublicKey key, PeerAddress? address, bool proven, string? name = null)
    {
        KnownPeer? old = _known.Find(key.Id);
        IEnumerable<PeerAddress> stored = old?.Addresses ?? [];
        IEnumerable<PeerAddress> addresses = address is null ? stored
            : proven ? [address, .. stored.Where(a => a != address)]
            : stored.Contains(address) ? stored
            : [.. stored.Take(KnownPeer.MaxAddresses - 1), address];
        KnownPeerOrigin origin = address is not null || old?.Origin == KnownPeerOrigin.Added ? KnownPeerOrigin.Added : KnownPeerOrigin.Trusted;
        return _known.Add(new KnownPeer(key, [.. addresses.Take(KnownPeer.MaxAddresses)], name ?? old?.Name, origin), takeAddresses: proven);
    }
}
