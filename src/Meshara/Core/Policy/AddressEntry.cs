namespace Meshara.Core.Policy;

/// <summary>One address of one id in <see cref="AddressTable"/>, which alone changes it. Times are on the clock of <see cref="Mesh"/>.</summary>
internal sealed class AddressEntry(PeerAddress address, long number, AddressSource source, AddressKey sourceGroup, TimeSpan firstSeen)
{
    /// <summary>The key of the entry. Without an id only where the operator's bootstrap node has none.</summary>
    public PeerAddress Address { get; } = address;

    /// <summary>Name of the entry in the table; never used again.</summary>
    public long Number { get; } = number;

    /// <summary>The id that must answer; of a bootstrap node without one, the id that answered last; null: nobody yet.</summary>
    public NodeId? Id => Address.Id ?? AnsweredBy;

    /// <summary>Of a bootstrap node without an id: who answered last.</summary>
    public NodeId? AnsweredBy { get; set; }

    public AddressSource Source { get; set; } = source;

    public AddressKey SourceGroup { get; set; } = sourceGroup;

    /// <summary>The group of the address, for diversity.</summary>
    public AddressKey Group { get; set; }

    /// <summary>The key by which entries of one address are counted and marks found; a DNS name: itself.</summary>
    public AddressKey AddressKey { get; set; }

    /// <summary>Neither trusted nor on-link: the number of unproven entries for one <see cref="AddressKey"/> is bounded.</summary>
    public bool IsCounted { get; set; }

    /// <summary>From the configuration: takes no slot and is never dropped.</summary>
    public bool IsFixed { get; set; }

    public TimeSpan FirstSeen { get; set; } = firstSeen;

    public TimeSpan LastSeen { get; set; } = firstSeen;

    public TimeSpan? LastTried { get; set; }

    /// <summary>When a dial last ended in READY or in the answer to a probe.</summary>
    public TimeSpan? LastSuccess { get; set; }

    /// <summary>Failures since the last success that this node's own network cannot explain.</summary>
    public int Failures { get; set; }

    /// <summary>All failures since the last success, whosever fault they were: for people.</summary>
    public int FailedDials { get; set; }

    /// <summary>Its host and port, with the backoff of all that are believed there.</summary>
    public AddressSpot Spot { get; set; } = null!;

    /// <summary>How often in a row another key answered than its own.</summary>
    public int WrongKeys { get; set; }

    /// <summary>How often in a row the right key answered and refused.</summary>
    public int RefusedInRow { get; set; }

    /// <summary>What the other side asked for; no reset of the backoff goes below it.</summary>
    public TimeSpan NotBefore { get; set; }

    /// <summary>A dial is under way.</summary>
    public bool IsDialling { get; set; }

    /// <summary>It was not usable when it was drawn.</summary>
    public bool IsParked { get; set; }

    /// <summary>This node chose it before, and had a link to it for a while: chosen first when it is back.</summary>
    public bool IsRegular { get; set; }

    /// <summary>In the table of proven addresses.</summary>
    public bool IsProven { get; set; }

    /// <summary>Place in its table; -1: none.</summary>
    public int Slot { get; set; } = -1;

    /// <summary>Place in the list of its group of what can be picked; -1: it waits.</summary>
    public int ReadyIndex { get; set; } = -1;

    /// <summary>When a failure was last counted.</summary>
    public TimeSpan? LastCounted { get; set; }
}
