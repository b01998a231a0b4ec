using System.Runtime.InteropServices;

namespace Meshara.Core;

// How many have a place. Kept, not counted: each HELLO and READY asks several times, and of thousands of links one has changed.
internal sealed partial class Mesh
{
    private readonly PlacesDue _placesDue = new();
    private readonly int[] _places = new int[Enum.GetValues<PlaceKind>().Length];

    /// <summary>How many peers have a place, by kind.</summary>
    public MeshCounts Counts
    {
        get
        {
            CountDue();
            return ToCounts(_places);
        }
    }

    /// <summary>What <see cref="Counts"/> has to be, counted from nothing: for tests.</summary>
    internal MeshCounts Recount()
    {
        int[] places = new int[_places.Length];
        foreach (MeshConnection place in Places())
        {
            places[(int)KindOf(place.Peer!)]++;
        }

        return ToCounts(places);
    }

    private MeshCounts ToCounts(int[] places) => new()
    {
        Static = places[(int)PlaceKind.Static],
        Passing = places[(int)PlaceKind.Passing],
        Inbound = places[(int)PlaceKind.Inbound],
        Outbound = places[(int)PlaceKind.Outbound] + places[(int)PlaceKind.Anchor],
        Anchors = places[(int)PlaceKind.Anchor],
        Feelers = _candidates.Values.Count(c => c.Candidate!.Purpose == DialPurpose.Feeler),
    };

    private void CountDue()
    {
        while (_placesDue.TryTake(out PeerEntry? peer))
        {
            CountAgain(peer);

            // An older key is named where its newest is.
            foreach (NodeId older in OlderKeysOf(peer.Id))
            {
                if (_peers.TryGetValue(older, out PeerEntry? entry))
                {
                    CountAgain(entry);
                }
            }
        }

        if (_placesDue.All)
        {
            // Whoever has no connection was counted above when it lost the last one.
            _placesDue.All = false;
            foreach (MeshConnection connection in _connections.Values)
            {
                if (connection.Peer is { } peer)
                {
                    CountAgain(peer);
                }
            }
        }
    }

    private void CountAgain(PeerEntry peer)
    {
        _places[(int)peer.Counted]--;
        peer.Counted = KindOf(peer);
        _places[(int)peer.Counted]++;
    }

    private PlaceKind KindOf(PeerEntry peer) =>
        PlaceOf(peer) is not { } place ? PlaceKind.None
        : IsStatic(peer) ? PlaceKind.Static
        : peer == Passing ? PlaceKind.Passing
        : place.Inbound ? PlaceKind.Inbound
        : place.Candidate?.Purpose == DialPurpose.Anchor ? PlaceKind.Anchor
        : PlaceKind.Outbound;

    // One connection for each peer that has a place.
    private IEnumerable<MeshConnection> Places() => _connections.Values.Where(c => c.Peer is { } peer && PlaceOf(peer) == c);

    private MeshConnection? PlaceOf(PeerEntry peer) =>
        (peer.Link ?? (peer.Newcomers.Count > 0 ? peer.Newcomers[0] : null)) is { Probe: false, Phase: ConnectionPhase.Greeting or ConnectionPhase.Held or ConnectionPhase.Live } place
        && _connections.ContainsKey(place.Id) ? place : null;
}

/// <summary>Peers that have a place, live or about to be.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct MeshCounts
{
    /// <summary>Named by the operator: they count against nothing.</summary>
    public int Static { get; init; }

    public int Inbound { get; init; }

    public int Outbound { get; init; }

    /// <summary>Of <see cref="Outbound"/>, those that were dialled as anchors.</summary>
    public int Anchors { get; init; }

    /// <summary>Newcomers for whom somebody will give way.</summary>
    public int Passing { get; init; }

    public int Feelers { get; init; }

    public int Mesh => Inbound + Outbound;
}
