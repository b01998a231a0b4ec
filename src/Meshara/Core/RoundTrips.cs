namespace Meshara.Core;

/// <summary>The last round trips of a link. The least of them is what the way takes; the others waited behind data.</summary>
internal sealed class RoundTrips
{
    private const int Kept = 8;

    private readonly Queue<(long Ping, TimeSpan At)> _sent = new();
    private readonly Queue<TimeSpan> _last = new();

    /// <summary>Null: none is known.</summary>
    public TimeSpan? Least => _last.Count == 0 ? null : _last.Min();

    public void Sent(long ping, TimeSpan now) => _sent.Enqueue((ping, now));

    /// <summary>A PONG settles its PING and all earlier ones; it measures its own.</summary>
    public void Answered(long ping, TimeSpan now)
    {
        while (_sent.TryPeek(out (long Ping, TimeSpan At) sent) && sent.Ping <= ping)
        {
            _sent.Dequeue();
            if (sent.Ping == ping)
            {
                _last.Enqueue(now - sent.At);
            }
        }

        if (_last.Count > Kept)
        {
            _last.Dequeue();
        }
    }
}
