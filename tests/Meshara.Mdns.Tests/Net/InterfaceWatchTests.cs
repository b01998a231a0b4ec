using System.Threading.Channels;
using Meshara.Mdns.Net;
using Meshara.Mdns.Tests.Support;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Mdns.Tests.Net;

public sealed class InterfaceWatchTests
{
    [Fact]
    public async Task Start_Interfaces_AreScannedAtOnce()
    {
        await using Bed bed = new();
        await bed.Watch.StartAsync();

        Assert.True(bed.Reports.Reader.TryRead(out (InterfaceScan Scan, bool HasSlept) report));
        Assert.Equal("eth0", Assert.Single(report.Scan.Interfaces).Name);
        Assert.False(report.HasSlept);
        Assert.Equal(1, bed.Clock.PendingTimers);
    }

    [Fact]
    public async Task Scan_NothingTold_IsEveryFiveSeconds()
    {
        await using Bed bed = await Bed.StartAsync();

        bed.Clock.Advance(TimeSpan.FromSeconds(4.9));
        Assert.False(bed.Reports.Reader.TryRead(out _));
        for (int i = 0; i < 3; i++)
        {
            bed.Clock.Advance(TimeSpan.FromSeconds(i == 0 ? 0.1 : 5));
            Assert.False((await bed.NextAsync()).HasSlept);
        }

        Assert.Equal(4, bed.Host.Scans);
    }

    // A burst of events is one scan, 200 ms after the first: later ones do not put it off.
    [Fact]
    public async Task Scan_BurstOfEvents_IsOneAfter200Milliseconds()
    {
        await using Bed bed = await Bed.StartAsync();
        for (int i = 0; i < 19; i++)
        {
            bed.Host.Notify();
            bed.Clock.Advance(TimeSpan.FromMilliseconds(10));
        }

        Assert.Equal(1, bed.Host.Scans);
        bed.Host.Notify();
        bed.Clock.Advance(TimeSpan.FromMilliseconds(10));
        await bed.NextAsync();

        bed.Clock.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal(2, bed.Host.Scans);
    }

    // The end of duplicate address detection is told by no event.
    [Fact]
    public async Task Scan_AddressNotReady_IsAgainAfter250Milliseconds()
    {
        await using Bed bed = new();
        bed.Host.IsUnsettled = true;
        await bed.Watch.StartAsync();
        await bed.NextAsync();

        bed.Clock.Advance(TimeSpan.FromMilliseconds(250));
        await bed.NextAsync();
        bed.Host.IsUnsettled = false;
        bed.Clock.Advance(TimeSpan.FromMilliseconds(250));
        await bed.NextAsync();
        bed.Clock.Advance(TimeSpan.FromSeconds(4.9));
        Assert.Equal(3, bed.Host.Scans);
    }

    // Linux: the monotonic clock stands still while the machine sleeps.
    [Fact]
    public async Task Scan_WallClockRanOn_TheMachineSlept()
    {
        await using Bed bed = await Bed.StartAsync();

        bed.Clock.Sleep(TimeSpan.FromSeconds(3));
        bed.Clock.Advance(TimeSpan.FromSeconds(5));
        Assert.True((await bed.NextAsync()).HasSlept);

        bed.Clock.Advance(TimeSpan.FromSeconds(5));
        Assert.False((await bed.NextAsync()).HasSlept);

        // A clock that was set by a second is no sleep.
        bed.Clock.Sleep(TimeSpan.FromSeconds(1));
        bed.Clock.Advance(TimeSpan.FromSeconds(5));
        Assert.False((await bed.NextAsync()).HasSlept);
    }

    // Others let it run on: then the timer is late.
    [Fact]
    public async Task Scan_TimerFarTooLate_TheMachineSlept()
    {
        await using Bed bed = await Bed.StartAsync();

        bed.Clock.Freeze(TimeSpan.FromMinutes(1));
        Assert.True((await bed.NextAsync()).HasSlept);
    }

    // What the system tells while a scan runs may be newer than what that scan has seen: it was overwritten by the pause of five seconds.
    [Fact]
    public async Task Scan_EventWhileOneRuns_IsFollowedByAnotherAfter200Milliseconds()
    {
        await using Bed bed = await Bed.StartAsync();
        bed.System.Scanned = () =>
        {
            bed.System.Scanned = null;
            bed.Host.Notify();
        };
        bed.Clock.Advance(TimeSpan.FromSeconds(5));
        await bed.NextAsync();
        Assert.Equal(2, bed.Host.Scans);

        bed.Clock.Advance(InterfaceWatch.Settle);
        await bed.NextAsync();
        Assert.Equal(3, bed.Host.Scans);
    }

    // The program's own filter takes part in each scan, and may throw whatever it likes.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Scan_ThrowsWhatever_TheNextOnesGoOnAndItIsToldOnce(bool isFirst)
    {
        await using Bed bed = new();
        if (!isFirst)
            await bed.Watch.StartAsync();
        bed.System.Scanning = static () => throw new OperationCanceledException("of the program");
        if (isFirst)
            await bed.Watch.StartAsync();
        for (int i = 0; i < 3; i++)
        {
            bed.Clock.Advance(TimeSpan.FromSeconds(5));
            await Eventually.TrueAsync(() => bed.Clock.PendingTimers == 1);
        }

        bed.System.Scanning = null;
        while (bed.Reports.Reader.TryRead(out _))
        {
        }

        bed.Clock.Advance(TimeSpan.FromSeconds(5));
        await bed.NextAsync();
        Assert.Single(bed.Log.Lines, static l => l.Contains("of the program", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Scan_ThrowsAfterSleep_SleepIsToldWithTheNext()
    {
        await using Bed bed = await Bed.StartAsync();
        bed.System.Scanning = () =>
        {
            bed.System.Scanning = null;
            throw new IOException("not now");
        };

        bed.Clock.Sleep(TimeSpan.FromMinutes(5));
        bed.Clock.Advance(TimeSpan.FromSeconds(5));
        await Eventually.TrueAsync(() => bed.System.Scanning is null && bed.Clock.PendingTimers == 1);
        bed.Clock.Advance(TimeSpan.FromSeconds(5));

        Assert.True((await bed.NextAsync()).HasSlept);
    }

    [Fact]
    public async Task Dispose_Watch_ScansNoMore()
    {
        Bed bed = await Bed.StartAsync();
        await bed.DisposeAsync();

        bed.Host.Notify();
        bed.Clock.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(1, bed.Host.Scans);
        Assert.Equal(0, bed.Clock.PendingTimers);
    }

    private sealed class Bed : IAsyncDisposable
    {
        public Bed()
        {
            Host = new MemoryHost().Attach(new MemoryLan(), 2, "eth0", "10.0.0.1/24");
            System = new HookedTransport(Host);
            Watch = new InterfaceWatch(System, Clock, Log, (scan, hasSlept) => Reports.Writer.WriteAsync((scan, hasSlept)));
        }

        public ManualTimeProvider Clock { get; } = new();

        public MemoryHost Host { get; }

        public HookedTransport System { get; }

        public LogBook Log { get; } = new();

        public InterfaceWatch Watch { get; }

        public Channel<(InterfaceScan Scan, bool HasSlept)> Reports { get; } = Channel.CreateUnbounded<(InterfaceScan Scan, bool HasSlept)>();

        public static async Task<Bed> StartAsync()
        {
            Bed bed = new();
            await bed.Watch.StartAsync();
            await bed.NextAsync();
            return bed;
        }

        public async Task<(InterfaceScan Scan, bool HasSlept)> NextAsync()
        {
            using CancellationTokenSource guard = new(TimeSpan.FromSeconds(20), TimeProvider.System);
            return await Reports.Reader.ReadAsync(guard.Token);
        }

        public ValueTask DisposeAsync() => Watch.DisposeAsync();
    }
}
