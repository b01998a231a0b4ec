namespace Meshara.Testing.Network;

/// <summary>Bytes of one write on their way, or the end of the connection.</summary>
/// <param name="Bytes">From the shared pool; null: a reset.</param>
/// <param name="Length">How many of them count.</param>
/// <param name="Leaves">When the last of them is on the wire: until then whoever aborts takes them back.</param>
/// <param name="Arrives">When they are there.</param>
internal readonly record struct Segment(byte[]? Bytes, int Length, TimeSpan Leaves, TimeSpan Arrives)
{
    public bool IsReset => Bytes is null;
}
