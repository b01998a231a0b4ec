using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Meshara.Fuzz.Hooks;

/// <summary>Called by rewritten assemblies at each edge of their control flow. One thread runs them, so nothing here is synchronised.</summary>
public static unsafe class Coverage
{
    /// <summary>The most edges that can be told apart.</summary>
    public const int MaxEdges = 1 << 18;

    private static readonly int* Order = (int*)NativeMemory.AllocZeroed(MaxEdges, sizeof(int));
    private static byte* _map = (byte*)NativeMemory.AllocZeroed(MaxEdges);
    private static int _count;

    /// <summary>The edges that were taken since <see cref="Clear"/>, each once, in the order of the first time.</summary>
    public static ReadOnlySpan<int> Taken => new(Order, _count);

    /// <summary>How often an edge was taken since <see cref="Clear"/>; 255: that often or more.</summary>
    public static byte Count(int edge) => _map[edge];

    /// <summary>An edge is taken.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Hit(int edge)
    {
        byte* at = _map + edge;
        byte count = *at;
        if (count == 0)
            First(edge);
        if (count != byte.MaxValue)
            *at = (byte)(count + 1);
    }

    /// <summary>Begins anew.</summary>
    public static void Clear()
    {
        foreach (int edge in Taken)
            _map[edge] = 0;
        _count = 0;
    }

    /// <summary>Begins anew in a map that somebody else has cleared.</summary>
    public static void Forget() => _count = 0;

    /// <summary>Counts in memory of somebody else from now on, who clears it.</summary>
    /// <param name="map">At least as many bytes as there are edges.</param>
    public static void CountIn(nint map) => _map = (byte*)map;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void First(int edge)
    {
        // A finalizer may come between; the list is never overrun.
        if (_count < MaxEdges)
            Order[_count++] = edge;
    }
}
