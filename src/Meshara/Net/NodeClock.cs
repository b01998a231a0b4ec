namespace Meshara.Net;

/// <summary>The node's clock: monotonic time since its start for deadlines, wall-clock time for what people read.</summary>
internal sealed class NodeClock(TimeProvider provider)
{
    private readonly long _start = provider.GetTimestamp();

    public TimeProvider Provider => provider;

    public TimeSpan Now => provider.GetElapsedTime(_start);

    public DateTimeOffset UtcNow => provider.GetUtcNow();
}
