namespace Meshara.Core;

// What speaks for and against a dial, for people. Changes nothing.
internal sealed partial class Mesh
{
    /// <summary>What this node knows of an address and of who should answer there, before anybody dials.</summary>
    public DialOutlook OutlookOf(PeerAddress address, TimeSpan now)
    {
        NodeId? id = address.Id is { } named ? CurrentOf(named) : null;
        PeerAddress meant = address with { Id = id };
        DialTarget? target = _targets.GetValueOrDefault(meant.ToString()) ?? _targets.Values.FirstOrDefault(t => t.Address.HostAndPort == meant.HostAndPort && (id is null || t.Peer == id));
        Policy.AddressEntry? entry = _table.Find(meant);
        return new DialOutlook
        {
            Id = id,
            IsSelf = id == _config.Self || IsOwnAddress(meant),
            OlderKeys = id is { } current ? OlderKeysOf(current) : [],
            IsKnown = id is { } peer && IsKnown(peer),
            IsLinked = id is { } other && LiveEntry(other) is not null,
            BannedUntil = id is { } suspect ? BanOf(suspect, now) : null,
            IsWanted = target?.Wanted == true,
            Attempts = target?.Attempts ?? entry?.FailedDials ?? 0,
            NextDial = target is { State: TargetState.Waiting } ? _deadlines.Of(target.Key) : null,
            IsDialling = target is { State: TargetState.Dialling } || entry is { IsDialling: true },
            Source = entry?.Source,
        };
    }

    /// <summary>Who may join.</summary>
    public AdmissionMode Admission => _config.Admission;
}

/// <summary>What a node knows of an address before it dials there. Times are on the clock of <see cref="Mesh"/>.</summary>
internal sealed record DialOutlook
{
    /// <summary>Who has to answer, by its newest key; null: whoever does.</summary>
    public required NodeId? Id { get; init; }

    /// <summary>It is this node's own id or address, or was found to lead back to it.</summary>
    public required bool IsSelf { get; init; }

    /// <summary>Older keys of the peer's that may answer too.</summary>
    public required IReadOnlyList<NodeId> OlderKeys { get; init; }

    /// <summary>The operator named the id.</summary>
    public required bool IsKnown { get; init; }

    /// <summary>A link to it lives.</summary>
    public required bool IsLinked { get; init; }

    /// <summary>The end of its ban.</summary>
    public required TimeSpan? BannedUntil { get; init; }

    /// <summary>It is dialled for ever.</summary>
    public required bool IsWanted { get; init; }

    /// <summary>Failures in a row.</summary>
    public required int Attempts { get; init; }

    /// <summary>When it is dialled next; null: that is not planned.</summary>
    public required TimeSpan? NextDial { get; init; }

    /// <summary>A dial is under way.</summary>
    public required bool IsDialling { get; init; }

    /// <summary>Where the address came from, if it is in the address table.</summary>
    public required AddressSource? Source { get; init; }
}
