namespace Meshara.Net;

/// <summary>Places for large messages: one of the link's and one of the node's, taken in this order.</summary>
internal sealed class PlacePools(SlotPool link, SlotPool node)
{
    public SlotPool Link => link;

    public SlotPool Node => node;

    /// <summary>A place to be asked for; <paramref name="granted"/> is called from anywhere, outside every lock of the pools.</summary>
    public Place New(Action granted) => new(link, node, granted);
}

/// <summary>The node's places: those of messages and requests, and those of replies.</summary>
/// <remarks>
/// A request keeps its place until its reply is sent, and that may have to wait for a place over there. Were it the same kind of place,
/// two nodes that ask each other could wait for each other for good.
/// </remarks>
internal sealed record NodePlaces(SlotPool Bodies, SlotPool Replies)
{
    public static NodePlaces From(LinkLimits limits) =>
        new(SlotPool.From(limits.NodeReassembly, limits.MaxMessage), SlotPool.From(limits.NodeReassembly, limits.MaxMessage));
}

/// <summary>What one unfinished message holds of the pools, or waits for.</summary>
internal sealed class Place(SlotPool link, SlotPool node, Action granted)
{
    private readonly Lock _sync = new();
    private int _held;
    private bool _givenUp;

    /// <summary>Where it stands in the line of a pool; the pool's.</summary>
    public LinkedListNode<Place>? Node { get; set; }

    /// <summary>Joins the line of the link's pool; grants at once if there is none.</summary>
    public void Ask() => TakeFrom(link);

    /// <summary>A pool has one for it. False: not wanted any more.</summary>
    public bool TryAccept()
    {
        int held;
        lock (_sync)
        {
            if (_givenUp)
            {
                return false;
            }

            held = ++_held;
        }

        if (held == 1)
        {
            TakeFrom(node);
        }
        else
        {
            granted();
        }

        return true;
    }

    /// <summary>Gives back what is held and leaves the line. Once or often.</summary>
    public void GiveUp()
    {
        int held;
        lock (_sync)
        {
            if (_givenUp)
            {
                return;
            }

            _givenUp = true;
            held = _held;
        }

        if (held < 2)
        {
            (held == 0 ? link : node).Leave(this);
        }
        else
        {
            node.Release();
        }

        if (held > 0)
        {
            link.Release();
        }
    }

    private void TakeFrom(SlotPool pool)
    {
        if (pool.TryTake(this) && !TryAccept())
        {
            pool.Release();
        }
    }
}
