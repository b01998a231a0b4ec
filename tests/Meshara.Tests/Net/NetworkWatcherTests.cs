using System.Net;
using System.Runtime.CompilerServices;
using Meshara.Net;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Net;

public sealed class NetworkWatcherTests
{
    private static readonly LocalAddress Loopback = At("lo", "127.0.0.1");
    private static readonly LocalAddress Old = At("eth0", "192.0.2.1");
    private static readonly LocalAddress New = At("eth0", "192.0.2.2");
    private static readonly LocalAddress OldV6 = At("eth0", "2001:db8::1");

    private readonly ManualTimeProvider _clock = new();
    private readonly List<(TimeSpan At, NetworkEvent Event)> _told = [];
    private HashSet<LocalAddress>? _machine = [Loopback, Old];

    [Fact]
    public async Task Quiet_NothingIsTold()
    {
        await using NetworkWatcher watcher = Watch();
        _clock.Advance(TimeSpan.FromHours(1));
        watcher.OnSystemEvent();
        _clock.Advance(TimeSpan.FromHours(1));

        Assert.Empty(_told);
    }

    [Fact]
    public async Task AddressChanges_NoEvent_ToldAfterALookAndTheSettling()
    {
        await using NetworkWatcher watcher = Watch();
        _clock.Advance(TimeSpan.FromSeconds(7));
        _machine = [Loopback, New];
        _clock.Advance(TimeSpan.FromSeconds(60));

        (TimeSpan at, NetworkEvent told) = Assert.Single(_told);
        Assert.Equal(TimeSpan.FromSeconds(10.2), at);
        Assert.Equal([Old.Address], told.Gone);
        Assert.False(told.Woke);
    }

    [Fact]
    public async Task AddressChanges_Event_ToldAfterTheSettling()
    {
        await using NetworkWatcher watcher = Watch();
        _clock.Advance(TimeSpan.FromSeconds(7));
        _machine = [Loopback, New];
        watcher.OnSystemEvent();
        watcher.OnSystemEvent();
        _clock.Advance(TimeSpan.FromSeconds(60));

        Assert.Equal(TimeSpan.FromSeconds(7.2), Assert.Single(_told).At);
    }

    [Fact]
    public async Task OldAddressGoesAndNewOneComesWithinTheSettling_IsOneChange()
    {
        await using NetworkWatcher watcher = Watch();
        _machine = [Loopback, Old, New];
        watcher.OnSystemEvent();
        _clock.Advance(TimeSpan.FromMilliseconds(100));
        _machine = [Loopback, New];
        watcher.OnSystemEvent();
        _clock.Advance(TimeSpan.FromSeconds(60));

        Assert.Equal([Old.Address], Assert.Single(_told).Event.Gone);
    }

    [Fact]
    public async Task OnlyAnIPv6AddressChanges_IsTold()
    {
        _machine = [Loopback, Old, OldV6];
        await using NetworkWatcher watcher = Watch();
        _machine = [Loopback, Old, At("eth0", "2001:db8::2")];
        _clock.Advance(TimeSpan.FromSeconds(60));

        Assert.Equal([OldV6.Address], Assert.Single(_told).Event.Gone);
    }

    [Fact]
    public async Task CableOutAndIn_ToldWhenItIsInAgainAndNoAddressIsGone()
    {
        await using NetworkWatcher watcher = Watch();
        _machine = [Loopback, Old with { IsUp = false }];
        _clock.Advance(TimeSpan.FromSeconds(42));
        Assert.Empty(_told);

        _machine = [Loopback, Old];
        watcher.OnSystemEvent();
        _clock.Advance(TimeSpan.FromSeconds(60));

        (TimeSpan at, NetworkEvent told) = Assert.Single(_told);
        Assert.Equal(TimeSpan.FromSeconds(42.2), at);
        Assert.Empty(told.Gone);
    }

    [Fact]
    public async Task AddressesGoWithTheCableAndOthersCome_TheOldOnesAreGone()
    {
        await using NetworkWatcher watcher = Watch();
        _machine = [Loopback];
        _clock.Advance(TimeSpan.FromSeconds(30));
        _machine = [Loopback, New];
        _clock.Advance(TimeSpan.FromSeconds(30));

        Assert.Equal([Old.Address], Assert.Single(_told).Event.Gone);
    }

    [Fact]
    public async Task CableOut_AnotherInterfaceIsUp_IsToldAtOnce()
    {
        LocalAddress wifi = At("wlan0", "198.51.100.7");
        _machine = [Loopback, Old, wifi];
        await using NetworkWatcher watcher = Watch();
        _machine = [Loopback, Old with { IsUp = false }, wifi];
        _clock.Advance(TimeSpan.FromSeconds(6));

        Assert.Empty(Assert.Single(_told).Event.Gone);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Sleep_MonotonicClockStopsOrGoesOn_IsToldSoonAfterWaking(bool goesOn)
    {
        await using NetworkWatcher watcher = Watch();
        _clock.Advance(TimeSpan.FromSeconds(12));
        if (goesOn)
        {
            _clock.Freeze(TimeSpan.FromMinutes(10));
        }
        else
        {
            _clock.Sleep(TimeSpan.FromMinutes(10));
        }

        TimeSpan woken = _clock.Now;
        _clock.Advance(TimeSpan.FromSeconds(60));

        (TimeSpan at, NetworkEvent told) = Assert.Single(_told);
        Assert.True(told.Woke);
        Assert.InRange(at - woken, TimeSpan.Zero, TimeSpan.FromSeconds(goesOn ? 0.2 : 5.2));
    }

    [Fact]
    public async Task Sleep_NetworkIsNotBackYet_ToldOnceWhenItIs()
    {
        await using NetworkWatcher watcher = Watch();
        _machine = [Loopback, Old with { IsUp = false }];
        _clock.Sleep(TimeSpan.FromMinutes(10));
        _clock.Advance(TimeSpan.FromSeconds(30));
        Assert.Empty(_told);

        _machine = [Loopback, Old];
        _clock.Advance(TimeSpan.FromSeconds(30));
        Assert.True(Assert.Single(_told).Event.Woke);
    }

    [Fact]
    public async Task Sleep_MachineWithoutANetwork_IsToldAllTheSame()
    {
        _machine = [Loopback];
        await using NetworkWatcher watcher = Watch();
        _clock.Freeze(TimeSpan.FromSeconds(60));
        _clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Single(_told);
    }

    [Fact]
    public async Task ClockIsSetBackOrTimersAreALittleLate_NothingIsTold()
    {
        await using NetworkWatcher watcher = Watch();
        _clock.Sleep(TimeSpan.FromDays(-1));
        for (int i = 0; i < 100; i++)
        {
            _clock.Freeze(TimeSpan.FromSeconds(7));
        }

        Assert.Empty(_told);
    }

    [Fact]
    public async Task SystemDoesNotTellTheAddresses_NothingIsGone()
    {
        await using NetworkWatcher watcher = Watch();
        _machine = null;
        _clock.Advance(TimeSpan.FromMinutes(1));
        watcher.OnSystemEvent();
        _clock.Advance(TimeSpan.FromMinutes(1));

        Assert.Empty(_told);
    }

    [Fact]
    public async Task Dispose_NothingIsLeft()
    {
        NetworkWatcher watcher = Watch();
        await watcher.DisposeAsync();
        _machine = [New];
        watcher.OnSystemEvent();
        _clock.Advance(TimeSpan.FromHours(1));

        Assert.Empty(_told);
        Assert.Equal(0, _clock.PendingTimers);
    }

    [Fact]
    public async Task Dispose_SystemEvents_HoldItNoLonger()
    {
        WeakReference watcher = await WatchTheMachineAndDisposeAsync();
        await Eventually.TrueAsync(() =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return !watcher.IsAlive;
        });
    }

    [Fact]
    public void Scan_ThisMachine_HasItsLoopbackAddress() =>
        Assert.Contains(LocalAddress.Scan()!, a => a.Address.Equals(IPAddress.Loopback) && a.IsUp);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task<WeakReference> WatchTheMachineAndDisposeAsync()
    {
        NetworkWatcher watcher = new(TimeProvider.System, _ => { });
        await watcher.DisposeAsync();
        return new WeakReference(watcher);
    }

    private static LocalAddress At(string name, string address) => new(name, IPAddress.Parse(address), IsUp: true);

    private NetworkWatcher Watch() => new(_clock, change => _told.Add((_clock.Now, change)), () => _machine);
}
