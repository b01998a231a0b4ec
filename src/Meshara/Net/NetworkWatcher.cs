using System.Net;
using System.Net.NetworkInformation;

namespace Meshara.Net;

/// <summary>What has happened to the machine's network.</summary>
/// <param name="Gone">Addresses that this machine had when last told and has no longer.</param>
/// <param name="Woke">The machine slept, or the process stood still.</param>
internal sealed record NetworkEvent(IReadOnlySet<IPAddress> Gone, bool Woke);

/// <summary>
/// Tells when the network of this machine has changed or the machine has slept: by the system's events, and by a look every few seconds at the addresses and the
/// clocks, because .NET has no event for a change of IPv6 addresses alone on Linux, and none for a sleep anywhere.
/// </summary>
/// <remarks>
/// While the machine has no network at all, nothing is told: a link may outlive that, and nothing could be dialled. Works on the timer's threads and the system's
/// event thread; never throws there.
/// </remarks>
internal sealed class NetworkWatcher : IAsyncDisposable
{
    /// <summary>Between two looks.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(5);

    /// <summary>An address goes and another comes: one change.</summary>
    public static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(200);

    // A timer that is later, or a wall clock that is further ahead of the monotonic one: the machine slept. Busy machines stay below, and setting the clock is rare.
    private static readonly TimeSpan Jump = TimeSpan.FromSeconds(3);

    private readonly TimeProvider _time;
    private readonly Func<IReadOnlySet<LocalAddress>?> _scan;
    private readonly Action<NetworkEvent> _onChange;
    private readonly Lock _sync = new();
    private readonly ITimer _timer;
    private IReadOnlySet<LocalAddress> _seen;
    private IReadOnlySet<LocalAddress> _told;
    private long _armedAt;
    private TimeSpan _armedFor;
    private DateTimeOffset _wallAtArm;
    private bool _settling;
    private bool _looking;
    private bool _eventWhileLooking;
    private bool _changed;
    private bool _woke;
    private bool _disposed;

    /// <summary>Begins to watch.</summary>
    /// <param name="time">The clocks and the timer.</param>
    /// <param name="onChange">Told of a change; one at a time.</param>
    /// <param name="scan">The addresses now, null when unknown. Default: those of this machine, and the system's events as well.</param>
    public NetworkWatcher(TimeProvider time, Action<NetworkEvent> onChange, Func<IReadOnlySet<LocalAddress>?>? scan = null)
    {
        _time = time;
        _onChange = onChange;
        _scan = scan ?? LocalAddress.Scan;
        _seen = _told = _scan() ?? new HashSet<LocalAddress>();
        _timer = time.CreateTimer(_ => OnTimer(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        lock (_sync)
        {
            Arm(Period);
        }

        if (scan is null)
        {
            Subscribe();
        }
    }

    /// <summary>The system says that something has changed.</summary>
    public void OnSystemEvent()
    {
        lock (_sync)
        {
            if (_looking)
            {
                _eventWhileLooking = true;
            }
            else if (!_settling && !_disposed)
            {
                NoteWake();
                _settling = true;
                Arm(Settle);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        lock (_sync)
        {
            _disposed = true;
        }

        // Without a subscription this does nothing.
        NetworkChange.NetworkAddressChanged -= OnAddress;
        NetworkChange.NetworkAvailabilityChanged -= OnAvailability;

        // Waits for a look under way.
        await _timer.DisposeAsync().ConfigureAwait(false);
    }

    private void OnTimer()
    {
        bool settled;
        lock (_sync)
        {
            if (_disposed)
            {
                return;
            }

            NoteWake();
            _looking = true;
            settled = _settling;
        }

        IReadOnlySet<LocalAddress>? now = _scan();
        NetworkEvent? change;
        lock (_sync)
        {
            _looking = false;
            if (now is not null)
            {
                _changed |= !now.SetEquals(_seen);
                _seen = now;
            }

            change = settled ? TakeChange() : null;
            _settling = !settled && (_changed || _woke) && MayTell();
            _settling |= _eventWhileLooking;
            _eventWhileLooking = false;
            if (!_disposed)
            {
                Arm(_settling ? Settle : Period);
            }
        }

        if (change is not null)
        {
            _onChange(change);
        }
    }

    private NetworkEvent? TakeChange()
    {
        if (!(_changed || _woke) || !MayTell())
        {
            return null;
        }

        NetworkEvent change = new(_told.Select(a => a.Address).Except(_seen.Select(a => a.Address)).ToHashSet(), _woke);
        _told = _seen;
        _changed = _woke = false;
        return change;
    }

    // A machine that never had a network beyond itself may wake all the same.
    private bool MayTell() => HasNetwork(_seen) || !HasNetwork(_told);

    private static bool HasNetwork(IReadOnlySet<LocalAddress> addresses) => addresses.Any(a => a.IsUp && !IPAddress.IsLoopback(a.Address));

    private void Arm(TimeSpan wait)
    {
        (_armedAt, _armedFor, _wallAtArm) = (_time.GetTimestamp(), wait, _time.GetUtcNow());
        _timer.Change(wait, Timeout.InfiniteTimeSpan);
    }

    private void NoteWake()
    {
        TimeSpan passed = _time.GetElapsedTime(_armedAt);
        _woke |= passed - _armedFor > Jump || _time.GetUtcNow() - _wallAtArm - passed > Jump;
    }

    // The system's events are static: whoever does not leave them is held for ever.
    private void Subscribe()
    {
        try
        {
            NetworkChange.NetworkAddressChanged += OnAddress;
            NetworkChange.NetworkAvailabilityChanged += OnAvailability;
        }
        catch (Exception e) when (e is NetworkInformationException or PlatformNotSupportedException)
        {
            // The looks find it, a little later.
        }
    }

    private void OnAddress(object? sender, EventArgs e) => OnSystemEvent();

    private void OnAvailability(object? sender, NetworkAvailabilityEventArgs e) => OnSystemEvent();
}
