using System.Threading.Channels;
using Meshara.Mdns.Net;
using Meshara.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
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
            Watch = new InterfaceWatch(Host, Clock, NullLogger.Instance, (scan, hasSlept) => Reports.Writer.WriteAsync((scan, hasSlept)));
        }

        public ManualTimeProvider Clock { get; } = new();

        public MemoryHost Host { get; }

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
