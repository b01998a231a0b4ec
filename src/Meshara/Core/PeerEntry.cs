using System.Runtime.InteropServices;
using Meshara.Core.Policy;

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
internal sealed class PeerEntry(NodeId id)
{
    public NodeId Id { get; } = id;

    /// <summary>The operator named this id: trusted, stored, or added.</summary>
    public bool Known { get; set; }

    /// <summary>Where the peer says that it listens, on the host that its last link came from; its key is expected there.</summary>
    public PeerAddress? Back { get; set; }

    public Reputation Reputation { get; set; }

    /// <summary>The one live link.</summary>
    public MeshConnection? Link { get; set; }

    /// <summary>Admitted and not live yet, probes not among them; in the order of their HELLOs.</summary>
    public List<MeshConnection> Newcomers { get; } = [];

    /// <summary>Links told to close that have not ended yet.</summary>
    public List<MeshConnection> Closing { get; } = [];

    /// <summary>All connections to one id take one place.</summary>
    public bool HasPlace => Link is not null || Newcomers.Count > 0;

    /// <summary>A connection of this peer has yet to get live or to end.</summary>
    public bool IsUnsettled => Newcomers.Count > 0 || Closing.Count > 0;
}

internal enum ConnectionPhase
{
    /// <summary>Before HELLO.</summary>
    Connecting,

    /// <summary>Admitted: READY goes to and fro.</summary>
    Greeting,

    /// <summary>Its READY is held until the old link has been checked.</summary>
    Held,

    Live,

    /// <summary>Told to close.</summary>
    Closing,
}

/// <summary>One transport connection.</summary>
internal sealed class MeshConnection(long id, bool inbound, string address, DialTarget? target)
{
    public long Id { get; } = id;

    public bool Inbound { get; } = inbound;

    /// <summary>The other end, host:port.</summary>
    public string Address { get; } = address;

    /// <summary>What was dialled; null for an accepted connection.</summary>
    public DialTarget? Target { get; set; } = target;

    public ConnectionPhase Phase { get; set; }

    public PeerEntry? Peer { get; set; }

    public UInt128 Instance { get; set; }

    public bool Probe { get; set; }

    public PeerAddress? Back { get; set; }

    public bool ReadySent { get; set; }

    public bool ReadyReceived { get; set; }

    // From here on: of a live link.
    public TimeSpan LiveSince { get; set; }

    /// <summary>Newcomers that wait for the check of this link.</summary>
    public List<MeshConnection> Held { get; } = [];

    /// <summary>The old-link check: when it began, the PING whose PONG ends it, and when to look again.</summary>
    public (TimeSpan Since, long Ping, TimeSpan Due)? LinkCheck { get; set; }

    /// <summary>The check after a change of the network.</summary>
    public ChangeCheck? ChangeCheck { get; set; }

    public long LastPing { get; set; }

    /// <summary>PINGs that no PONG has settled.</summary>
    public int PingsOutstanding { get; set; }

    /// <summary>PINGs sent for silence since the last sign of life, and when the last was.</summary>
    public int SilencePings { get; set; }

    public TimeSpan SilencePingAt { get; set; }

    public TimeSpan HeartbeatDue { get; set; }

    public TimeSpan RoundTripDue { get; set; }

    /// <summary>Closed for a change of the network: nothing speaks against dialling at once.</summary>
    public bool LostToChange { get; set; }

    public bool DownReported { get; set; }
}

/// <summary>Whether a link lives after a change of the network.</summary>
/// <param name="Since">When it, or its present deadline, began: a frame later than that is a sign of life.</param>
/// <param name="Ping">The PING whose PONG ends it.</param>
/// <param name="Due">When to look.</param>
/// <param name="Again">The network has changed once more since the PING.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ChangeCheck(TimeSpan Since, long Ping, TimeSpan Due, bool Again);
