using Meshara.Wire;

namespace Meshara.Net;

/// <summary>
/// Counts PINGs that came before the last was answered (wire protocol section 7.1). An honest peer has at most 4 outstanding;
/// one that sends many is read from slowly, and then closed. Used by the link's one read loop.
/// </summary>
internal sealed class PingFlood(NodeClock clock)
{
    /// <summary>So many at once end the link.</summary>
    public const int Allowed = 1000;

    /// <summary>So many each second are forgotten.</summary>
    public const int PerSecond = 10;

    // From here on there is a pause after each read.
    private const int SlowFrom = 100;

    private double _count;
    private TimeSpan _at = clock.Now;
    private bool _pause;

    /// <summary>One more.</summary>
    /// <exception cref="WireException">Too many.</exception>
    public void Count()
    {
        TimeSpan now = clock.Now;
        _count = Math.Max(0, _count - ((now - _at).TotalSeconds * PerSecond));
        _at = now;
        if (++_count > Allowed)
        {
            WireException.Violation($"A flood of PINGs: {Allowed} came while others waited for their answer, {PerSecond} a second are forgiven.");
        }

        _pause = _count > SlowFrom;
    }

    /// <summary>Whether the peer has earned a pause since the last; an honest one has not.</summary>
    public bool TakePause()
    {
        bool pause = _pause;
        _pause = false;
        return pause;
    }
}
