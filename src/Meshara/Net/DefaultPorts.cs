namespace Meshara.Net;

/// <summary>Which port is listened on where none is asked for: 4040, or the next free one up to 4103.</summary>
internal static class DefaultPorts
{
    /// <summary>4040.</summary>
    public const int First = PeerAddress.DefaultPort;

    /// <summary>4103: 64 nodes on one machine need no thought.</summary>
    public const int Last = First + 63;

    /// <summary>The ports in the order in which they are tried: the one that was used before, then the range.</summary>
    /// <param name="remembered">Null: none was used before.</param>
    public static IEnumerable<int> InOrder(int? remembered)
    {
        IEnumerable<int> range = Enumerable.Range(First, Last - First + 1);
        return remembered is { } port ? range.Where(p => p != port).Prepend(port) : range;
    }
}
