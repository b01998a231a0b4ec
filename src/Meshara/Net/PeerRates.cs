using System.Globalization;
using Meshara.Core.Policy;

namespace Meshara.Net;

/// <summary>
/// How fast one peer is read: over a limit of <see cref="LinkLimits"/> reading pauses, so that the peer is slowed by TCP; who stays over it is reported.
/// Used by the link's one read loop (wire protocol section 9).
/// </summary>
/// <remarks>
/// Which frames count as control frames: those that cost the peer nothing. DATA is paid with credit, OPEN with MAX_STREAMS, PONG, HELLO, GOODBYE and DONE have their
/// own rules. WINDOW, ACK, MAX_STREAMS, RESET and STOP_SENDING answer what this node has sent, and as many as that explains are free, however fast; the rest count.
/// PING, NOTICE and unknown optional frames always count.
/// </remarks>
internal sealed class PeerRates
{
    /// <summary>Of what this node sends, so many bytes explain one answer: the shortest DATA (7) explains a WINDOW and an ACK, the shortest OPEN (10) a RESET, a STOP_SENDING and a MAX_STREAMS.</summary>
    public const int BytesForAnswer = 3;

    // More than that are not under way at once, whatever was sent before: 48 MiB of windows full of messages of one byte are 1.5 million.
    private const long MostAnswers = 4 << 20;

    private static readonly TimeSpan ControlPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan DataPatience = TimeSpan.FromSeconds(60);

    // A pause so short that no deadline of either side notices, and so long that the timer costs nothing.
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(100);

    private readonly NodeClock _clock;
    private readonly Outbox _outbox;
    private readonly LinkCounters _counters;
    private readonly Action<string> _onOverLimit;
    private readonly PingFlood _pings;
    private readonly Gauge _control;
    private readonly Gauge? _messages;
    private readonly Gauge? _bytes;
    private long _controlFrames;
    private long _freeAnswers;
    private long _explained;

    /// <summary>Full buckets.</summary>
    /// <param name="limits">The rates.</param>
    /// <param name="clock">The node's.</param>
    /// <param name="outbox">Knows how much this node has sent.</param>
    /// <param name="counters">Know how many messages came.</param>
    /// <param name="onOverLimit">The peer has been slowed for long, and again; the argument says what it did, with the limit and its value.</param>
    public PeerRates(LinkLimits limits, NodeClock clock, Outbox outbox, LinkCounters counters, Action<string> onOverLimit)
    {
        (_clock, _outbox, _counters, _onOverLimit) = (clock, outbox, counters, onOverLimit);
        _pings = new PingFlood(clock);

        // A program may end all of its streams at once, with RESET and STOP_SENDING on each, in both directions of opening.
        long burst = Math.Max(2L * limits.MaxControlFrames, 4L * limits.MaxStreams);
        TimeSpan now = clock.Now;
        _control = new Gauge(new RateMeter(limits.MaxControlFrames, burst, ControlPatience, now), "control frames", nameof(LinkLimits.MaxControlFrames));
        _messages = limits.MaxMessages is { } messages ? new Gauge(new RateMeter(messages, 2L * messages, DataPatience, now), "messages", nameof(LinkLimits.MaxMessages)) : null;
        _bytes = limits.MaxBytes is { } bytes ? new Gauge(new RateMeter(bytes, 2 * bytes, DataPatience, now), "bytes", nameof(LinkLimits.MaxBytes)) : null;
    }

    /// <summary>A frame that costs its sender nothing.</summary>
    public void CountControl() => _controlFrames++;

    /// <summary>A frame that answers something; free where this node has sent something that it can answer.</summary>
    public void CountAnswer()
    {
        if (_freeAnswers == 0)
        {
            long explained = _outbox.BytesSent / BytesForAnswer;
            _freeAnswers = Math.Min(MostAnswers, explained - _explained);
            _explained = explained;
        }

        if (_freeAnswers > 0)
        {
            _freeAnswers--;
        }
        else
        {
            CountControl();
        }
    }

    /// <summary>A PING that came before the last was answered.</summary>
    /// <exception cref="Wire.WireException">Too many.</exception>
    public void CountUnansweredPing() => _pings.Count();

    /// <summary>After each frame, as cheap as can be: whether it may be one too many, and <see cref="Look"/> has to say.</summary>
    public bool IsDue(long bytes) =>
        _controlFrames > _control.Until || (_bytes is not null && bytes > _bytes.Until) || (_messages is not null && _counters.MessagesReceived > _messages.Until);

    /// <summary>Charges what has come. At least once for each read: what is charged late would be charged to a bucket that was full meanwhile.</summary>
    /// <returns>True: the peer is over a limit, and reading has to pause.</returns>
    public bool Look(long bytes, TimeSpan now)
    {
        bool over = _controlFrames != _control.Charged && _control.Charge(_controlFrames, now);
        over |= _bytes?.Charge(bytes, now) == true;
        over |= _messages?.Charge(_counters.MessagesReceived, now) == true;
        return over | _pings.TakePause();
    }

    /// <summary>Waits until the peer may be read on. False: the link is closed.</summary>
    public async ValueTask<bool> PauseAsync(CancellationToken closed)
    {
        TimeSpan pause = ShortestPause;
        foreach (Gauge? gauge in (ReadOnlySpan<Gauge?>)[_control, _bytes, _messages])
        {
            if (gauge?.Meter.Wait is { } wait && wait > TimeSpan.Zero)
            {
                pause = wait > pause ? wait : pause;
                if (gauge.Meter.Slow())
                {
                    _onOverLimit(gauge.Describe());
                }
            }
        }

        try
        {
            // Timers drop fractions of a millisecond.
            await Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(pause.TotalMilliseconds)), _clock.Provider, closed).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException)
        {
            // The read that follows says so.
            return false;
        }
    }

    // A meter of something that is counted from the link's beginning.
    private sealed class Gauge(RateMeter meter, string what, string option)
    {
        public RateMeter Meter => meter;

        /// <summary>Counted by the meter.</summary>
        public long Charged { get; private set; }

        /// <summary>One more, and the meter has to be asked.</summary>
        public long Until { get; private set; } = meter.Left;

        public bool Charge(long total, TimeSpan now)
        {
            meter.Spend(total - Charged, now);
            Charged = total;
            Until = total + meter.Left;
            return meter.Wait > TimeSpan.Zero;
        }

        public string Describe() => string.Create(
            CultureInfo.InvariantCulture,
            $"more than {meter.Rate} {what} a second ({nameof(LinkLimits)}.{option}) for {Math.Floor(meter.SlowedFor.TotalSeconds)} s, although it was read slowly");
    }
}
