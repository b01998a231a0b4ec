using System.Net;
using Meshara.Mdns.Engine;
using Meshara.Mdns.Tests.Support;
using Meshara.Mdns.Wire;
using Xunit;

namespace Meshara.Mdns.Tests.Engine;

/// <summary>Responders and queriers together, on networks in memory.</summary>
public sealed class EngineBrowseTests
{
    private static readonly DnsName Type = DnsName.Parse("_meshara._tcp.local");

    public static TheoryData<bool, bool, int> Families
    {
        get
        {
            TheoryData<bool, bool, int> all = [];
            for (int seed = 1; seed <= 10; seed++)
            {
                all.Add(true, false, seed);
                all.Add(false, true, seed);
                all.Add(true, true, seed);
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Browse_NineArePublished_AllAreKnownWithin300Ms(bool ipv4, bool ipv6, int seed)
    {
        VirtualLan lan = new(seed);
        for (int i = 1; i <= 9; i++)
            Publish(lan.Add(i, ipv4: ipv4, ipv6: ipv6), i);
        lan.Run(TimeSpan.FromSeconds(30));

        LanNode newcomer = lan.Add(10, ipv4: ipv4, ipv6: ipv6);
        TimeSpan from = lan.Now;
        newcomer.Engine.Browse(new BrowseId(1), Type, null, default, lan.Now);
        Assert.True(lan.RunUntil(() => Known(newcomer).Count == 9, TimeSpan.FromSeconds(2)));
        Assert.InRange(lan.Now - from, TimeSpan.Zero, TimeSpan.FromMilliseconds(300));
    }

    [Fact]
    public void Browse_SomebodyComes_IsSeenWithinASecondWithFullProbing()
    {
        VirtualLan lan = new();
        LanNode browser = lan.Add(1);
        browser.Engine.Browse(new BrowseId(1), Type, null, default, lan.Now);
        lan.Run(TimeSpan.FromSeconds(100));
        LanNode other = lan.Add(2);
        TimeSpan from = lan.Now;
        Publish(other, 2);

        Assert.True(lan.RunUntil(() => Known(browser).ContainsKey("node 2"), TimeSpan.FromSeconds(2)));
        Assert.InRange(lan.Now - from, TimeSpan.Zero, TimeSpan.FromSeconds(1.01));
    }

    [Fact]
    public void Browse_FirstTwoQueriesLost_AllAreKnownWithin3500Ms()
    {
        VirtualLan lan = new();
        for (int i = 1; i <= 9; i++)
            Publish(lan.Add(i), i);
        lan.Run(TimeSpan.FromSeconds(30));
        LanNode newcomer = lan.Add(10);
        int lost = 0;
        HashSet<LanPacket> dropped = [];
        lan.Drop = (packet, _) =>
        {
            if (packet.Sender == newcomer && !packet.Message.IsResponse && !dropped.Contains(packet) && lost < 4)
            {
                dropped.Add(packet);
                lost++;
            }

            return dropped.Contains(packet);
        };
        TimeSpan from = lan.Now;
        newcomer.Engine.Browse(new BrowseId(1), Type, null, default, lan.Now);

        // Two on each link.
        Assert.True(lan.RunUntil(() => Known(newcomer).Count == 9, TimeSpan.FromSeconds(5)));
        Assert.Equal(4, lost);
        Assert.InRange(lan.Now - from, TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(3.5));
    }

    [Fact]
    public void Browse_TenStartTogether_AllKnowAll()
    {
        VirtualLan lan = new();
        for (int i = 1; i <= 10; i++)
        {
            LanNode node = lan.Add(i);
            node.Engine.Browse(new BrowseId(1), Type, null, new BrowseSchedule(TimeSpan.FromSeconds(30)), lan.Now);
            Publish(node, i);
        }

        Assert.True(lan.RunUntil(() => lan.Nodes.All(n => Known(n).Count == 9), TimeSpan.FromSeconds(5)));

        // For ten minutes nothing comes or goes; one asks for all every 30 s, on two links (RFC 6762 section 7.3), and the nodes' own records are asked for by one and heard by all.
        lan.Run(TimeSpan.FromSeconds(60));
        int packets = lan.Sent.Count;
        int told = lan.Nodes.Sum(n => n.News.Count);
        lan.Run(TimeSpan.FromSeconds(600));
        Assert.Equal(told, lan.Nodes.Sum(n => n.News.Count));
        Assert.Equal(told, lan.Nodes.Sum(n => n.News.Count));
        LanPacket[] sent = [.. lan.Sent.Skip(packets)];
        int asked = sent.Count(p => !p.Message.IsResponse && p.Message.Questions.Any(q => q.Type == DnsType.Ptr));

        // 20 to 25 rounds on two links: without the rule ten times as many.
        Assert.True(asked is > 80 and < 320 && sent.Length < 700, $"{asked} queries of {sent.Length} packets");
    }

    [Fact]
    public void Unpublish_IsRemovedAfterItsSecond_Rfc6762_10_1()
    {
        VirtualLan lan = new();
        LanNode browser = lan.Add(1);
        browser.Engine.Browse(new BrowseId(1), Type, null, default, lan.Now);
        LanNode other = lan.Add(2);
        PublicationId id = Publish(other, 2);
        lan.Run(TimeSpan.FromSeconds(5));
        other.Engine.Unpublish(id, lan.Now);
        lan.Run(TimeSpan.FromSeconds(0.9));
        Assert.Single(Known(browser));
        lan.Run(TimeSpan.FromSeconds(0.3));
        Assert.Empty(Known(browser));
    }

    [Fact]
    public void Kill_WithoutGoodbye_IsRemovedWithinTwoMinutes_Rfc6762_10()
    {
        VirtualLan lan = new();
        LanNode browser = lan.Add(1);
        browser.Engine.Browse(new BrowseId(1), Type, null, default, lan.Now);
        LanNode other = lan.Add(2);
        Publish(other, 2);
        lan.Run(TimeSpan.FromSeconds(300));
        Assert.Single(Known(browser));
        other.IsStopped = true;
        lan.Run(TimeSpan.FromSeconds(120));
        Assert.Empty(Known(browser));
    }

    [Fact]
    public void Update_TextChanges_IsToldOnce()
    {
        VirtualLan lan = new();
        LanNode browser = lan.Add(1);
        browser.Engine.Browse(new BrowseId(1), Type, null, default, lan.Now);
        LanNode other = lan.Add(2);
        PublicationId id = Publish(other, 2);
        lan.Run(TimeSpan.FromSeconds(10));
        browser.News.Clear();
        other.Engine.Update(id, Profile(2) with { Txt = TxtRecord.Create(("version", "2")) }, lan.Now);
        lan.Run(TimeSpan.FromSeconds(10));

        ServiceChange change = Assert.Single(browser.News.Select(n => n.Action).OfType<EngineAction.Changed>()).Change;
        Assert.Equal((ServiceChangeKind.Updated, "2"), (change.Kind, change.Instance.Txt["version"]));
    }

    [Fact]
    public void SetInterfaces_InterfaceGoesAndComes_WhatIsThereIsFollowed()
    {
        VirtualLan lan = new();
        LanNode browser = lan.Add(1);
        browser.Engine.Browse(new BrowseId(1), Type, null, default, lan.Now);
        Publish(lan.Add(2), 2);
        lan.Run(TimeSpan.FromSeconds(20));
        Assert.Single(Known(browser));
        browser.Detach(2);
        lan.Run(TimeSpan.FromSeconds(0.1));
        Assert.Empty(Known(browser));
        browser.Attach(VirtualLan.Face(2, 1), 0);
        lan.Run(TimeSpan.FromSeconds(0.5));
        Assert.Single(Known(browser));
    }

    [Fact]
    public void SetInterfaces_AddressOfThePeerChanges_IsFollowed()
    {
        VirtualLan lan = new();
        LanNode browser = lan.Add(1);
        browser.Engine.Browse(new BrowseId(1), Type, null, default, lan.Now);
        LanNode other = lan.Add(2);
        Publish(other, 2);
        lan.Run(TimeSpan.FromSeconds(20));
        other.Attach(VirtualLan.Face(3, 99), 0);
        lan.Run(TimeSpan.FromSeconds(5));

        Assert.Equal(["10.0.0.99:7002", "[fe80::63%2]:7002"], Assert.Single(Known(browser)).Value.EndPoints.Select(e => e.ToString()));
    }

    [Fact]
    public void SendFailed_QueriesBeginAnewWhenTheLinkIsUp()
    {
        VirtualLan lan = new();
        Publish(lan.Add(2, ipv6: false), 2);
        lan.Run(TimeSpan.FromSeconds(20));
        LanNode browser = lan.Add(1, ipv6: false);
        browser.IsUnplugged = true;
        browser.Engine.SendFailed(browser.IPv4, lan.Now);
        browser.Engine.Browse(new BrowseId(1), Type, null, default, lan.Now);
        lan.Run(TimeSpan.FromSeconds(100));
        Assert.Empty(browser.Sent);
        browser.IsUnplugged = false;
        browser.Engine.LinkUp(browser.IPv4, lan.Now);
        lan.Run(TimeSpan.FromSeconds(0.3));

        Assert.Single(Known(browser));
    }

    [Fact]
    public void Wake_PeersThatLeftMeanwhile_GoWithinTenSeconds_Rfc6762_10_3()
    {
        VirtualLan lan = new();
        LanNode browser = lan.Add(1);
        browser.Engine.Browse(new BrowseId(1), Type, null, default, lan.Now);
        Publish(lan.Add(2), 2);
        LanNode leaving = lan.Add(3);
        Publish(leaving, 3);
        lan.Run(TimeSpan.FromSeconds(20));
        Assert.Equal(2, Known(browser).Count);
        leaving.IsStopped = true;
        browser.News.Clear();
        browser.Engine.Wake(lan.Now);
        lan.Run(TimeSpan.FromSeconds(11));

        ServiceChange change = Assert.Single(browser.News.Select(n => n.Action).OfType<EngineAction.Changed>()).Change;
        Assert.Equal((ServiceChangeKind.Removed, "node 3"), (change.Kind, change.Instance.InstanceName));
    }

    [Fact]
    public void Receive_UnicastResponseNobodyAskedFor_IsIgnored_Rfc6762_6()
    {
        VirtualLan lan = new();
        LanNode browser = lan.Add(1, ipv6: false);
        browser.Engine.Browse(new BrowseId(1), Type, null, default, lan.Now);
        lan.Run(TimeSpan.FromSeconds(5));
        lan.Say("10.0.0.7", Records.Service("forged", address: "10.0.0.7"), to: "10.0.0.1");
        lan.Run(TimeSpan.FromSeconds(1));
        Assert.Empty(Known(browser));

        lan.Say("10.0.0.7", Records.Service("honest", address: "10.0.0.7"));
        lan.Run(TimeSpan.FromSeconds(1));
        Assert.Single(Known(browser));
    }

    [Fact]
    public void Browse_WithLossOfAThird_AllAreFoundAndStay()
    {
        VirtualLan lan = new(7) { Loss = 0.33 };
        for (int i = 1; i <= 5; i++)
        {
            LanNode node = lan.Add(i, ipv6: false);
            node.Engine.Browse(new BrowseId(1), Type, null, new BrowseSchedule(TimeSpan.FromSeconds(30)), lan.Now);
            Publish(node, i);
        }

        Assert.True(lan.RunUntil(() => lan.Nodes.All(n => Known(n).Count == 4), TimeSpan.FromSeconds(35)));
    }

    [Fact]
    public void Receive_PacketsWithBytesChanged_NeitherThrowNorGrow()
    {
        Random random = new(1);
        MdnsEngine engine = new(new EngineConfig(CacheLimit: 256), new Random(2));
        engine.SetInterfaces([VirtualLan.Face(2, 1)], TimeSpan.Zero);
        engine.Browse(new BrowseId(1), Type, null, default, TimeSpan.Zero);
        byte[][] packets =
        [
            VirtualLan.Packet([], Records.Service("one"), [], DnsFlags.Response, 0).ToArray(),
            VirtualLan.Packet([], [.. Records.Goodbye(Records.Service("two")), .. Records.Service("three", "b.local")], [], DnsFlags.Response, 0).ToArray(),
            VirtualLan.Packet([new DnsQuestion(Type, DnsType.Ptr)], [Records.Pointer("one")], [], DnsFlags.None, 0).ToArray(),
        ];
        TimeSpan now = TimeSpan.Zero;
        int told = 0;
        for (int i = 0; i < 50_000; i++)
        {
            now += TimeSpan.FromMilliseconds(random.Next(20));
            byte[] packet = [.. packets[random.Next(packets.Length)]];
            for (int change = random.Next(4); change > 0; change--)
                packet[random.Next(packet.Length)] = (byte)random.Next(256);
            IPEndPoint from = new(IPAddress.Parse($"10.0.0.{random.Next(2, 40)}"), 5353);
            engine.Receive(new LinkKey(2, IPv6: false), from, toMulticast: random.Next(10) > 0, packet, now);
            while (engine.TryPoll(now, out EngineAction? action))
                told += action is EngineAction.Changed ? 1 : 0;
        }

        Assert.InRange(told, 100, 50_000);
        Assert.InRange(engine.Remembered, 1, 5 * 256);
    }

    private static ServiceProfile Profile(int number) => new($"node {number}", "_meshara._tcp", 7000 + number) { Txt = TxtRecord.Create(("version", "1")) };

    private static PublicationId Publish(LanNode node, int number) => node.Publish(Profile(number));

    private static Dictionary<string, ServiceInstance> Known(LanNode node)
    {
        Dictionary<string, ServiceInstance> known = [];
        foreach ((_, EngineAction action) in node.News)
        {
            if (action is not EngineAction.Changed { Change: { } change })
                continue;
            if (change.Kind == ServiceChangeKind.Removed)
                known.Remove(change.Instance.InstanceName);
            else
                known[change.Instance.InstanceName] = change.Instance;
        }

        return known;
    }
}
