using System.Net;
using FsCheck;
using FsCheck.Fluent;
using Meshara.Core.Policy;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Core.Policy;

public sealed class WaitingRoomTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly AcceptLimits Limits = new();

    private readonly WaitingRoom _room = new(Limits, Patience);
    private TimeSpan _now;
    private long _lastId;

    [Fact]
    public void Enter_NobodyElse_IsReadAtOnceAndGetsAPlace()
    {
        long id = Enter("198.51.100.1");

        Assert.Equal([Read(id)], Poll());
        _room.Complete(id);
        Assert.Equal([Start(id)], Poll());
        Assert.Equal((0, 1), (_room.Waiting, _room.Shaking));
        _room.Leave(id);
        Assert.Equal((0, 0), (_room.Waiting, _room.Shaking));
        Assert.Null(_room.NextDeadline(_now));
    }

    [Fact]
    public void Enter_MoreThanTheLaneAllows_WaitAndAreReadAtItsRate()
    {
        for (int i = 0; i < 60; i++)
        {
            Enter($"198.51.100.{i}");
        }

        Assert.Equal(50, Poll().Count(o => o.Kind == RoomOrderKind.Read));
        Assert.Equal(_now + TimeSpan.FromMilliseconds(20), _room.NextDeadline(_now));
        _now += TimeSpan.FromMilliseconds(20);
        Assert.Equal([Read(51)], Poll());
    }

    [Fact]
    public void Change_MorePlacesAndAnotherRate_HoldForThoseWhoWaitAsWell()
    {
        for (int i = 0; i < 60; i++)
        {
            Enter($"198.51.100.{i}");
        }

        foreach (RoomOrder order in Poll())
        {
            _room.Complete(order.Id);
        }

        Assert.Equal(Limits.MaxHandshakes, Poll().Count(o => o.Kind == RoomOrderKind.Start));

        _room.Change(Limits with { MaxHandshakes = 12, TotalBurst = 60, MaxWaiting = 45 }, TimeSpan.FromSeconds(2));

        RoomOrder[] orders = [.. Poll()];
        Assert.Equal((7, 10, 4), (orders.Count(o => o.Why == AcceptLevel.Pool && o.Kind == RoomOrderKind.Close), orders.Count(o => o.Kind == RoomOrderKind.Read), orders.Count(o => o.Kind == RoomOrderKind.Start)));
        _now += TimeSpan.FromSeconds(2);
        Assert.Contains(Poll(), o => o is { Kind: RoomOrderKind.Close, Why: AcceptLevel.Late });
    }

    [Fact]
    public void Poll_NoClientHello_IsLateAtTheDeadline()
    {
        long id = Enter("198.51.100.1");
        Poll();
        Assert.Equal(Patience, _room.NextDeadline(_now));
        _now = Patience - TimeSpan.FromTicks(1);
        Assert.Empty(Poll());
        _now = Patience;
        Assert.Equal([Close(id, AcceptLevel.Late)], Poll());
    }

    [Fact]
    public void Poll_PoolIsFull_OldestOfTheLargestGroupGoes()
    {
        long lonely = Enter("203.0.113.1");
        for (int i = 0; i < 63; i++)
        {
            // Two networks of one wide one: 42 sockets and 21.
            Enter($"198.51.{(i % 3 == 0 ? 7 : 9)}.{i}");
        }

        Assert.DoesNotContain(Poll(), o => o.Kind == RoomOrderKind.Close);
        long newcomer = Enter("192.0.2.1");

        // The first that came to 198.51.9.0/24.
        Assert.Equal([Close(3, AcceptLevel.Pool)], Poll().Where(o => o.Kind == RoomOrderKind.Close));
        Assert.True(lonely < newcomer);
    }

    [Fact]
    public void Poll_EightSilentSockets_TakeNoPlace()
    {
        for (int i = 0; i < 8; i++)
        {
            Enter($"198.51.{i % 2}.{i}");
        }

        Poll();
        long good = Enter("203.0.113.1");
        Assert.Equal([Read(good)], Poll());
        _room.Complete(good);
        Assert.Equal([Start(good)], Poll());
    }

    [Fact]
    public void Poll_StalledHandshakes_YieldAfterASecondTheLargestNetworkFirst()
    {
        // Six networks; 198.51.100.0/24 has three of the eight places, for nobody waited then.
        string[] stalled = ["198.51.100.1", "198.51.101.1", "198.51.100.2", "198.51.102.1", "198.51.100.3", "198.51.103.1", "198.51.104.1", "198.51.105.1"];
        foreach (string source in stalled)
        {
            Ready(source);
            _now += TimeSpan.FromMilliseconds(10);
        }

        long good = Ready("203.0.113.1");
        Assert.Equal(8, _room.Shaking);
        Assert.Equal(TimeSpan.FromSeconds(1), _room.NextDeadline(_now));
        _now = TimeSpan.FromSeconds(1) - TimeSpan.FromTicks(1);
        Assert.Empty(Poll());
        _now = TimeSpan.FromSeconds(1);
        Assert.Equal([Close(1, AcceptLevel.Stalled), Start(good)], Poll());
    }

    [Fact]
    public void Poll_EightStalledAtOnce_YieldOneByOne()
    {
        for (int i = 0; i < 8; i++)
        {
            Ready($"198.51.{i}.1");
        }

        long first = Ready("203.0.113.1");
        long second = Ready("192.0.2.1");
        _now = TimeSpan.FromSeconds(1);
        Assert.Equal([Close(1, AcceptLevel.Stalled), Start(first)], Poll());
        Assert.Equal(TimeSpan.FromSeconds(1.125), _room.NextDeadline(_now));
        _now = TimeSpan.FromSeconds(1.125);
        Assert.Equal([Close(2, AcceptLevel.Stalled), Start(second)], Poll());
    }

    [Fact]
    public void Poll_OnlyTheOwnNetworkWaits_YieldsAfterTwiceAsLong()
    {
        for (int i = 0; i < 9; i++)
        {
            Ready($"198.51.100.{i}");
        }

        _now = TimeSpan.FromSeconds(2) - TimeSpan.FromTicks(1);
        Assert.Empty(Poll());
        _now = TimeSpan.FromSeconds(2);
        Assert.Equal([Close(1, AcceptLevel.Stalled), Start(9)], Poll());
    }

    [Fact]
    public void Poll_OneNetworkHasTwoPlaces_OthersGoFirst()
    {
        for (int i = 0; i < 8; i++)
        {
            Ready($"198.51.{i}.1");
        }

        long[] greedy = [.. Enumerable.Range(0, 4).Select(i => Ready($"203.0.113.{i}"))];
        long other = Ready("192.0.2.1");
        List<long> started = [];
        for (int left = 1; left <= 5; left++)
        {
            _room.Leave(left);
            started.AddRange(Poll().Where(o => o.Kind == RoomOrderKind.Start).Select(o => o.Id));
        }

        // By turns of the wide networks first; the third of the greedy network only when nobody else waits.
        Assert.Equal([greedy[0], other, greedy[1], greedy[2], greedy[3]], started);
    }

    [Fact]
    public void TryPoll_AnyEvents_KeepsItsBounds() =>
        Prop.ForAll<(NonNegativeInt Event, NonNegativeInt Source, NonNegativeInt Wait)[]>(events =>
        {
            AcceptLimits limits = new() { TotalRate = 2, TotalBurst = 5, MaxHandshakes = 4, MaxHandshakesPerNetwork = 2, MaxWaiting = 6 };
            WaitingRoom room = new(limits, Patience);
            TimeSpan now = TimeSpan.Zero;
            HashSet<long> inside = [], reading = [], shaking = [];
            List<(TimeSpan, AddressKeys)> reads = [];
            long last = 0;
            foreach ((NonNegativeInt what, NonNegativeInt source, NonNegativeInt wait) in events)
            {
                now += TimeSpan.FromMilliseconds(wait.Get % 6 * 50);
                if (what.Get % 3 == 0)
                {
                    room.Enter(++last, Keys($"198.{source.Get % 5}.{source.Get % 10}.{source.Get % 20}"), now);
                    inside.Add(last);
                }
                else if (what.Get % 3 == 1 && reading.Count > 0)
                {
                    long id = reading.Order().ElementAt(source.Get % reading.Count);
                    reading.Remove(id);
                    room.Complete(id);
                }
                else if (inside.Count > 0)
                {
                    long id = inside.Order().ElementAt(source.Get % inside.Count);
                    room.Leave(id);
                    Gone(id);
                }

                while (room.TryPoll(now, out RoomOrder order))
                {
                    Assert.Contains(order.Id, inside);
                    switch (order.Kind)
                    {
                        case RoomOrderKind.Read:
                            Assert.True(reading.Add(order.Id));
                            reads.Add((now, default));
                            break;
                        case RoomOrderKind.Start:
                            Assert.DoesNotContain(order.Id, reading);
                            Assert.True(shaking.Add(order.Id));
                            break;
                        default:
                            Gone(order.Id);
                            break;
                    }
                }

                Assert.Equal((inside.Count - shaking.Count, shaking.Count), (room.Waiting, room.Shaking));
                Assert.True(room.Waiting <= limits.MaxWaiting && room.Shaking <= limits.MaxHandshakes);
                Assert.True(room.NextDeadline(now) is not { } next || next > now);
            }

            AcceptGateTests.Within(reads, k => k.Address, limits.TotalRate, limits.TotalBurst);

            void Gone(long id)
            {
                inside.Remove(id);
                reading.Remove(id);
                shaking.Remove(id);
            }
        }).Check(Seeded.Config.WithMaxTest(300).WithEndSize(200));

    // Attackers of fewer wide networks than the pool has places, as many sockets as they like, all of which stall after a ClientHello or before.
    [Fact]
    public void TryPoll_AnyFlood_NewcomerOfAFreshGroupIsReadWithinOneTurnOfEachGroupAndHasAPlaceASecondLater() =>
        Prop.ForAll<PositiveInt, int, bool>((groups, seed, complete) =>
        {
            int wide = 1 + (groups.Get % 62);
            Random random = new(seed);
            Flood flood = new(random, wide, complete);
            flood.Run(TimeSpan.FromSeconds(random.Next(3)));
            long good = flood.Enter("203.0.113.1", honest: true);
            long readsBefore = flood.Reads;
            flood.RunUntil(() => flood.IsRead(good), TimeSpan.FromSeconds(5));
            Assert.True(flood.Reads - readsBefore <= wide + 1, $"{flood.Reads - readsBefore} reads of {wide} groups");
            flood.Complete(good);
            TimeSpan from = flood.Now;
            flood.RunUntil(() => flood.IsStarted(good), TimeSpan.FromSeconds(1.15));
            Assert.True(flood.Now - from <= TimeSpan.FromSeconds(1.15));
        }).Check(Seeded.Config.WithMaxTest(40));

    private sealed class Flood(Random random, int wide, bool complete)
    {
        private readonly WaitingRoom _room = new(Limits, Patience);
        private readonly HashSet<long> _read = [], _started = [];
        private long _lastId, _honest;

        public TimeSpan Now { get; private set; }

        public long Reads { get; private set; }

        public bool IsRead(long id) => _read.Contains(id);

        public bool IsStarted(long id) => _started.Contains(id);

        public void Complete(long id) => _room.Complete(id);

        public long Enter(string source, bool honest = false)
        {
            _room.Enter(++_lastId, Keys(source), Now);
            _honest = honest ? _lastId : _honest;
            Poll();
            return _lastId;
        }

        public void Run(TimeSpan time) => RunUntil(() => false, time, mustHappen: false);

        public void RunUntil(Func<bool> done, TimeSpan time, bool mustHappen = true)
        {
            TimeSpan end = Now + time;
            while (!done() && Now < end)
            {
                Now += TimeSpan.FromMilliseconds(1);
                Enter($"10.{random.Next(wide)}.{random.Next(256)}.{random.Next(256)}");
            }

            Assert.True(done() || !mustHappen);
        }

        private void Poll()
        {
            while (_room.TryPoll(Now, out RoomOrder order))
            {
                switch (order.Kind)
                {
                    case RoomOrderKind.Read:
                        Reads++;
                        _read.Add(order.Id);
                        if (complete && order.Id != _honest)
                        {
                            _room.Complete(order.Id);
                        }

                        break;
                    case RoomOrderKind.Start:
                        _started.Add(order.Id);
                        break;
                }
            }
        }
    }

    // Who has gone is no longer one of many: of a group, and of a network in it.
    [Theory]
    [InlineData("198.51.100.1", "203.0.113.1")]
    [InlineData("203.0.112.1", "203.0.113.1")]
    public void Enter_TooMany_WhoHasLeftDoesNotCount(string gone, string most)
    {
        WaitingRoom room = new(new AcceptLimits { MaxWaiting = 3 }, Patience);
        for (long id = 1; id <= 3; id++)
        {
            room.Enter(id, Keys(gone), _now);
        }

        for (long id = 1; id <= 3; id++)
        {
            room.Leave(id);
        }

        room.Enter(4, Keys(gone), _now);
        room.Enter(5, Keys(most), _now);
        room.Enter(6, Keys(most), _now);
        room.Enter(7, Keys("192.0.2.1"), _now);
        Assert.True(room.TryPoll(_now, out RoomOrder order));
        Assert.Equal(Close(5, AcceptLevel.Pool), order);
    }

    // The same limits again are no reason to forget what was spent, other ones are.
    [Theory]
    [InlineData(50, 50, 0)]
    [InlineData(51, 50, 20)]
    [InlineData(50, 51, 20)]
    public void Change_OnlyAnotherRateOrBurst_BeginsAnew(double rate, int burst, int read)
    {
        for (int i = 0; i < 70; i++)
        {
            Enter($"198.51.100.{i}");
        }

        Poll();
        int before = Poll().Count;
        _room.Change(Limits with { TotalRate = rate, TotalBurst = burst }, Patience);
        Assert.Equal((0, Math.Min(read, 14)), (before, Poll().Count(o => o.Kind == RoomOrderKind.Read)));
    }

    private static AddressKeys Keys(string source) => AddressGroups.KeysOf(IPAddress.Parse(source));

    private static RoomOrder Read(long id) => new(RoomOrderKind.Read, id, default);

    private static RoomOrder Start(long id) => new(RoomOrderKind.Start, id, default);

    private static RoomOrder Close(long id, AcceptLevel why) => new(RoomOrderKind.Close, id, why);

    private long Enter(string source)
    {
        _room.Enter(++_lastId, Keys(source), _now);
        return _lastId;
    }

    private long Ready(string source)
    {
        long id = Enter(source);
        Poll();
        _room.Complete(id);
        Poll();
        return id;
    }

    private List<RoomOrder> Poll()
    {
        List<RoomOrder> orders = [];
        while (_room.TryPoll(_now, out RoomOrder order))
        {
            orders.Add(order);
        }

        return orders;
    }
}
