using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Meshara.Mdns.Net;

/// <summary>Follows the interfaces: at what the system says, and every five seconds because it forgets to; and notices when the machine has slept.</summary>
internal sealed class InterfaceWatch : IAsyncDisposable
{
    /// <summary>The pause between two scans.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    /// <summary>What the system says comes in bursts: one scan for each.</summary>
    public static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(200);

    /// <summary>The pause while an address is not ready; its becoming so is told by no event.</summary>
    public static readonly TimeSpan Impatience = TimeSpan.FromMilliseconds(250);

    // A wall clock that ran on so much further than the monotonic one, or a timer that is so late: the machine slept.
    private static readonly TimeSpan Slept = TimeSpan.FromSeconds(2);

    private readonly IMulticastTransport _transport;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly Func<InterfaceScan, bool, ValueTask> _report;
    private readonly Channel<bool> _due = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource _stop = new();
    private readonly ITimer _timer;
    private readonly Lock _lock = new();
    private long _next;
    private long _lastScan;
    private DateTimeOffset _lastWall;
    private bool _hasSlept;
    private string? _fault;
    private Task _loop = Task.CompletedTask;

    /// <summary>Prepares it; nothing runs before <see cref="StartAsync"/>.</summary>
    /// <param name="transport">Whose interfaces.</param>
    /// <param name="clock">The clocks.</param>
    /// <param name="log">Is told when the system does not list its interfaces.</param>
    /// <param name="report">Takes each scan, and whether the machine slept since the last.</param>
    public InterfaceWatch(IMulticastTransport transport, TimeProvider clock, ILogger log, Func<InterfaceScan, bool, ValueTask> report)
    {
        _transport = transport;
        _clock = clock;
        _log = log;
        _report = report;
        _timer = clock.CreateTimer(_ => _due.Writer.TryWrite(true), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _lastScan = clock.GetTimestamp();
        _lastWall = clock.GetUtcNow();
    }

    /// <summary>Scans at once, unsettled, and goes on from there.</summary>
    public async ValueTask StartAsync()
    {
        _transport.Changed += OnChanged;
        await ScanAsync().ConfigureAwait(false);
        _loop = RunAsync();
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            _transport.Changed -= OnChanged;
        }
        finally
        {
            await EndAsync().ConfigureAwait(false);
        }
    }

    private async Task EndAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _timer.DisposeAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                await _due.Reader.ReadAsync(_stop.Token).ConfigureAwait(false);
                await ScanAsync().ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The end.
        }
    }

    private async ValueTask ScanAsync()
    {
        // What the system tells from here on may be newer than what the scan sees.
        lock (_lock)
            _next = long.MaxValue;
        _hasSlept |= HasSlept();
        try
        {
            InterfaceScan scan = _transport.Scan();
            SetTimer(scan.IsSettled ? Interval : Impatience);
            await _report(scan, _hasSlept).ConfigureAwait(false);
            (_hasSlept, _fault) = (false, null);
        }
        catch (Exception e)
        {
            // Whatever it is (the system's fault, or the program's in its filter): what was known stays, and the next scan may do better.
            if (e.Message != _fault)
                Log.ScanFailed(_log, e.Message);
            _fault = e.Message;
            SetTimer(Interval);
        }
    }

    // Linux stops its monotonic clock while it sleeps, others do not: then it is the timer that comes late.
    private bool HasSlept()
    {
        DateTimeOffset wall = _clock.GetUtcNow();
        TimeSpan byMonotonic = _clock.GetElapsedTime(_lastScan);
        TimeSpan byWall = wall - _lastWall;
        _lastScan = _clock.GetTimestamp();
        _lastWall = wall;
        return byWall - byMonotonic > Slept || byMonotonic > Interval + Interval;
    }

    private void OnChanged(object? sender, EventArgs e) => SetTimer(Settle);

    // A burst of events must not put off the scan for ever: only a sooner time counts.
    private void SetTimer(TimeSpan due)
    {
        lock (_lock)
        {
            long at = _clock.GetTimestamp() + (long)(due.TotalSeconds * _clock.TimestampFrequency);
            if (at >= _next)
                return;
            _next = at;
            _timer.Change(due, Timeout.InfiniteTimeSpan);
        }
    }
}
