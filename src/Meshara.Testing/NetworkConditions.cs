namespace Meshara.Testing;

/// <summary>How a path of the simulated network behaves. A change holds for everything that is sent from then on.</summary>
public sealed class NetworkConditions
{
    private TimeSpan _latency = TimeSpan.FromMilliseconds(20);
    private TimeSpan _jitter = TimeSpan.FromMilliseconds(5);
    private long? _bytesPerSecond;
    private double _lostConnects;
    private TimeSpan? _meanLifetime;

    /// <summary>Time from one end to the other. Default 20 ms; 0 to 1 hour.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public TimeSpan Latency
    {
        get => _latency;
        set => _latency = UpToAnHour(value, nameof(Latency));
    }

    /// <summary>Up to so much is added to <see cref="Latency"/>, drawn anew for each write; what is sent in one connection stays in order. Default 5 ms; 0 to 1 hour.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public TimeSpan Jitter
    {
        get => _jitter;
        set => _jitter = UpToAnHour(value, nameof(Jitter));
    }

    /// <summary>Bytes a second that each connection carries each way. Null (the default): no limit; 1 or more.</summary>
    /// <remarks>The first four writes of a connection count 2,048 bytes each, as the length of a TLS handshake varies from run to run.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public long? BytesPerSecond
    {
        get => _bytesPerSecond;
        set
        {
            if (value is { } rate)
            {
                ArgumentOutOfRangeException.ThrowIfLessThan(rate, 1, nameof(BytesPerSecond));
            }

            _bytesPerSecond = value;
        }
    }

    /// <summary>How many of the attempts to connect get no answer. Default 0; 0 to 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public double LostConnects
    {
        get => _lostConnects;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value, nameof(LostConnects));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 1, nameof(LostConnects));
            _lostConnects = value;
        }
    }

    /// <summary>How long connections live on average before they break off by themselves, both ends at once: decided when they begin. Null (the default): for ever.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not positive.</exception>
    public TimeSpan? MeanLifetime
    {
        get => _meanLifetime;
        set
        {
            if (value is { } time)
            {
                ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero, nameof(MeanLifetime));
            }

            _meanLifetime = value;
        }
    }

    /// <summary>The time that one write takes.</summary>
    internal TimeSpan Draw(Random random) => _jitter == TimeSpan.Zero ? _latency : _latency + TimeSpan.FromTicks(random.NextInt64(_jitter.Ticks + 1));

    /// <summary>The same conditions, on their own.</summary>
    internal NetworkConditions Copy() => (NetworkConditions)MemberwiseClone();

    private static TimeSpan UpToAnHour(TimeSpan value, string name)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.Zero, name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, TimeSpan.FromHours(1), name);
        return value;
    }
}
