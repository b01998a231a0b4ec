using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Engine;

/// <summary>What the responder keeps of a link: its names, its records, what it has to say there and when.</summary>
internal sealed class ResponderLink(LinkState state, ResponsePacker packer, Outbox outbox)
{
    private readonly Dictionary<OwnName, NameClaim> _claims = [];
    private readonly Dictionary<DnsName, NameClaim> _byName = [];

    public LinkState State { get; } = state;

    public LinkZone Zone { get; private set; } = LinkZone.Empty;

    public AnswerQueue Queue { get; } = new(state, packer, outbox);

    public Announcer Announcer { get; } = new(state, packer, outbox);

    /// <summary>All names on this link.</summary>
    public IReadOnlyCollection<NameClaim> Claims => _claims.Values;

    public NameClaim Claim(OwnName name) => _claims[name];

    /// <summary>The claim to a name; null: it is none of ours.</summary>
    public NameClaim? Find(DnsName name) => _byName.GetValueOrDefault(name);

    /// <summary>Begins to claim a name.</summary>
    public void Add(OwnName name, TimeSpan firstProbe)
    {
        NameClaim claim = new(name);
        claim.Restart(firstProbe);
        _claims.Add(name, claim);
        _byName.Add(name.Name, claim);
    }

    /// <summary>Claims it no longer. Call it before the name changes.</summary>
    public void Remove(OwnName name)
    {
        _claims.Remove(name);
        _byName.Remove(name.Name);
    }

    public bool Has(OwnName name) => _claims.ContainsKey(name);

    /// <summary>Whether the names of a publication are proven here.</summary>
    public bool IsReady(Publication publication) =>
        _claims.TryGetValue(publication.Instance, out NameClaim? instance) && instance.IsHeld && _claims.TryGetValue(publication.Host, out NameClaim? host) && host.IsHeld;

    /// <summary>When a first probe may go: in 0 to 250 ms, together with others that wait (RFC 6762 section 8.1).</summary>
    public TimeSpan FirstProbe(Random random, TimeSpan now)
    {
        foreach (NameClaim claim in _claims.Values)
        {
            if (claim.ProbesSent == 0 && claim.NextAt is { } at && at > now && at <= now + Prober.MostFirstDelay)
                return at;
        }

        return now + (Prober.MostFirstDelay * random.NextDouble());
    }

    /// <summary>Takes new records in place of the old: what stays keeps its times. Returns the sets that are no more.</summary>
    public IReadOnlyList<OwnSet> Replace(LinkZone zone)
    {
        List<OwnSet> gone = [];
        foreach (OwnSet old in Zone.All)
        {
            if (zone.Same(old) is { } same)
            {
                same.LastMulticast = old.LastMulticast;
                same.LastRescue = old.LastRescue;
            }
            else
            {
                gone.Add(old);
            }
        }

        Zone = zone;
        Queue.Replace(zone.Same);
        return gone;
    }
}
