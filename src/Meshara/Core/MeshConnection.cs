using System.Net;
using System.Runtime.InteropServices;
using Meshara.Wire;

namespace Meshara.Core;

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
    // What decides whether this is a place, and whose: PlacesDue.
    private DialTarget? _target = target;
    private ConnectionPhase _phase;
    private PeerEntry? _peer;
    private bool _probe;

    public long Id { get; } = id;

    public bool Inbound { get; } = inbound;

    /// <summary>The other end, host:port.</summary>
    public string Address { get; } = address;

    /// <summary>The host of <see cref="Address"/>; null: it has a name.</summary>
    public IPAddress? Host { get; } = IPAddress.TryParse(HostOf(address), out IPAddress? host) ? host : null;

    /// <summary>What was dialled for the operator; null for an accepted connection, and for a candidate's.</summary>
    public DialTarget? Target
    {
        get => _target;
        set
        {
            _target = value;
            _peer?.CountAgain();
        }
    }

    /// <summary>What was dialled on the node's own account; null: nothing.</summary>
    public Candidate? Candidate { get; init; }

    /// <summary>The pin of what was dialled.</summary>
    public NodeId? Pin => Target?.Address.Id ?? Candidate?.Address.Id;

    public ConnectionPhase Phase
    {
        get => _phase;
        set
        {
            _phase = value;
            _peer?.CountAgain();
        }
    }

    public PeerEntry? Peer
    {
        get => _peer;
        set
        {
            _peer?.CountAgain();
            _peer = value;
            _peer?.CountAgain();
        }
    }

    public Bits128 Instance { get; set; }

    public bool Probe
    {
        get => _probe;
        set
        {
            _probe = value;
            _peer?.CountAgain();
        }
    }

    public PeerAddress? Back { get; set; }

    /// <summary>When its HELLO was judged.</summary>
    public TimeSpan GreetingSince { get; set; }

    /// <summary>Its place, as it is now, will do: it may get live.</summary>
    public bool IsSettled { get; set; }

    public bool ReadySent { get; set; }

    public bool ReadyReceived { get; set; }

    /// <summary>Of a newcomer that waits for the check of the old link: since when.</summary>
    public TimeSpan HeldSince { get; set; }

    /// <summary>Of such a newcomer: the PING on the old link whose PONG turns it away. None that was sent before it came.</summary>
    public long HeldPing { get; set; }

    // From here on: of a live link.
    public TimeSpan LiveSince { get; set; }

    /// <summary>Newcomers that wait for the check of this link, in the order in which they came.</summary>
    public List<MeshConnection> Held { get; } = [];

    /// <summary>The old-link check for the first of <see cref="Held"/>: when it began, and when to look again.</summary>
    public (TimeSpan Since, TimeSpan Due)? LinkCheck { get; set; }

    /// <summary>The check after a change of the network.</summary>
    public ChangeCheck? ChangeCheck { get; set; }

    public long LastPing { get; set; }

    /// <summary>Whether somebody waits for a PING of the next number, for which there was no room.</summary>
    public bool PingOwed { get; set; }

    /// <summary>PINGs that no PONG has settled.</summary>
    public int PingsOutstanding { get; set; }

    /// <summary>How long its PINGs take.</summary>
    public RoundTrips RoundTrips { get; } = new();

    /// <summary>When useful work was last seen; null: never.</summary>
    public TimeSpan? LastUseful { get; set; }

    /// <summary>How much of it there was by then.</summary>
    public long UsefulSeen { get; set; }

    /// <summary>PINGs sent for silence since the last sign of life, and when the last was.</summary>
    public int SilencePings { get; set; }

    public TimeSpan SilencePingAt { get; set; }

    public TimeSpan HeartbeatDue { get; set; }

    /// <summary>When the peer is asked for others next; null: not at all.</summary>
    public TimeSpan? AskDue { get; set; }

    /// <summary>When the peer was last asked; null: never.</summary>
    public TimeSpan? AskedAt { get; set; }

    /// <summary>Its turn to be asked has come before.</summary>
    public bool IsAsked { get; set; }

    public TimeSpan RoundTripDue { get; set; }

    /// <summary>Closed for a change of the network: nothing speaks against dialling at once.</summary>
    public bool LostToChange { get; set; }

    public bool DownReported { get; set; }

    private static ReadOnlySpan<char> HostOf(string address)
    {
        int colon = address.LastIndexOf(':');
        return address.AsSpan(0, colon < 0 ? address.Length : colon).Trim("[]");
    }
}

/// <summary>Whether a link lives after a change of the network.</summary>
/// <param name="Since">When it, or its present deadline, began: a frame later than that is a sign of life.</param>
/// <param name="Ping">The PING whose PONG ends it.</param>
/// <param name="Due">When to look.</param>
/// <param name="Again">The network has changed once more since the PING.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ChangeCheck(TimeSpan Since, long Ping, TimeSpan Due, bool Again);
