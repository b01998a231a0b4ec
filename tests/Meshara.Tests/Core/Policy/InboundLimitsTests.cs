using System.Net;
using Meshara.Benchmarks.Flood;
using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core.Policy;

public sealed class InboundLimitsTests
{
    private static readonly AddressGroups Groups = new([.. AddressGroups.Loopback, IPNetwork.Parse("2001:db8:7:100::/56")], [IPNetwork.Parse("192.168.5.0/24"), IPNetwork.Parse("fe80::/64")]);

    // pattern: {0} counts up
    [Theory]
    [InlineData("203.0.113.9", 100, 4, "inbound_per_ipv4_address")]
    [InlineData("203.0.113.{0}", 100, 6, "inbound_per_ipv4_24")]
    [InlineData("203.0.{0}.1", 40, 10, "inbound_per_ipv4_16")]
    [InlineData("203.0.{0}.1", 5, 2, "inbound_per_ipv4_16")]
    [InlineData("2001:db8:1:2::{0}", 100, 4, "inbound_per_ipv6_56")]
    [InlineData("2001:db8:1:{0}00::1", 100, 8, "inbound_per_ipv6_48")]
    [InlineData("2001:db8:{0}::1", 40, 10, "inbound_per_ipv6_32")]
    [InlineData("2002:cb00:71{0}::1", 100, 6, "inbound_per_ipv4_24")] // 6to4 of 203.0.113.x
    [InlineData("192.168.5.7", 100, 4, "inbound_per_ipv4_address")]
    [InlineData("fe80::7%3", 100, 4, "inbound_per_ipv6_address")]
    [InlineData("fe80::{0}", 100, 50, "inbound_per_on_link_ipv6_56")] // a cluster on one switch without IPv4
    [InlineData("fe80::{0}", 4, 4, "inbound_per_on_link_ipv6_56")]
    [InlineData("192.168.5.{0}", 100, 90, null)]
    [InlineData("127.0.0.1", 100, 200, null)]
    [InlineData("2001:db8:7:100::{0}", 8, 200, null)] // 200 pods in one named /56
    public void Judge_OneAfterTheOther_AsManyAsTheLimit(string pattern, int slots, int admitted, string? limit)
    {
        List<IPAddress> inbound = [];
        MetLimit? met = null;
        while (met is null && inbound.Count < admitted + (limit is null ? 0 : 1))
        {
            IPAddress next = IPAddress.Parse(string.Format(pattern, inbound.Count.ToString(pattern.Contains(':') ? "x2" : "d")));
            met = new InboundLimits().Judge(next, inbound, slots, Groups);
            if (met is null)
            {
                inbound.Add(next);
            }
        }

        Assert.Equal((admitted, limit, limit is null ? 0 : admitted), (inbound.Count, met?.Name, met?.Value ?? 0));
    }

    // 'benchmarks/run flood' ended with an error: six of its eight good peers were let in.
    [Fact]
    public void Judge_GoodPeersAndNewcomersOfTheFloodBenchmark_AllJoin()
    {
        DiscoveryOptions options = DiscoveryOptions.Standard;
        int slots = ConnectionPlan.InboundSlots(options.TargetPeers, options.MaxPeers);
        AddressGroups loopbackCounts = new([], []);
        List<IPAddress> inbound = [];
        foreach (string next in Enumerable.Range(0, FloodSources.GoodPeers).Select(FloodSources.GoodPeer).Concat(Enumerable.Range(0, FloodSources.Newcomers).Select(FloodSources.Newcomer)))
        {
            Assert.Null(new InboundLimits().Judge(IPAddress.Parse(next), inbound, slots, loopbackCounts));
            inbound.Add(IPAddress.Parse(next));
        }
    }

    // Sybils in one public /24 don't join, however many there are.
    [Fact]
    public void Judge_TwoHundredInOnePublicNetwork_SixJoin()
    {
        List<IPAddress> inbound = [];
        for (int i = 0; i < 200; i++)
        {
            IPAddress next = new([203, 0, 113, (byte)i]);
            if (new InboundLimits().Judge(next, inbound, 64, Groups) is null)
            {
                inbound.Add(next);
            }
        }

        Assert.Equal(6, inbound.Count);
    }

    [Fact]
    public void Judge_LimitsSetToOne_AreTwo()
    {
        InboundLimits limits = new() { PerAddress = 1 };
        IPAddress address = IPAddress.Parse("203.0.113.9");

        Assert.Null(limits.Judge(address, [address], 100, Groups));
        Assert.Equal(new MetLimit("inbound_per_ipv4_address", 2), limits.Judge(address, [address, address], 100, Groups));
    }

    // Who is trusted fills no one's share.
    [Fact]
    public void Judge_TrustedNeighbours_DoNotCount()
    {
        AddressGroups groups = new([IPNetwork.Parse("203.0.113.0/25")], []);
        IPAddress[] trusted = [.. Enumerable.Range(1, 100).Select(i => new IPAddress([203, 0, 113, (byte)i]))];

        Assert.Null(new InboundLimits().Judge(IPAddress.Parse("203.0.113.200"), trusted, 8, groups));
    }

    [Theory]
    [InlineData(1, 60)]
    [InlineData(12, 60)]
    [InlineData(50, 250)]
    [InlineData(100_000, 3600)]
    public void RetryAfter_Refused_GrowsWithTheCrowd(int refused, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), InboundLimits.RetryAfter(refused));
}
