using System.Net;
using FsCheck;
using FsCheck.Fluent;
using Meshara.Core.Policy;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Core.Policy;

public sealed class AcceptGateTests
{
    // Only then what everybody has spent is forgotten.
    [Fact]
    public void IsAnother_EachNumberOfABucket_AndNoOther()
    {
        AcceptLimits limits = new();
        Assert.False(AcceptGate.IsAnother(limits, new AcceptLimits { MaxWaiting = 1, TotalRate = 1, TotalBurst = 1, TrustedRanges = ["10.0.0.0/8"] }));
        Assert.All(
            new[]
            {
                limits with { AddressRate = 9 }, limits with { AddressBurst = 9 }, limits with { NetworkRate = 9 }, limits with { NetworkBurst = 9 }, limits with { WideRate = 9 },
                limits with { WideBurst = 9 }, limits with { PinnedRate = 9 }, limits with { PinnedBurst = 9 }, limits with { MaxRemembered = 9 },
            },
            other => Assert.True(AcceptGate.IsAnother(limits, other)));
    }

    [Theory]
    [InlineData("203.0.113.7", 16, 5, 1)]
    [InlineData("2001:db8:0:1200::1", 16, 5, 1)]
    public void Judge_OneAddress_BurstThenRate(string source, int burst, double seconds, int more)
    {
        AcceptGate gate = new(new AcceptLimits(), 1);

        Assert.Equal(burst, Admitted(gate, source, 100, TimeSpan.Zero));
        Assert.Equal(AcceptLevel.Address, Judge(gate, source, TimeSpan.FromSeconds(seconds) - TimeSpan.FromTicks(1)));
        Assert.Equal(more, Admitted(gate, source, 100, TimeSpan.FromSeconds(seconds)));
        Assert.Equal(burst, Admitted(gate, source, 100, TimeSpan.FromSeconds(1000)));
    }

    [Theory]
    [InlineData("203.0.113.{0}", nameof(AcceptLevel.Network), 64)]
    [InlineData("2001:db8:0:{0:x}00::1", nameof(AcceptLevel.Network), 64)]
    [InlineData("203.0.{0}.7", nameof(AcceptLevel.Wide), 256)]
    [InlineData("2001:db8:{0:x}::1", nameof(AcceptLevel.Wide), 256)]
    [InlineData("2002:cb00:71{0:x2}::1", nameof(AcceptLevel.Network), 64)]
    public void Judge_ManyAddressesOfOneGroup_BurstOfTheGroup(string source, string level, int burst)
    {
        AcceptGate gate = new(new AcceptLimits(), 1);
        List<AcceptLevel?> verdicts = [.. Enumerable.Range(0, 2000).Select(i => Judge(gate, string.Format(null, source, i % 256), TimeSpan.Zero))];

        Assert.Equal(burst, verdicts.Count(v => v is null));
        Assert.Contains(Enum.Parse<AcceptLevel>(level), verdicts);
    }

    [Fact]
    public void Judge_NoisyAddress_LeavesItsNetworkAlone()
    {
        AcceptGate gate = new(new AcceptLimits(), 1);
        Admitted(gate, "203.0.113.7", 100_000, TimeSpan.Zero);

        Assert.Equal(16, Admitted(gate, "203.0.113.8", 100, TimeSpan.Zero));
        Assert.Equal(16, Admitted(gate, "203.0.200.1", 100, TimeSpan.Zero));
    }

    [Fact]
    public void Judge_NoisyNetwork_MakesNoBucketsForItsAddresses()
    {
        AcceptGate gate = new(new AcceptLimits(), 1);
        foreach (int i in Enumerable.Range(0, 256 * 256))
        {
            Judge(gate, $"203.0.{i / 256}.{i % 256}", TimeSpan.Zero);
        }

        // One wide bucket, and no more than its burst of the others.
        Assert.True(gate.Count <= 1 + 256 + 256, $"{gate.Count}");
    }

    [Fact]
    public void Judge_TrustedLane_IsExempt()
    {
        AcceptGate gate = new(new AcceptLimits(), 1);

        Assert.Equal(100_000, Admitted(gate, "203.0.113.7", 100_000, TimeSpan.Zero, AcceptLane.Trusted));
        Assert.Equal(0, gate.Count);
    }

    [Theory]
    [InlineData(nameof(AcceptLane.Pinned), 64)]
    [InlineData(nameof(AcceptLane.OnLink), 16)]
    public void Judge_NamedOrNeighbouringHosts_CountEachForItself(string name, int burst)
    {
        AcceptLane lane = Enum.Parse<AcceptLane>(name);
        AcceptGate gate = new(new AcceptLimits(), 1);

        Assert.Equal(200 * burst, Enumerable.Range(0, 200).Sum(i => Admitted(gate, $"10.0.0.{i}", 100, TimeSpan.Zero, lane)));
        Assert.Equal(200 * burst, Enumerable.Range(0, 200).Sum(i => Admitted(gate, $"fe80::{i:x}", 100, TimeSpan.Zero, lane)));
    }

    [Fact]
    public void Judge_PublicFlood_TakesNothingFromOtherLanes()
    {
        AcceptGate gate = new(new AcceptLimits(), 1);
        Admitted(gate, "203.0.113.7", 1000, TimeSpan.Zero);

        Assert.Null(Judge(gate, "203.0.113.7", TimeSpan.Zero, AcceptLane.Proven));
        Assert.Null(Judge(gate, "203.0.113.7", TimeSpan.Zero, AcceptLane.Pinned));
    }

    // 40 addresses in 10 networks in 5 wide ones; tables of 4 buckets, so that most share.
    [Fact]
    public void Judge_AnySequence_NeverMoreThanRateTimesWindowPlusBurst() =>
        Prop.ForAll<(NonNegativeInt Source, NonNegativeInt Wait)[], PositiveInt>((arrivals, remembered) =>
        {
            AcceptLimits limits = Small(remembered.Get % 20);
            AcceptGate gate = new(limits, 7);
            TimeSpan now = TimeSpan.Zero;
            List<(TimeSpan At, AddressKeys Keys)> admitted = [];
            foreach ((NonNegativeInt source, NonNegativeInt wait) in arrivals)
            {
                now += TimeSpan.FromMilliseconds(wait.Get % 7 * 100);
                AddressKeys keys = AddressGroups.KeysOf(IPAddress.Parse(Source(source.Get % 40)));
                if (gate.Judge(keys, AcceptLane.Public, now) is null)
                {
                    admitted.Add((now, keys));
                }

                Assert.True(gate.Count <= 3 * limits.MaxRemembered);
            }

            Within(admitted, k => k.Address, limits.AddressRate, limits.AddressBurst);
            Within(admitted, k => k.Network, limits.NetworkRate, limits.NetworkBurst);
            Within(admitted, k => k.Wide, limits.WideRate, limits.WideBurst);
        }).Check(Seeded.Config.WithMaxTest(300).WithEndSize(150));

    [Fact]
    public void Judge_FloodOfAllAddresses_MemoryIsBoundedAndFreshGroupsComeBack()
    {
        AcceptLimits limits = new() { MaxRemembered = 256 };
        AcceptGate gate = new(limits, 7);
        Random random = new(1);
        for (int i = 0; i < 200_000; i++)
        {
            Judge(gate, new IPAddress((uint)random.NextInt64(1, uint.MaxValue)).ToString(), TimeSpan.FromMilliseconds(i));
        }

        Assert.InRange(gate.Count, 1, 3 * 256);

        // When the flood is over nothing of it is left within the time that a burst takes to grow back.
        Assert.Equal(16, Admitted(gate, "203.0.113.7", 100, TimeSpan.FromSeconds(200 + 80)));
    }

    internal static void Within(List<(TimeSpan At, AddressKeys Keys)> admitted, Func<AddressKeys, AddressKey> level, double rate, int burst)
    {
        foreach (IGrouping<AddressKey, TimeSpan> group in admitted.GroupBy(a => level(a.Keys), a => a.At))
        {
            TimeSpan[] times = [.. group];
            for (int from = 0; from < times.Length; from++)
            {
                for (int to = from; to < times.Length; to++)
                {
                    Assert.True(to - from + 1 <= burst + (rate * (times[to] - times[from]).TotalSeconds) + 1e-6, $"{group.Key}: {to - from + 1} in {times[to] - times[from]}");
                }
            }
        }
    }

    private static AcceptLimits Small(int remembered) => new()
    {
        AddressRate = 0.5,
        AddressBurst = 2,
        NetworkRate = 1,
        NetworkBurst = 4,
        WideRate = 1.5,
        WideBurst = 6,
        MaxRemembered = remembered,
    };

    private static string Source(int i) => $"198.{i / 8}.{i / 4}.{i}";

    private static AcceptLevel? Judge(AcceptGate gate, string source, TimeSpan now, AcceptLane lane = AcceptLane.Public) =>
        gate.Judge(AcceptGate.KeysOf(IPAddress.Parse(source), lane), lane, now);

    private static int Admitted(AcceptGate gate, string source, int times, TimeSpan now, AcceptLane lane = AcceptLane.Public) =>
        Enumerable.Range(0, times).Count(_ => Judge(gate, source, now, lane) is null);
}
