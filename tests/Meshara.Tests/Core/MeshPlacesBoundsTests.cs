using Meshara.Core;
using Meshara.Core.Policy;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Core;

/// <summary>Both sides of the bounds of who finds a place, and what those hear who do not.</summary>
public sealed class MeshPlacesBoundsTests
{
    private static readonly AddressGroups Near = new([], [System.Net.IPNetwork.Parse("192.168.0.0/24")]);

    // What a probe is told is what a peer would be: nobody gives way, somebody would, somebody gives way already.
    [Fact]
    public void Probe_OfAFullNode_HearsWhetherThereWouldBeAPlace()
    {
        MeshScript s = Full(4, "10.1.0.1", "10.1.1.1", "10.2.0.1", "10.3.0.1");
        Assert.Equal(new MetLimit("max_peers", 4), NoPlaceFor(s, 0xE0)?.Limit);
        s.Advance(61);
        s.Take();
        Assert.Null(NoPlaceFor(s, 0xE1));
        Assert.Null(NoPlaceFor(s, 0xE2));
        s.Accept(Ids.Of(0xF0), from: "10.8.0.1:1");
        s.Take();
        Assert.Equal(new MetLimit("max_peers", 4), NoPlaceFor(s, 0xE3)?.Limit);
    }

    [Fact]
    public void Probe_OfANodeWithRoom_OrByAPeer_HearsNothing()
    {
        MeshScript s = Full(4, "10.1.0.1", "10.1.1.1", "10.2.0.1");
        Assert.Null(NoPlaceFor(s, 0xE0));
        MeshScript full = Full(1, "10.1.0.1");
        Assert.NotNull(NoPlaceFor(full, 0xE0));
        full.Mesh.HandleTrust(Ids.Of(0xE1), full.Now);
        full.Take();
        Assert.Null(NoPlaceFor(full, 0xE1));
    }

    [Fact]
    public void Probe_FromAnAddressThatHasAllItsPlaces_HearsThatLimit()
    {
        MeshScript s = Full(40, "10.1.0.1", "10.1.0.1", "10.1.0.1", "10.1.0.1");
        Assert.Equal(new MetLimit("inbound_per_ipv4_address", 4), NoPlaceFor(s, 0xE0, "10.1.0.1:9")?.Limit);
        Assert.Null(NoPlaceFor(s, 0xE1, "10.2.0.1:9"));
    }

    // Five ids of one machine nearby, not one that comes again and again, and not somewhere far away.
    [Theory]
    [InlineData("192.168.0.7", 5, 1)]
    [InlineData("192.168.0.7", 4, 0)]
    [InlineData("192.168.9.7", 9, 0)]
    public void Inbound_ManyIdsRefusedAtOneAddress_IsToldFromTheFifthOn(string from, int ids, int told)
    {
        MeshScript s = Crowded(from);
        for (int times = 0; times < 3; times++)
        {
            for (byte i = 0; i < ids; i++)
            {
                s.Accept(Ids.Of((byte)(0x40 + i)), from: $"{from}:1");
            }
        }

        Assert.Equal(told, s.Take().OfType<MeshAction.ManyAtOneAddress>().Count());
    }

    [Fact]
    public void Inbound_ASecondSuchAddress_IsNotToldAgain()
    {
        MeshScript s = Crowded("192.168.0.7");
        foreach (string from in new[] { "192.168.0.7", "192.168.0.8" })
        {
            for (byte i = 0; i < 20; i++)
            {
                long connection = s.Accept(Ids.Of((byte)(0x40 + i)), from: $"{from}:1");
                s.Mesh.HandleReadyReceived(connection, s.Now);
            }
        }

        Assert.Single(s.Take().OfType<MeshAction.ManyAtOneAddress>());
    }

    // Who is refused again and again is told to wait longer, five seconds for each time within ten minutes.
    [Theory]
    [InlineData(600, 70)]
    [InlineData(600.001, 60)]
    public void Inbound_RefusedAgain_WaitsByHowOftenWithinTenMinutes(double seconds, double wait)
    {
        MeshScript s = Crowded("192.168.0.7");
        for (int i = 0; i < 13; i++)
        {
            s.Accept(NodeIds.At(i), from: "192.168.0.7:1");
        }

        Assert.Equal([60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 65], s.Take().OfType<MeshAction.SendRefuse>().Select(r => r.RetryAfter!.Value.TotalSeconds));
        s.Wait(seconds);
        s.Accept(NodeIds.At(50), from: "192.168.0.7:1");
        Assert.Equal(wait, s.Single<MeshAction.SendRefuse>().RetryAfter!.Value.TotalSeconds);
    }

    // A thousand addresses are counted, no more; those that are ten minutes old make room.
    [Fact]
    public void Inbound_RefusedAtAThousandAddresses_FurtherOnesCountOnlyWhenThoseAreOld()
    {
        MeshScript s = Full(16, "203.0.200.1", "203.0.201.1", "203.0.202.1", "203.0.203.1");
        for (int i = 0; i < 1024; i++)
        {
            s.Accept(NodeIds.At(i), from: $"203.0.{i / 250}.{i % 250}:1");
        }

        Assert.Equal(1024, s.Mesh.Sizes.RefusedKeys);
        Assert.Equal(60, LongestWait(s, "203.0.100.1"));
        s.Wait(580);
        Assert.Equal(60, LongestWait(s, "203.0.100.1"));
        Assert.Equal(1024, s.Mesh.Sizes.RefusedKeys);
        s.Wait(30);
        Assert.Equal(65, LongestWait(s, "203.0.100.1"));
        Assert.Equal(1, s.Mesh.Sizes.RefusedKeys);
    }

    // Words for twenty strangers a second: a token for each twentieth of one.
    [Fact]
    public void Refusals_AfterTwenty_OneMoreEachTwentiethOfASecond()
    {
        MeshScript s = Full(1, "10.1.0.1");
        Assert.Equal(20, Words(s, 0, 30));
        s.Wait(0.049);
        Assert.Equal(0, Words(s, 40, 3));
        s.Wait(0.002);
        Assert.Equal(1, Words(s, 50, 3));
        s.Wait(0.5);
        Assert.InRange(Words(s, 60, 30), 9, 10);
        s.Wait(3600);
        Assert.Equal(20, Words(s, 100, 30));
    }

    // A second for READY: who has waited for it so long does not give way yet.
    [Theory]
    [InlineData(1, false)]
    [InlineData(1.001, true)]
    public void Full_ANewcomerThatIsSlow_GivesWayAfterASecond(double seconds, bool givesWay)
    {
        MeshScript s = Ready(target: 0, max: 1);
        long slow = s.Accept(Ids.Of(0x10), from: "10.1.0.1:1");
        s.Take();
        s.Wait(seconds);
        long next = s.Accept(Ids.Of(0x20), from: "10.2.0.1:1");
        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Equal(givesWay, !actions.OfType<MeshAction.SendRefuse>().Any(r => r.Connection == next));
        Assert.Equal(givesWay, actions.Any(a => a is MeshAction.SendRefuse { Code: RefuseCode.Full } r ? r.Connection == slow : a is MeshAction.SendGoodbye g && g.Connection == slow));
    }

    // Whom the operator named does not give way, however slow.
    [Fact]
    public void Full_ASlowNewcomerOfTheOperators_DoesNotGiveWay()
    {
        MeshScript s = Ready(target: 0, max: 1);
        s.Mesh.HandleTrust(Ids.Of(0x10), s.Now);
        long named = s.Accept(Ids.Of(0x10), from: "10.1.0.1:1");
        s.Link(Ids.Of(0x20), from: "10.2.0.1:1");
        s.Wait(5);
        long third = s.Accept(Ids.Of(0x30), from: "10.3.0.1:1");
        Assert.Equal([third], s.Take().OfType<MeshAction.SendRefuse>().Select(r => r.Connection));
        s.Mesh.HandleReadyReceived(named, s.Now);
        Assert.Single(s.Take().OfType<MeshAction.LinkUp>());
    }

    // Who was sent away for the pace of it counts for the next minute: one of several alike a minute.
    [Fact]
    public void Full_OneOfEqualGroups_GivesWayOnceAMinute()
    {
        MeshScript s = Full(4, "10.1.0.1", "10.2.0.1", "10.3.0.1", "10.4.0.1");
        s.Advance(61);
        s.Take();
        Assert.True(Joins(s, 0xF0, "10.1.9.1:1"));
        Assert.False(Joins(s, 0xF1, "10.2.9.1:1"));
        s.Advance(59);
        Assert.False(Joins(s, 0xF2, "10.2.9.1:1"));
        s.Advance(2);
        Assert.True(Joins(s, 0xF3, "10.2.9.1:1"));
    }

    // A group that has two more than the newcomer's gives way at once.
    [Fact]
    public void Full_ALargerGroup_GivesWayAtOnce()
    {
        MeshScript s = Full(16, [.. Enumerable.Range(20, 12).Select(i => $"10.{i}.0.1"), "10.1.0.1", "10.1.1.1", "10.1.2.1", "10.1.3.1"]);
        s.Advance(61);
        s.Take();
        Assert.True(Joins(s, 0xF0, "10.8.9.1:1"));
        Assert.True(Joins(s, 0xF1, "10.9.9.1:1"));
        Assert.Equal(16, s.Mesh.Counts.Mesh);
    }

    private static bool Joins(MeshScript s, byte id, string from)
    {
        long connection = s.Accept(Ids.Of(id), from: from);
        s.Mesh.HandleReadyReceived(connection, s.Now);
        return s.Take().OfType<MeshAction.LinkUp>().Any();
    }

    private static double LongestWait(MeshScript s, string from)
    {
        s.Wait(1);
        s.Take();
        for (int i = 0; i < 13; i++)
        {
            s.Accept(NodeIds.At(5000 + i), from: $"{from}:1");
        }

        return s.Take().OfType<MeshAction.SendRefuse>().Max(r => r.RetryAfter!.Value.TotalSeconds);
    }

    private static int Words(MeshScript s, int first, int count)
    {
        for (int i = 0; i < count; i++)
        {
            s.Accept(NodeIds.At(first + i), from: $"10.2.{first + i}.1:1");
        }

        return s.Take().OfType<MeshAction.SendRefuse>().Count();
    }

    private static (MetLimit Limit, TimeSpan RetryAfter)? NoPlaceFor(MeshScript s, byte id, string from = "10.99.0.1:1")
    {
        long probe = s.Accept(Ids.Of(id), probe: true, from: from);
        s.Mesh.HandleReadyReceived(probe, s.Now);
        MeshAction.SendReady ready = s.Take().OfType<MeshAction.SendReady>().Single(r => r.Connection == probe);
        s.Lose(probe);
        s.Take();
        return ready.NoPlace;
    }

    // Four peers of one address nearby: it has no place left.
    private static MeshScript Crowded(string from)
    {
        MeshScript s = Ready(target: 4, max: 40);
        s.Mesh.HandleGroups(Near);
        for (byte i = 0; i < 4; i++)
        {
            s.Link(Ids.Of((byte)(0x10 + i)), from: $"{from}:{1000 + i}");
        }

        return s;
    }

    private static MeshScript Full(int max, params string[] from)
    {
        MeshScript s = Ready(target: 0, max);
        for (int i = 0; i < from.Length; i++)
        {
            s.Link(Ids.Of((byte)(0x10 + i)), from: $"{from[i]}:1000");
        }

        return s;
    }

    private static MeshScript Ready(int target, int max)
    {
        MeshScript s = new(Ids.Of(0x01), target: target, maxPeers: max);
        s.Start();
        return s;
    }
}
