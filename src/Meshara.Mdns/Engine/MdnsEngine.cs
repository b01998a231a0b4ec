using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Engine;

/// <summary>Multicast DNS on all links: packets, wishes and <c>now</c> in, packets and news out.</summary>
/// <remarks>
/// Pure: no task, socket, clock, lock or logger; one owner calls it. <c>now</c> is the time since the owner's start and never goes back; randomness is handed in.
/// After each call poll until there is nothing left, then again at <see cref="NextDeadline"/>. RFC 6762, RFC 6763.
/// </remarks>
internal sealed class MdnsEngine
{
    private readonly EngineConfig _config;
    private readonly Outbox _outbox = new();
    private readonly Responder _responder;
    private readonly Querier _querier;
    private readonly List<LinkState> _links = [];
    private readonly string _defaultHost;

    public MdnsEngine(EngineConfig config, Random random)
    {
        _config = config;
        _defaultHost = Responder.DrawHost(random);
        _responder = new Responder(random, _outbox);
        _querier = new Querier(config, random, _outbox, _responder.Own);
    }

    /// <summary>When <see cref="TryPoll"/> has to be called at the latest; null: not at all.</summary>
    public TimeSpan? NextDeadline => _responder.NextDeadline is { } responder && !(_querier.NextDeadline < responder) ? responder : _querier.NextDeadline;

    /// <summary>The links there are.</summary>
    public IReadOnlyList<LinkState> Links => _links;

    /// <summary>How much is kept beside what the owner asked for: for tests of its bounds.</summary>
    internal int Remembered => _responder.Remembered + _outbox.Remembered + _querier.Remembered;

    /// <summary>Does what is due, and takes the next thing to do; false: nothing.</summary>
    public bool TryPoll(TimeSpan now, [NotNullWhen(true)] out EngineAction? action)
    {
        if (_outbox.TryTake(out action))
            return true;
        if (_responder.NextDeadline <= now)
            _responder.Advance(now);
        if (_querier.NextDeadline <= now)
            _querier.Poll(now);
        return _outbox.TryTake(out action);
    }

    /// <summary>The interfaces that can be used from now on: what is new is begun, what is missing forgotten.</summary>
    public void SetInterfaces(IReadOnlyList<EngineInterface> interfaces, TimeSpan now)
    {
        Dictionary<LinkKey, EngineInterface> wanted = [];
        foreach (EngineInterface face in interfaces)
        {
            // A family without an address cannot send: the system would take another interface's.
            if (face.IPv4 && face.Addresses.Any(a => a.AddressFamily == AddressFamily.InterNetwork))
                wanted[new LinkKey(face.Index, IPv6: false)] = face;
            if (face.IPv6 && face.Addresses.Any(a => a.AddressFamily == AddressFamily.InterNetworkV6))
                wanted[new LinkKey(face.Index, IPv6: true)] = face;
        }

        foreach (LinkState link in _links.Where(l => !wanted.TryGetValue(l.Key, out EngineInterface? face) || face.Name != l.Interface.Name).ToArray())
        {
            _links.Remove(link);
            _responder.RemoveLink(link);
            _querier.RemoveLink(link, now);
        }

        foreach ((LinkKey key, EngineInterface face) in wanted)
        {
            if (_links.Find(l => l.Key == key) is { } link)
                Change(link, face, now);
            else
                Add(new LinkState(key, face, _config), now);
        }
    }

    /// <summary>The machine woke from sleep: everything is proven, announced and asked anew.</summary>
    public void Wake(TimeSpan now)
    {
        foreach (LinkState link in _links)
        {
            _querier.DoubtLink(link, now);
            if (!link.IsDead)
                _responder.LinkUp(link, now);
        }
    }

    /// <summary>The system refused to send: no schedule goes on there, until <see cref="LinkUp"/> or another address.</summary>
    public void SendFailed(LinkKey key, TimeSpan now)
    {
        if (_links.Find(l => l.Key == key) is not { IsDead: false } link)
            return;
        link.IsDead = true;
        _responder.LinkDead(link);
    }

    /// <summary>Sending works again: all begins anew.</summary>
    public void LinkUp(LinkKey key, TimeSpan now)
    {
        if (_links.Find(l => l.Key == key) is not { IsDead: true } link)
            return;
        link.IsDead = false;
        _responder.LinkUp(link, now);
        _querier.RestartLink(link, now);
    }

    /// <summary>How many of our own packets came back on this link.</summary>
    public long LoopbackHeard(LinkKey key) => _links.Find(l => l.Key == key)?.LoopbackHeard ?? 0;

    /// <summary>Begins to publish a service; <see cref="EngineAction.Published"/> tells when and under which name it is.</summary>
    public void Publish(PublicationId id, ServiceProfile profile, TimeSpan now) => _responder.Publish(id, profile, _defaultHost, now);

    /// <summary>Changes what is published. With another instance, type or host name it is withdrawn, and published anew.</summary>
    public void Update(PublicationId id, ServiceProfile profile, TimeSpan now) => _responder.Update(id, profile, _defaultHost, now);

    /// <summary>Withdraws a service, with a goodbye.</summary>
    public void Unpublish(PublicationId id, TimeSpan now) => _responder.Unpublish(id, now);

    /// <summary>Says goodbye for everything.</summary>
    public void Shutdown(TimeSpan now) => _responder.Shutdown(now);

    /// <summary>Somebody begins to browse; <see cref="EngineAction.Changed"/> tells him what comes, changes and goes, beginning with what is known already.</summary>
    /// <param name="id">Who; nobody else has this id.</param>
    /// <param name="type">The type, as <c>_ipp._tcp.local</c>, or <c>_services._dns-sd._udp.local</c> for all types (RFC 6763 section 9).</param>
    /// <param name="subtype">The narrower kind (RFC 6763 section 7.1); null: all.</param>
    /// <param name="schedule">How often he asks.</param>
    /// <param name="now">The time.</param>
    public void Browse(BrowseId id, DnsName type, string? subtype, BrowseSchedule schedule, TimeSpan now) => _querier.Browse(id, type, subtype, schedule, now);

    /// <summary>Somebody browses no more, and is told nothing more.</summary>
    public void StopBrowse(BrowseId id, TimeSpan now) => _querier.StopBrowse(id, now);

    /// <summary>Asks once more, out of turn, for what somebody browses.</summary>
    public void Requery(BrowseId id, TimeSpan now) => _querier.Requery(id, now);

    /// <summary>A packet was heard. It may hold anything.</summary>
    /// <param name="key">The link on which it was heard.</param>
    /// <param name="from">Its sender.</param>
    /// <param name="toMulticast">Whether its destination was exactly the group.</param>
    /// <param name="packet">Its bytes.</param>
    /// <param name="now">The time.</param>
    public void Receive(LinkKey key, IPEndPoint from, bool toMulticast, ReadOnlySpan<byte> packet, TimeSpan now)
    {
        if (_links.Find(l => l.Key == key) is not { } link)
            return;
        bool isOwn = link.IsOwn(from.Address) || _links.Exists(l => l.IsOwn(from.Address));
        if (_outbox.IsEcho(link, from, packet, isOwn, now) || !DnsReader.TryRead(packet, out DnsMessage? message))
            return;

        // RFC 6762 sections 18.3 and 18.11.
        if (message.Opcode != 0 || message.ResponseCode != 0)
            return;
        PacketInfo info = new(key, from, toMulticast);
        if (!message.IsResponse)
        {
            _responder.HandleQuery(link, message, info, now);
            _querier.HandleQuery(link, message, info, now);
            return;
        }

        // RFC 6762 section 6: from port 5353 only; section 11: to this host alone only from the link, and only what it asked for.
        if (from.Port != MdnsPort.Number)
            return;
        if (!toMulticast)
            message = isOwn || link.IsOnLink(from.Address) ? _outbox.OnlyAsked(link, message, now) : null;
        if (message is null)
            return;
        _responder.HandleResponse(link, message, info, now);
        _querier.HandleResponse(link, message, info, now);
    }

    private void Add(LinkState link, TimeSpan now)
    {
        _links.Add(link);
        _responder.AddLink(link, now);
        _querier.AddLink(link, now);
    }

    private void Change(LinkState link, EngineInterface face, TimeSpan now)
    {
        EngineInterface old = link.Interface;
        link.Interface = face;
        if (old.Addresses.Count == face.Addresses.Count && old.Addresses.All(face.Addresses.Contains))
            return;

        // RFC 6762 section 8: with none of the old addresses it is another network, as far as anybody can tell.
        bool isNew = link.IsDead || !old.Addresses.Any(a => a.AddressFamily == Family(link) && face.Addresses.Contains(a));
        link.IsDead = false;
        _responder.ChangeLink(link, isNew, now);
        if (isNew)
            _querier.DoubtLink(link, now);
        else
            _querier.RestartLink(link, now);
    }

    private static AddressFamily Family(LinkState link) => link.Key.IPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
}
