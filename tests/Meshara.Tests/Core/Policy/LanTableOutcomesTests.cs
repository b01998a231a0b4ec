using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core.Policy;

/// <summary>What a dial's end says about an address, and what one machine bears. Each wait is the longest that can be drawn.</summary>
public sealed class LanTableOutcomesTests
{
    private const string Machine = "10.0.0.5";

    private readonly LanTable _table = new(new Drawn(1));
    private TimeSpan _now = TimeSpan.FromSeconds(100);

    public LanTableOutcomesTests() => _table.SetInterfaces([LanBed.Eth, LanBed.Wlan], LanBed.OwnPorts);

    [Fact]
    public void Failed_InARow_WaitsTwiceAsLongEachTime_AndAfterASuccessAsAtFirst()
    {
        Vouched(1);
        foreach (int seconds in new[] { 2, 4, 8 })
        {
            _table.Failed(Take(1)!, _now);
            Assert.Equal(seconds, SecondsUntil(1));
            Pass(seconds);
        }

        _table.Succeeded(Take(1)!);
        Pass(1);
        _table.Failed(Take(1)!, _now);
        Assert.Equal(2, SecondsUntil(1));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Failed_OnOneMachine_TheOthersThereWaitTwiceAsLongEachTime_AndAfterASuccessAsAtFirst(bool vouched)
    {
        for (int i = 1; i <= 5; i++)
        {
            Announce(i, vouched);
        }

        foreach (int seconds in new[] { 1, 2, 4 })
        {
            _table.Failed(Take(1)!, _now);
            Assert.Equal(seconds, SecondsUntil(2));
            Pass(60);
        }

        _table.Succeeded(Take(2)!);
        Pass(1);
        _table.Failed(Take(3)!, _now);
        Assert.Equal(1, SecondsUntil(4));
    }

    // What others say of a machine must not keep it from being found by its own word.
    [Fact]
    public void Failed_ByTheWordOfAnother_WhatItSaysItselfDoesNotWait()
    {
        Announce(1, vouched: false);
        Announce(2, vouched: true);
        _table.Failed(Take(1)!, _now);
        Assert.NotNull(Take(2));
    }

    [Fact]
    public void Take_WhileOneByTheWordOfAnotherIsDialled_ItsOwnWordIsTaken_AndNoOtherOfThem()
    {
        Announce(1, vouched: false);
        Announce(2, vouched: false);
        Announce(3, vouched: true);
        Announce(4, vouched: true);
        Assert.NotNull(Take(1));
        Pass(1);
        Assert.Null(Take(2));
        Assert.NotNull(Take(3));
        Assert.Null(Take(4));
    }

    [Fact]
    public void Take_WhileOneByItsOwnWordIsDialled_OneByTheWordOfAnotherIsTaken_AndThenNoMore()
    {
        Announce(1, vouched: true);
        Announce(2, vouched: false);
        Announce(3, vouched: true);
        LanEntry first = Take(1)!;
        Assert.NotNull(Take(2));
        Assert.Null(Take(3));

        // The machine is free again at once, but it is not dialled at once.
        _table.Failed(first, _now);
        Assert.Equal(1, SecondsUntil(3));
    }

    [Fact]
    public void Take_FourPortsOfAMachine_TheFifthWhenTheFirstIsTenMinutesOld_AndThoseFourBefore()
    {
        _table.LongestBackoff = TimeSpan.FromSeconds(2);
        TimeSpan first = _now;
        for (int port = 1; port <= 6; port++)
        {
            Vouched(port, port);
        }

        for (int port = 1; port <= 4; port++)
        {
            _table.Failed(Take(port)!, _now);
            Pass(10);
        }

        Assert.Equal((first + LanTable.PortsFor - _now).TotalSeconds, SecondsUntil(5));
        _table.Failed(Take(2)!, _now);
        _now = first + LanTable.PortsFor - TimeSpan.FromTicks(1);
        Assert.Null(Take(5));
        _now = first + LanTable.PortsFor;
        _table.Failed(Take(5)!, _now);

        // The second was dialled ten seconds after the first.
        Assert.Equal(10, SecondsUntil(6));
    }

    [Fact]
    public void Take_TwoPortsByTheWordOfAnother_TheThirdWhenTheFirstIsTenMinutesOld()
    {
        TimeSpan first = _now;
        for (int port = 1; port <= 3; port++)
        {
            Add(LanBed.Found(LanBed.Id(port), Machine, port, from: "10.0.0.66", service: $"s{port}"));
        }

        _table.Failed(Take(1)!, _now);
        Pass(10);
        _table.Failed(Take(2)!, _now);
        Pass(10);
        Assert.Equal((first + LanTable.PortsFor - _now).TotalSeconds, SecondsUntil(3));
    }

    [Fact]
    public void Proven_Port_IsNotCountedAnyMore_TheOthersAre()
    {
        _table.LongestBackoff = TimeSpan.FromSeconds(2);
        for (int port = 1; port <= 6; port++)
        {
            Vouched(port, port);
        }

        LanEntry first = Take(1)!;
        _table.Failed(Take(2)!, _now);
        _table.Succeeded(first);
        foreach (int port in new[] { 3, 4, 5 })
        {
            Pass(10);
            _table.Failed(Take(port)!, _now);
        }

        Pass(10);
        Assert.Null(Take(6));
        Assert.NotNull(Take(2));
    }

    [Fact]
    public void Proven_Id_IsDialledWhateverItsMachineHasToBear()
    {
        for (int i = 1; i <= 3; i++)
        {
            Vouched(i);
        }

        _table.Succeeded(Take(1)!);
        Assert.NotNull(Take(2));
        Assert.NotNull(Take(3));
        Pass(1);
        Assert.NotNull(Take(1));
    }

    // Who is proven there is no burden: what is not proven has its places still.
    [Fact]
    public void Take_WhileProvenOnesAreDialled_TwoOthersAreTaken()
    {
        for (int i = 1; i <= 4; i++)
        {
            Vouched(i);
        }

        _table.Succeeded(Take(1)!);
        _table.Succeeded(Take(2)!);
        Pass(1);
        Assert.NotNull(Take(1));
        Assert.NotNull(Take(2));
        Assert.NotNull(Take(3));
        Assert.NotNull(Take(4));
    }

    [Fact]
    public void Proven_SeventeenOfOneMachine_TheFirstIsForgotten()
    {
        for (int i = 1; i <= 19; i++)
        {
            Vouched(i);
        }

        for (int i = 1; i <= 17; i++)
        {
            _table.Succeeded(Take(i)!);
            Pass(1);
        }

        Assert.NotNull(Take(18));
        Assert.NotNull(Take(19));
        Assert.Null(Take(1));
        Assert.NotNull(Take(2));
    }

    [Fact]
    public void Refused_AfterASuccess_WaitsAsAtFirst()
    {
        Vouched(1);
        foreach (int seconds in new[] { 90, 180 })
        {
            Assert.Equal(TimeSpan.FromSeconds(seconds), _table.Refused(Take(1)!, TimeSpan.FromSeconds(60), longest: null, _now));
            Pass(seconds);
        }

        _table.Succeeded(Take(1)!);
        Pass(1);
        Assert.Equal(TimeSpan.FromSeconds(90), _table.Refused(Take(1)!, TimeSpan.FromSeconds(60), longest: null, _now));
    }

    [Fact]
    public void Dropped_WaitsAsLongAsGiven_AndTheMachineIsFree()
    {
        for (int i = 1; i <= 3; i++)
        {
            Vouched(i);
        }

        LanEntry first = Take(1)!;
        Assert.NotNull(Take(2));
        _table.Dropped(first, TimeSpan.FromSeconds(7), _now);
        Pass(1);
        Assert.Equal(6, SecondsUntil(1));
        Assert.NotNull(Take(3));
    }

    [Fact]
    public void Lost_SoonAfterItBegan_WaitsTwiceAsLongEachTime_UntilOneHasLivedTenSeconds()
    {
        Vouched(1);
        _table.Succeeded(Take(1)!);
        Pass(1);
        foreach ((double lived, int seconds) in new (double, int)[] { (0, 2), (9.9, 4), (10, 1), (0, 2) })
        {
            _table.Lost(LanBed.Id(1), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(lived), longest: null, _now);
            Assert.Equal(seconds, SecondsUntil(1));
            Pass(seconds);
        }
    }

    [Fact]
    public void Lost_WhatWaitsLongerAlready_WaitsOn()
    {
        Vouched(1);
        _table.Dropped(Take(1)!, TimeSpan.FromSeconds(50), _now);
        _table.Lost(LanBed.Id(1), TimeSpan.FromSeconds(1), TimeSpan.FromHours(1), longest: null, _now);
        Pass(1);
        Assert.Equal(49, SecondsUntil(1));
    }

    [Fact]
    public void ResetBackoff_AfterFailures_DialsAtOnce_AndTheNextWaitIsTheFirst()
    {
        Vouched(1);
        Vouched(2);
        _table.Succeeded(Take(1)!);
        Pass(1);
        foreach (int seconds in new[] { 2, 4, 8 })
        {
            _table.Failed(Take(1)!, _now);
            Pass(seconds);
        }

        _table.Failed(Take(1)!, _now);
        _table.Failed(Take(2)!, _now);
        _table.ResetBackoff();
        Assert.NotNull(Take(2));
        _table.Failed(Take(1)!, _now);
        Assert.Equal(2, SecondsUntil(1));
    }

    [Fact]
    public void Remove_AnEntry_IsForgotten_AndItsMachineIsFree()
    {
        for (int i = 1; i <= 3; i++)
        {
            Vouched(i);
        }

        LanEntry first = Take(1)!;
        Assert.NotNull(Take(2));
        _table.Remove(first);
        Assert.Empty(_table.Of(LanBed.Id(1)));
        Assert.NotNull(Take(3));
    }

    // 4096 are remembered. Of those that nobody announces any more a quarter goes then, those whose turn is longest ago.
    [Fact]
    public void Add_MoreMachinesThanAreRemembered_TheOldestAreForgotten_ButNotWhoIsAnnounced()
    {
        for (int i = 0; i < 4096; i++)
        {
            Add(LanBed.Found(LanBed.Id(i), Home(i), service: $"s{i}"));
            _table.Succeeded(Take(i)!);
            if (i != 5)
            {
                _table.Withdraw($"s{i}", _now);
            }

            Pass(0.2);
        }

        Assert.True(Add(LanBed.Found(LanBed.Id(-1), "10.0.250.1")));
        Assert.False(IsRemembered(1));
        Assert.False(IsRemembered(1000));
        Assert.True(IsRemembered(1100));
        Assert.True(IsRemembered(5));
    }

    // Who takes back what he announced, and announces it again, gets no more dials out of it.
    [Fact]
    public void Withdraw_AfterFourPorts_TheMachineHasStillBorneThem()
    {
        _table.LongestBackoff = TimeSpan.FromSeconds(2);
        for (int port = 1; port <= 4; port++)
        {
            Vouched(port, port);
            _table.Failed(Take(port)!, _now);
            Withdraw(port);
            Pass(10);
        }

        Vouched(5, 5);
        Pass(60);
        Assert.Null(Take(5));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Withdraw_WhileDialsAreUnderWay_TheMachineStillBearsThem(bool vouched)
    {
        _table.LongestBackoff = TimeSpan.FromSeconds(2);
        int most = vouched ? 2 : 1;
        for (int i = 1; i <= most; i++)
        {
            Announce(i, vouched);
            Assert.NotNull(Take(i));
            Withdraw(i);
        }

        // Long enough for the ports to be forgotten.
        Pass(700);
        Announce(10, vouched);
        Assert.Null(Take(10));
    }

    [Fact]
    public void Withdraw_AfterASuccess_TheKeyIsStillProvenThere()
    {
        Vouched(1);
        _table.Succeeded(Take(1)!);
        Withdraw(1);
        for (int i = 1; i <= 3; i++)
        {
            Vouched(i);
        }

        Assert.NotNull(Take(2));
        Assert.NotNull(Take(3));
        Assert.NotNull(Take(1));
    }

    private void Withdraw(int number)
    {
        _table.Withdraw($"s{number}", _now);
        Pass(1);
        Assert.Null(Take(number));
        Assert.Empty(_table.Of(LanBed.Id(number)));
    }

    private static string Home(int number) => $"10.0.{1 + (number / 250)}.{(number % 250) + 2}";

    // Who is proven there is dialled beside two others.
    private bool IsRemembered(int number)
    {
        Pass(60);
        int other = 100_000 + (3 * number);
        foreach (int id in new[] { number, other, other + 1 })
        {
            Add(LanBed.Found(LanBed.Id(id), Home(number), service: $"s{id}"));
        }

        Assert.NotNull(Take(other));
        Assert.NotNull(Take(other + 1));
        return Take(number) is not null;
    }

    private void Announce(int number, bool vouched) =>
        Add(LanBed.Found(LanBed.Id(number), Machine, 4040, from: vouched ? Machine : "10.0.0.66", service: $"s{number}"));

    private void Vouched(int number, int port = 4040) => Add(LanBed.Found(LanBed.Id(number), Machine, port, service: $"s{number}"));

    private bool Add(LanFound found) => _table.Add(found, static _ => false, _now);

    private LanEntry? Take(int number)
    {
        NodeId only = LanBed.Id(number);
        return _table.Take(new LanView(static _ => LanRank.Stranger, id => id == only, static _ => false, Wanted: true, Tells: false), _now)?.Entry;
    }

    // Until this one may be dialled; there is nothing else.
    private double SecondsUntil(int number)
    {
        Assert.Null(Take(number));
        return (_table.NextDue!.Value - _now).TotalSeconds;
    }

    private void Pass(double seconds) => _now += TimeSpan.FromSeconds(seconds);
}
