using Meshara.Wire;

namespace Meshara.Net;

/// <summary>
/// How many streams the peer may open (wire protocol section 8.4). A place comes back when a stream is over and its handler has returned;
/// places of streams that ended by RESET come back at a bounded rate (rapid reset, CVE-2023-44487). Guarded by the outbox's gate.
/// </summary>
internal sealed class StreamPlaces(int maxStreams, NodeClock clock)
{
    /// <summary>Places that come back each second after RESET, beyond the burst. An honest program cancels fewer requests.</summary>
    public const int ResetsPerSecond = 200;

    /// <summary>For so long a peer may keep at the bound before it is closed.</summary>
    public const int SecondsAtBound = 30;

    private static readonly TimeSpan Span = TimeSpan.FromSeconds(60);

    private readonly int _burst = Math.Max(2 * maxStreams, 2048);
    private double _tokens = Math.Max(2 * maxStreams, 2048);
    private TimeSpan _filledAt = clock.Now;
    private TimeSpan _spanStart = clock.Now;
    private long _resets;
    private long _owed;
    private long _opened;
    private long _ended;
    private long _allowed = maxStreams;
    private long _said = maxStreams;

    /// <summary>OPEN arrived.</summary>
    /// <exception cref="WireException">Beyond what was allowed, or after too many streams that ended by RESET.</exception>
    public void Take()
    {
        if (_opened >= _said)
        {
            throw new WireException(isViolation: true, $"OPEN beyond MAX_STREAMS ({_said}).");
        }

        if (_resets > _burst + (ResetsPerSecond * SecondsAtBound))
        {
            throw new WireException(isViolation: true, $"{_resets} streams ended by RESET within a minute; {_burst + (ResetsPerSecond * SecondsAtBound)} are allowed.");
        }

        _opened++;
    }

    /// <summary>Streams of the peer that are not over, or whose handlers run.</summary>
    public long Live => _opened - _ended;

    public void Free(bool wasReset)
    {
        _ended++;
        if (!wasReset)
        {
            _allowed++;
            return;
        }

        if (clock.Now - _spanStart > Span)
        {
            _spanStart = clock.Now;
            _resets = 0;
        }

        _resets++;
        _owed++;
    }

    /// <summary>The new count to say in MAX_STREAMS, or 0 when there is nothing worth saying.</summary>
    public long TakeIncrease()
    {
        if (_owed > 0)
        {
            TimeSpan now = clock.Now;
            _tokens = Math.Min(_burst, _tokens + ((now - _filledAt).TotalSeconds * ResetsPerSecond));
            _filledAt = now;
            long paid = Math.Min(_owed, (long)_tokens);
            _tokens -= paid;
            _owed -= paid;
            _allowed += paid;
        }

        // Said in steps of a quarter, or earlier when the peer has fewer left than it would gain.
        long gain = _allowed - _said;
        if (gain == 0 || gain < Math.Min(maxStreams / 4, _said - _opened))
        {
            return 0;
        }

        _said = _allowed;
        return _said;
    }
}
