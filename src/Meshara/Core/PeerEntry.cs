namespace Meshara.Core;

// One peer, seen from this node. A newcomer is a connection on which this id has said HELLO and was admitted.
//
//                 newcomer                       READY sent and received
//   Absent ─────────────────────▶ Greeting ─────────────────────────────────▶ Linked ◀──────────┐
//     ▲ ▲                            │  ▲                                      │ │ ▲            │
//     │ └── last newcomer failed ────┘  │                                      │ │ │ PONG:      │
//     │                                 │           READY would go to another  │ │ │ newcomers  │ READY on
//     │                                 │           newcomer: hold it, PING    ▼ │ │ refused    │ the newcomer
//     │                                 └────── link ended, or is silent ── Checking ───────────┘
//     │                                         (closed: replaced)               │
//     └───────────────── link ended, no newcomer ────────────────────────────────┘
//
// The greater id (G) gives READY only after it has got it, so it alone decides which of several newcomers is the link.
internal sealed class PeerEntry(NodeId id, PlacesDue due)
{
    private readonly List<MeshConnection> _newcomers = [];
    private bool _known;
    private MeshConnection? _link;

    public NodeId Id { get; } = id;

    /// <summary>The operator named this id: trusted, stored, or added.</summary>
    public bool Known
    {
        get => _known;
        set
        {
            _known = value;
            due.Add(this);
        }
    }

    /// <summary>Where the peer says that it listens, on the host that its last link came from; its key is expected there.</summary>
    public PeerAddress? Back { get; set; }

    /// <summary>The one live link.</summary>
    public MeshConnection? Link
    {
        get => _link;
        set
        {
            due.Linked += (value is null ? 0 : 1) - (_link is null ? 0 : 1);
            _link = value;
            due.Add(this);
        }
    }

    /// <summary>Admitted and not live yet, probes not among them; in the order of their HELLOs.</summary>
    public IReadOnlyList<MeshConnection> Newcomers => _newcomers;

    /// <summary>Links told to close that have not ended yet.</summary>
    public List<MeshConnection> Closing { get; } = [];

    /// <summary>All connections to one id take one place.</summary>
    public bool HasPlace => Link is not null || Newcomers.Count > 0;

    /// <summary>A connection of this peer has yet to get live or to end.</summary>
    public bool IsUnsettled => Newcomers.Count > 0 || Closing.Count > 0;

    /// <summary>As what it was counted last.</summary>
    public PlaceKind Counted { get; set; }

    /// <summary>For <see cref="PlacesDue"/>: it is in it.</summary>
    public bool IsCountDue { get; set; }

    public void AddNewcomer(MeshConnection connection)
    {
        _newcomers.Add(connection);
        due.Add(this);
    }

    public void RemoveNewcomer(MeshConnection connection)
    {
        if (_newcomers.Remove(connection))
        {
            due.Add(this);
        }
    }

    /// <summary>Something of one of its connections has changed.</summary>
    public void CountAgain() => due.Add(this);
}
