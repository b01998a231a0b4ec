namespace Meshara.Net;

/// <summary>Places for large messages: one of the link's and one of the node's, taken in this order.</summary>
internal sealed class PlacePools(SlotPool link, SlotPool node)
{
    public void Acquire(Action granted) => link.Acquire(() => node.Acquire(granted));

    public void Release()
    {
        node.Release();
        link.Release();
    }
}
