using System.Net;
using Meshara.Mdns.Engine;
using Meshara.Mdns.Wire;
using Xunit;

namespace Meshara.Mdns.Tests.Engine;

public sealed class QuerierBrowseTests
{
    private const string One = "one._meshara._tcp.local";

    [Fact]
    public void Hear_AllInOnePacket_IsAddedAtOnceWithAllItSays_Rfc6763_12_1()
    {
        QuerierNet net = new();
        net.Browse();
        net.Run(0.5);
        net.TakeSent();

        // The order in the packet does not matter.
        net.Hear([.. Records.Service("a b.c", "host.local", "10.0.2.7").Reverse(), Records.Address("fe80::7", "host.local"), Records.Address("2001:db8::7", "host.local")]);

        ServiceInstance found = Assert.Single(net.Told).Change.Instance;
        Assert.Equal(("a b.c", "_meshara._tcp", "host.local", 7777), (found.InstanceName, found.ServiceType, found.HostName, found.Port));
        Assert.Equal("1", found.Txt["version"]);
        Assert.Equal(["10.0.2.7:7777", "[2001:db8::7]:7777", "[fe80::7%2]:7777"], found.Addresses.Select(a => a.EndPoint.ToString()));
        Assert.Equal([2], found.InterfaceIndexes);
        net.Run(0.3);
        Assert.Empty(net.TakeSent());
    }

    [Fact]
    public void Hear_PointerOnly_TheRestIsAskedForAfter20To120MsInOnePacket_Rfc6762_5_2()
    {
        QuerierNet net = Browsing();
        double from = net.Now.TotalSeconds;
        net.Hear(Records.Pointer("one"), Records.Pointer("two"));
        net.Run(0.5);

        SentQuery query = Assert.Single(net.TakeSent());
        Assert.InRange(query.Seconds - from, 0.020, 0.120);
        Assert.Equal(4, query.Message.Questions.Length);
        Assert.True(query.Asks(One, DnsType.Srv) && query.Asks(One, DnsType.Txt));
        Assert.All(query.Message.Questions, q => Assert.False(q.UnicastResponse));
        Assert.Empty(net.Told);
    }

    [Fact]
    public void Hear_ServerWithoutAddress_BothFamiliesAreAskedFor()
    {
        QuerierNet net = Browsing();
        net.Hear(Records.Service("one")[..3]);
        net.Run(0.5);

        SentQuery query = Assert.Single(net.TakeSent());
        Assert.True(query.Asks("a.local", DnsType.A) && query.Asks("a.local", DnsType.Aaaa));
        net.Hear(Records.Address("10.0.2.7"));
        Assert.Equal(["Added one"], net.TakeTold());
    }

    [Fact]
    public void Missing_NeverAnswered_IsAskedFor0_1_3_7_AndAgainOnlyWhenThePointerIsHeardAfresh()
    {
        QuerierNet net = Browsing();
        net.Hear(Records.Pointer("one"));
        net.Run(100);
        double[] at = [.. net.TakeSent().Where(s => s.Asks(One, DnsType.Srv)).Select(s => s.Seconds)];
        Assert.Equal([1, 2, 4], at.Zip(at.Skip(1), (a, b) => Math.Round(b - a, 6)));

        net.Hear(Records.Pointer("one"));
        net.Run(100);
        Assert.Equal(4, net.TakeSent().Count(s => s.Asks(One, DnsType.Srv)));
    }

    [Fact]
    public void Missing_OtherFamily_IsAskedForTwice_NotAtAllWhereNsecDeniesIt_Rfc6762_6_1()
    {
        QuerierNet net = Browsing();
        net.Hear(Records.Service("one"));
        net.Run(60);
        Assert.Equal(2, net.TakeSent().Count(s => s.Asks("a.local", DnsType.Aaaa)));

        net = Browsing();
        DnsName host = DnsName.Parse("a.local");
        net.Hear([.. Records.Service("one"), new DnsRecord(host, 120, new NextSecureData(host, DnsType.A), cacheFlush: true)]);
        net.Run(60);
        Assert.DoesNotContain(net.TakeSent(), s => s.Asks("a.local", DnsType.Aaaa));
    }

    [Fact]
    public void Missing_AskedByAnotherHost_IsNotAskedByUs_Rfc6762_7_3()
    {
        QuerierNet net = Browsing();
        net.Hear(Records.Pointer("one"));
        net.HearQuery("10.0.2.9", [], new DnsQuestion(DnsName.Parse(One), DnsType.Srv), new DnsQuestion(DnsName.Parse(One), DnsType.Txt));
        net.Run(0.5);

        Assert.Empty(net.TakeSent());
    }

    [Fact]
    public void Missing_OfManyPointers_IsAtMostTenQuestionsASecondAfterTwenty_TheSmallestSenderFirst()
    {
        QuerierNet net = Browsing();
        double from = net.Now.TotalSeconds;
        net.HearFrom("10.0.2.66", QuerierNet.Eth4, [.. Enumerable.Range(0, 400).Select(i => Records.Pointer($"forged {i}"))]);
        net.HearFrom("10.0.2.7", QuerierNet.Eth4, Records.Pointer("one"));
        net.Run(20);

        SentQuery[] sent = [.. net.TakeSent().Where(s => !s.Asks(QuerierNet.Type, DnsType.Ptr))];
        Assert.InRange(sent.Sum(s => s.Message.Questions.Length), 150, 221);
        Assert.True(sent[0].Asks(One, DnsType.Srv) && sent[0].Seconds - from < 0.121, "who says little is not kept waiting by who says much");
    }

    [Theory]
    [InlineData("_meshara._tcp.local")]
    [InlineData("deep.one._meshara._tcp.local")]
    [InlineData("one._other._tcp.local")]
    [InlineData("one._meshara._tcp.example")]
    [InlineData("local")]
    [InlineData(".")]
    public void Hear_PointerToWhatIsNoInstance_IsIgnored_Rfc6763_4_1(string target)
    {
        QuerierNet net = Browsing();
        net.Hear(new DnsRecord(DnsName.Parse(QuerierNet.Type), 4500, new PointerData(DnsName.Parse(target))));

        Assert.Equal(0, net.Cache.Count);
    }

    [Fact]
    public void Hear_WhatNobodyBrowsesFor_IsNotRemembered()
    {
        QuerierNet net = Browsing();
        net.Hear([.. Records.Service("one").Select(r => new DnsRecord(DnsName.Parse("x." + r.Name), r.Ttl, r.Data)), Records.Address("10.0.2.9", "stranger.local")]);

        Assert.Equal(0, net.Cache.Count);
    }

    [Fact]
    public void Browse_AgainWhileKnown_IsToldAtOnce()
    {
        QuerierNet net = Browsing();
        net.Hear(Records.Service("one"));
        net.Run(5);
        net.TakeTold();
        BrowseId second = net.Browse();

        (_, BrowseId id, ServiceChange change) = Assert.Single(net.Told);
        Assert.Equal((second, ServiceChangeKind.Added), (id, change.Kind));
    }

    [Fact]
    public void StopBrowse_OneOfTwo_TheOtherIsToldStill()
    {
        QuerierNet net = new();
        BrowseId first = net.Browse();
        BrowseId second = net.Browse();
        net.Run(1);
        net.Querier.StopBrowse(first, net.Now);
        net.Hear(Records.Service("one"));

        Assert.Equal(second, Assert.Single(net.Told).Browse);
    }

    [Fact]
    public void Browse_StoppedAndBegunAgain_ResolvesWhatIsRemembered()
    {
        QuerierNet net = new();
        BrowseId id = net.Browse();
        net.Run(1);
        net.Hear(Records.Service("one"));
        net.TakeTold();
        net.Querier.StopBrowse(id, net.Now);
        net.Run(5);
        net.Browse();
        Assert.Equal(["Added one"], net.TakeTold());

        // And it is kept fresh again.
        net.TakeSent();
        net.Run(95);
        Assert.Contains(net.TakeSent(), s => s.Asks(One, DnsType.Srv));
    }

    [Fact]
    public void Browse_Subtype_TellsOfItsOwnOnly_Rfc6763_7_1()
    {
        QuerierNet net = new();
        BrowseId all = net.Browse();
        BrowseId green = net.Browse(subtype: "_green");
        net.Run(1);
        net.Hear(Records.Service("one"));
        net.Hear([Records.Pointer("two", under: "_green._sub._meshara._tcp.local"), .. Records.Service("two", "b.local", "10.0.2.8")]);

        Assert.Equal([(all, "one"), (all, "two"), (green, "two")], net.Told.Select(t => (t.Browse, t.Change.Instance.InstanceName)).OrderBy(t => t.Browse.Value).ThenBy(t => t.InstanceName));
        Assert.All(net.Told, t => Assert.Equal("_meshara._tcp", t.Change.Instance.ServiceType));

        net.Told.Clear();
        net.Hear(Records.Goodbye(Records.Pointer("two", under: "_green._sub._meshara._tcp.local")));
        net.Run(2);
        Assert.Equal((green, ServiceChangeKind.Removed), (Assert.Single(net.Told).Browse, net.Told[0].Change.Kind));
    }

    [Fact]
    public void Browse_AllTypes_TellsTheTypes_Rfc6763_9()
    {
        QuerierNet net = new();
        net.Browse("_services._dns-sd._udp.local");
        net.Run(1);
        net.TakeSent();
        net.Hear(
            new DnsRecord(DnsName.Parse("_services._dns-sd._udp.local"), 4500, new PointerData(DnsName.Parse("_ipp._tcp.local"))),
            new DnsRecord(DnsName.Parse("_services._dns-sd._udp.local"), 4500, new PointerData(DnsName.Parse("a._ipp._tcp.local"))));
        net.Run(0.5);

        Assert.Equal(["Added _ipp._tcp"], net.TakeTold());
        Assert.All(net.TakeSent(), s => Assert.Equal(DnsType.Ptr, Assert.Single(s.Message.Questions).Type));
    }

    [Fact]
    public void Hear_OnTwoLinks_IsOneServiceWithAddressesOfBoth_Rfc6762_14()
    {
        QuerierNet net = Browsing();
        net.Add(QuerierNet.Wlan4);
        net.Hear(Records.Service("one"));
        net.HearFrom("10.0.3.7", QuerierNet.Wlan4, Records.Service("one", address: "10.0.3.7"));
        net.Run(0.5);

        Assert.Equal(["Added", "Updated"], net.Told.Select(t => t.Change.Kind.ToString()));
        Assert.Equal([(2, "10.0.2.7:7777"), (3, "10.0.3.7:7777")], net.Told[^1].Change.Instance.Addresses.Select(a => (a.InterfaceIndex, a.EndPoint.ToString())));
    }

    [Fact]
    public void Hear_LinkLocalOnTwoInterfaces_EachKeepsItsScope()
    {
        QuerierNet net = Browsing();
        LinkKey wlan6 = new(3, IPv6: true);
        net.Add(QuerierNet.Eth6);
        net.Add(wlan6);
        net.HearFrom("fe80::7%2", QuerierNet.Eth6, [.. Records.Service("one")[..3], Records.Address("fe80::7")]);
        net.HearFrom("fe80::7%3", wlan6, [.. Records.Service("one")[..3], Records.Address("fe80::7")]);
        net.Run(0.5);

        Assert.Equal([2, 3], net.Told[^1].Change.Instance.EndPoints.Select(e => (int)e.Address.ScopeId));
    }

    [Fact]
    public void Hear_AddressOnAnotherLinkOnly_IsNotTaken()
    {
        QuerierNet net = Browsing();
        net.Add(QuerierNet.Wlan4);
        net.Hear(Records.Service("one")[..3]);
        net.HearFrom("10.0.3.7", QuerierNet.Wlan4, Records.Address("10.0.3.7"));

        Assert.Empty(net.Told);
    }

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("127.0.0.1")]
    [InlineData("224.0.0.251")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("ff02::fb")]
    [InlineData("::ffff:10.0.2.7")]
    public void Hear_AddressOfNoHost_IsNotTaken(string address)
    {
        QuerierNet net = Browsing();
        net.Hear([.. Records.Service("one")[..3], Records.Address(address)]);

        Assert.Empty(net.Told);
    }

    [Fact]
    public void Goodbye_OnOneFamily_IsAnUpdateWhileTheOtherHasIt()
    {
        QuerierNet net = Browsing();
        net.Add(QuerierNet.Wlan4);
        net.Hear(Records.Service("one"));
        net.HearFrom("10.0.3.7", QuerierNet.Wlan4, Records.Service("one", address: "10.0.3.7"));
        net.Run(5);
        net.TakeTold();
        net.HearFrom("10.0.3.7", QuerierNet.Wlan4, Records.Goodbye(Records.Service("one", address: "10.0.3.7")));
        net.Run(2);
        Assert.Equal(["Updated one"], net.TakeTold());
        net.Hear(Records.Goodbye(Records.Service("one")));
        net.Run(2);
        Assert.Equal(["Removed one"], net.TakeTold());
    }

    [Fact]
    public void RemoveLink_WhatWasKnownThereOnly_IsRemoved()
    {
        QuerierNet net = Browsing();
        net.Add(QuerierNet.Wlan4);
        net.Hear(Records.Service("both"));
        net.HearFrom("10.0.3.7", QuerierNet.Wlan4, [.. Records.Service("both", address: "10.0.3.7"), .. Records.Service("there", "b.local", "10.0.3.8")]);
        net.Run(5);
        net.TakeTold();
        net.Remove(QuerierNet.Wlan4);

        Assert.Equal(["Removed there", "Updated both"], net.TakeTold().Order());
        Assert.Equal(1, net.Querier.Instances);
    }

    [Fact]
    public void Changes_ManyWithinAHundredMilliseconds_AreToldAsOne()
    {
        QuerierNet net = Browsing();
        net.Hear(Records.Service("one"));
        for (int i = 0; i < 50; i++)
        {
            net.Hear(Records.Text("one", $"{i}"));
            net.Run(0.001);
        }

        net.Run(1);
        Assert.Equal(["Added one", "Updated one"], net.Told.Select(t => $"{t.Change.Kind} {t.Change.Instance.InstanceName}"));
        Assert.Equal("49", net.Told[^1].Change.Instance.Txt["version"]);
    }

    [Fact]
    public void Text_TwoLinksSayDifferentThings_WhatWasSaidLaterHolds()
    {
        QuerierNet net = Browsing();
        net.Add(QuerierNet.Wlan4);
        net.Hear(Records.Service("one"));
        net.HearFrom("10.0.3.7", QuerierNet.Wlan4, Records.Service("one", address: "10.0.3.7"));
        net.Run(5);
        net.HearFrom("10.0.3.7", QuerierNet.Wlan4, Records.Text("one", "2"));
        net.Run(5);
        Assert.Equal("2", net.Told[^1].Change.Instance.Txt["version"]);

        // The other link missed it and is heard again: no flicker.
        net.TakeTold();
        net.Hear(Records.Text("one", "2"));
        net.Run(5);
        Assert.Empty(net.TakeTold());
    }

    [Fact]
    public void From_HostThatToldItsOwnAddress_IsNotOverwrittenByWhoRepeatsIt()
    {
        QuerierNet net = Browsing();
        net.HearFrom("10.0.2.66", QuerierNet.Eth4, Records.Service("one"));
        net.Run(1);
        Assert.Equal("10.0.2.66", Assert.Single(net.Told[^1].Change.Instance.Addresses).From.ToString());

        // That it speaks for itself is told, and once: who trusts that more was told of somebody else before.
        net.HearFrom("10.0.2.7", QuerierNet.Eth4, Records.Service("one"));
        net.HearFrom("10.0.2.66", QuerierNet.Eth4, Records.Service("one"));
        net.Run(1);
        Assert.Equal(2, net.Told.Count);
        Assert.Equal((ServiceChangeKind.Updated, "10.0.2.7"), (net.Told[^1].Change.Kind, Assert.Single(net.Told[^1].Change.Instance.Addresses).From.ToString()));
        for (int i = 0; i < 10; i++)
        {
            net.HearFrom($"10.0.2.{60 + i}", QuerierNet.Eth4, Records.Service("one"));
            net.HearFrom("10.0.2.7", QuerierNet.Eth4, Records.Service("one"));
            net.Run(1);
        }

        Assert.Equal(2, net.Told.Count);
        net.Hear(Records.Text("one", "2"));
        Assert.Equal("10.0.2.7", Assert.Single(net.Told[^1].Change.Instance.Addresses).From.ToString());
    }

    // As every host of both families does: its first packet tells both addresses, of which one is its sender.
    [Fact]
    public void From_SecondPacketComesByTheOtherFamily_OneUpdate_InWhichNothingElseIsOther()
    {
        QuerierNet net = Browsing();
        net.Add(QuerierNet.Eth6);
        DnsRecord[] said = [.. Records.Service("one"), Records.Address("fe80::7", "a.local")];
        for (int i = 0; i < 3; i++)
        {
            net.HearFrom("10.0.2.7", QuerierNet.Eth4, said);
            net.HearFrom("fe80::7%2", QuerierNet.Eth6, said);
            net.Run(1);
        }

        Assert.Equal([ServiceChangeKind.Added, ServiceChangeKind.Updated], net.Told.Select(t => t.Change.Kind));
        (ServiceInstance before, ServiceInstance after) = (net.Told[0].Change.Instance, net.Told[1].Change.Instance);
        Assert.Equal(before.EndPoints, after.EndPoints);
        Assert.Equal((before.HostName, before.Port, before.Txt), (after.HostName, after.Port, after.Txt));
        Assert.Equal(["10.0.2.7", "10.0.2.7"], before.Addresses.Select(a => a.From.ToString()));
        Assert.Equal(["10.0.2.7", "fe80::7%2"], after.Addresses.Select(a => a.From.ToString()));
    }

    [Fact]
    public void From_OthersRepeatAnAddress_NobodyIsTold()
    {
        QuerierNet net = Browsing();
        for (int i = 0; i < 10; i++)
        {
            net.HearFrom($"10.0.2.{60 + i}", QuerierNet.Eth4, Records.Service("one"));
            net.Run(1);
        }

        Assert.Single(net.Told);
    }

    [Fact]
    public void Address_ChangeWithinANetwork_IsFollowed()
    {
        QuerierNet net = Browsing();
        net.Hear(Records.Service("one"));
        net.Run(5);
        net.Hear(Records.Service("one", address: "10.0.2.99"));
        net.Run(5);

        Assert.Equal(IPEndPoint.Parse("10.0.2.99:7777"), Assert.Single(net.Told[^1].Change.Instance.EndPoints));
    }

    private static QuerierNet Browsing()
    {
        QuerierNet net = new();
        net.Browse(requery: TimeSpan.FromHours(1));
        net.Run(1.5);
        net.TakeSent();
        return net;
    }
}
