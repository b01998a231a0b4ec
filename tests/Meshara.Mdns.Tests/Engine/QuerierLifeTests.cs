using Meshara.Mdns.Engine;
using Meshara.Mdns.Wire;
using Xunit;

namespace Meshara.Mdns.Tests.Engine;

public sealed class QuerierLifeTests
{
    private const string One = "one._meshara._tcp.local";

    private static readonly DnsQuestion Asked = new(DnsName.Parse(QuerierNet.Type), DnsType.Ptr);

    [Fact]
    public void Refresh_At80_85_90_95PercentOfTtl_AsksEachOnce_Rfc6762_5_2()
    {
        List<double> jitter = [];
        for (int seed = 0; seed < 50; seed++)
        {
            QuerierNet net = Found(seed);
            double from = net.Now.TotalSeconds;
            net.Run(119.5);

            double[] at = [.. net.TakeSent().Where(s => s.Asks(One, DnsType.Srv)).Select(s => (s.Seconds - from) / 120)];
            Assert.Equal(4, at.Length);
            for (int i = 0; i < 4; i++)
                Assert.InRange(at[i], 0.80 + (0.05 * i), 0.82 + (0.05 * i));
            jitter.Add(at[0] - 0.80);
        }

        Assert.True(jitter.Min() < 0.003 && jitter.Max() > 0.017, "all of the 2 % is used");
    }

    [Fact]
    public void Refresh_RecordsOfOnePacket_AreAskedForInOne_Rfc6762_5_3()
    {
        QuerierNet net = Found();
        net.Run(99);

        SentQuery query = Assert.Single(net.TakeSent(), s => s.Asks(One, DnsType.Srv));
        Assert.True(query.Asks("a.local", DnsType.A));
        Assert.False(query.Asks(One, DnsType.Txt), "the text lives for 75 minutes");
        Assert.All(query.Message.Questions, q => Assert.False(q.UnicastResponse));
    }

    [Fact]
    public void Refresh_Answered_BeginsAnew_Rfc6762_5_2()
    {
        QuerierNet net = Found();
        net.Run(99);
        net.TakeSent();
        net.Hear(Records.Service("one"));
        net.Run(95);
        Assert.DoesNotContain(net.TakeSent(), s => s.Asks(One, DnsType.Srv));
        net.Run(4);
        Assert.Contains(net.TakeSent(), s => s.Asks(One, DnsType.Srv));
        Assert.Equal(["Added one"], net.TakeTold());
    }

    // Section 5.2 speaks of each record: that one of a set was heard says nothing of the one that grows old.
    [Fact]
    public void Refresh_OnlyTheOtherOfItsSetIsHeard_IsAskedForAllTheSame_Rfc6762_5_2()
    {
        QuerierNet net = new();
        net.Browse();
        net.Run(1.5);
        net.Hear([.. Records.Service("one").Where(r => r.Type != DnsType.A), Records.Address("10.0.2.7", flush: false)]);
        double from = net.Now.TotalSeconds;
        net.Run(20);
        net.Hear(Records.Address("10.0.2.8", flush: false));
        net.Run(75);
        net.TakeSent();

        // The question is due, and waits because nothing can be sent.
        net.Link(QuerierNet.Eth4).IsDead = true;
        net.Run(3);
        net.Hear(Records.Address("10.0.2.8", flush: false));
        net.Link(QuerierNet.Eth4).IsDead = false;
        net.Run(1);
        Assert.InRange(Assert.Single(net.TakeSent(), s => s.Asks("a.local", DnsType.A)).Seconds - from, 98, 99.1);
    }

    [Fact]
    public void Refresh_AllOfItsSetAreHeard_IsNotAskedFor_Rfc6762_5_2()
    {
        QuerierNet net = Found();
        net.Run(95);
        net.TakeSent();
        net.Link(QuerierNet.Eth4).IsDead = true;
        net.Run(3);
        net.Hear(Records.Service("one"));
        net.Link(QuerierNet.Eth4).IsDead = false;
        net.Run(1);
        Assert.DoesNotContain(net.TakeSent(), s => s.Asks("a.local", DnsType.A) || s.Asks(One, DnsType.Srv));
    }

    [Fact]
    public void Refresh_NobodyBrowsesAnyMore_AsksNothing_Rfc6762_5_2()
    {
        QuerierNet net = new();
        BrowseId id = net.Browse();
        net.Run(1.5);
        net.Hear(Records.Service("one"));
        net.Querier.StopBrowse(id, net.Now);
        net.TakeSent();
        net.Run(5000);

        Assert.Empty(net.TakeSent());
        Assert.Equal(0, net.Cache.Count);
        Assert.Equal(0, net.Querier.Instances);
    }

    [Fact]
    public void Refresh_PointerThatNeverResolved_IsNotAskedFor()
    {
        QuerierNet net = new();
        net.Browse(requery: TimeSpan.FromHours(1));
        net.Run(3000);
        net.Hear(Records.Pointer("nobody", 1000));
        net.Run(20);
        net.TakeSent();
        net.Run(979);

        Assert.DoesNotContain(net.TakeSent(), s => s.Asks(QuerierNet.Type, DnsType.Ptr) && s.Seconds < 3900);
    }

    [Fact]
    public void Expiry_KilledWithoutGoodbye_IsRemovedWhenItsServerRunsOut_Rfc6762_10()
    {
        QuerierNet net = Found();
        net.Run(119.9);
        Assert.Equal(["Added one"], net.TakeTold());
        net.Run(0.2);
        Assert.Equal(["Removed one"], net.TakeTold());
    }

    [Fact]
    public void Expiry_PointerOfADeadNode_IsAskedAboutFourTimesAndNoMore()
    {
        QuerierNet net = Found();
        net.Run(119.9);
        net.TakeSent();
        net.Run(3000);

        SentQuery[] server = [.. net.TakeSent().Where(s => s.Asks(One, DnsType.Srv))];
        Assert.Equal(4, server.Length);
        Assert.InRange(server[^1].Seconds - server[0].Seconds, 6.9, 7.1);
    }

    [Fact]
    public void Expiry_LifeIsBoundedWhateverIsSaid()
    {
        QuerierNet net = new();
        net.Browse();
        net.Run(1);
        net.Hear(Records.Pointer("one", uint.MaxValue));
        net.Run(4500);

        Assert.Equal(0, net.Cache.Count);
    }

    [Fact]
    public void Goodbye_IsALifeOfOneSecond_Rfc6762_10_1()
    {
        QuerierNet net = Found();
        net.TakeTold();
        net.Hear(Records.Goodbye(Records.Pointer("one")));
        net.Run(0.99);
        Assert.Empty(net.Told);
        net.Run(0.02);
        Assert.Equal(["Removed one"], net.TakeTold());
    }

    [Fact]
    public void Goodbye_SaidAgainWithinTheSecond_NothingHappened_Rfc6762_10_1()
    {
        QuerierNet net = Found();
        net.TakeTold();
        net.Hear(Records.Goodbye(Records.Service("one")));
        net.Run(0.5);
        net.Hear(Records.Service("one"));
        net.Run(50);

        Assert.Empty(net.TakeTold());
    }

    [Fact]
    public void Goodbye_WhatHasASecondLeft_IsNoKnownAnswer_Rfc6762_7_1()
    {
        QuerierNet net = Found();
        net.Run(10);
        net.TakeSent();
        net.Hear(Records.Goodbye(Records.Pointer("one")));
        net.Add(QuerierNet.Wlan4);
        net.Querier.Requery(new BrowseId(1), net.Now);
        net.Run(0.2);

        Assert.Empty(Assert.Single(net.TakeSent(), s => s.Link == QuerierNet.Eth4).Message.Answers);
    }

    [Fact]
    public void Refresh_AskedForAnyway_IsNotAskedTwice_Rfc6762_5_2()
    {
        QuerierNet net = new();
        BrowseId id = net.Browse();
        net.Run(200);
        net.Hear([Records.Pointer("one", 20), .. Records.Service("one")[1..]]);
        net.Run(15.7);
        net.TakeSent();

        // Due between 16 and 16.4 s; this query comes a moment before it, and does not list it as known.
        net.Querier.Requery(id, net.Now);
        net.Run(1.2);
        SentQuery query = Assert.Single(net.TakeSent(), s => s.Asks(QuerierNet.Type, DnsType.Ptr));
        Assert.Empty(query.Message.Answers);
    }

    [Fact]
    public void Goodbye_OfWhatIsNotKnown_IsIgnored_Rfc6762_10_1()
    {
        QuerierNet net = new();
        net.Browse();
        net.Hear(Records.Goodbye(Records.Service("one")));

        Assert.Equal(0, net.Cache.Count);
    }

    [Fact]
    public void CacheFlush_OthersHaveASecondLeft_Rfc6762_10_2()
    {
        QuerierNet net = Found();
        net.TakeTold();
        net.Run(5);
        net.Hear(Records.Address("10.0.2.8"));
        Assert.Equal(["10.0.2.7:7777", "10.0.2.8:7777"], EndPoints(net));
        net.Run(0.99);
        Assert.Equal(2, EndPoints(net).Length);
        net.Run(0.02);
        Assert.Equal(["10.0.2.8:7777"], EndPoints(net));
        Assert.Equal(["Updated one", "Updated one"], net.TakeTold());
    }

    [Fact]
    public void CacheFlush_WhatWasHeardWithinTheLastSecond_Stays_Rfc6762_10_2()
    {
        QuerierNet net = Found();
        net.Run(5);
        net.Hear(Records.Address("10.0.2.8"));
        net.Run(0.9);
        net.Hear(Records.Address("10.0.2.9"));
        net.Run(50);

        Assert.Equal(["10.0.2.8:7777", "10.0.2.9:7777"], EndPoints(net));
    }

    [Fact]
    public void CacheFlush_SeveralRecordsOfOnePacket_AllStay_Rfc6762_10_2()
    {
        QuerierNet net = Found();
        net.Hear(Records.Address("10.0.2.7"), Records.Address("10.0.2.8"));
        net.Run(5);
        net.Hear(Records.Address("10.0.2.8"), Records.Address("10.0.2.7"));
        net.Run(50);

        Assert.Equal(["10.0.2.7:7777", "10.0.2.8:7777"], EndPoints(net));
    }

    [Fact]
    public void CacheFlush_OnAPointer_IsIgnored_BecausePointersAreShared_Rfc6762_10_2()
    {
        QuerierNet net = Found();
        net.Run(5);
        net.Hear(Records.Pointer("other").With(cacheFlush: true));
        net.Run(20);

        Assert.Equal(["Added one"], net.TakeTold());
        Assert.NotNull(net.Cache.Find(DnsName.Parse(QuerierNet.Type), new PointerData(DnsName.Parse(One))));
    }

    [Fact]
    public void CacheFlush_NewText_IsOneUpdate_Rfc6762_10_2()
    {
        QuerierNet net = Found();
        net.TakeTold();
        net.Run(5);
        net.Hear(Records.Text("one", "2"));
        net.Run(1);
        net.Hear(Records.Text("one", "2"));
        net.Run(50);

        (_, _, ServiceChange change) = Assert.Single(net.Told);
        Assert.Equal((ServiceChangeKind.Updated, "2"), (change.Kind, change.Instance.Txt["version"]));
    }

    [Fact]
    public void CacheFlush_RestartWithANewHost_IsOneUpdateWithoutFlicker_Rfc6762_10_2()
    {
        QuerierNet net = Found();
        net.TakeTold();
        net.Run(5);
        net.Hear(Records.Server("one", "b.local", 8888));
        net.Run(0.3);
        net.Hear(Records.Address("10.0.2.8", "b.local"));
        net.Run(50);

        (_, _, ServiceChange change) = Assert.Single(net.Told);
        Assert.Equal((ServiceChangeKind.Updated, "b.local", 8888), (change.Kind, change.Instance.HostName, change.Instance.Port));
        Assert.Equal(["10.0.2.8:8888"], change.Instance.EndPoints.Select(e => e.ToString()));
    }

    [Fact]
    public void Doubt_AfterSleep_EverythingIsAskedAfresh_Rfc6762_10_3()
    {
        QuerierNet net = Found();
        net.Hear(Records.Service("two", "b.local", "10.0.2.8"));
        net.Run(50);
        net.TakeSent();
        net.TakeTold();
        net.Querier.DoubtLink(net.Link(QuerierNet.Eth4), net.Now);
        double from = net.Now.TotalSeconds;
        net.Run(0.2);
        SentQuery first = Assert.Single(net.TakeSent());
        Assert.InRange(first.Seconds - from, 0.020, 0.120);
        Assert.True(first.Message.Questions[0].UnicastResponse);
        Assert.Empty(first.Message.Answers);

        // One answers, with all it has; the other is not here any more.
        net.Hear(Records.Service("one"));
        net.Run(9.7);
        Assert.Empty(net.TakeTold());
        Assert.Contains(net.TakeSent(), s => s.Asks("two._meshara._tcp.local", DnsType.Srv));
        net.Run(0.2);
        Assert.Equal(["Removed two"], net.TakeTold());
    }

    [Fact]
    public void Silence_TwoQueriesOfOthersUnanswered_TenSecondsLaterItIsGone_Rfc6762_10_5()
    {
        QuerierNet net = Found();
        net.TakeTold();
        net.Run(10);
        net.HearQuery("10.0.2.9", [], Asked);
        net.Run(2.1);
        net.HearQuery("10.0.2.9", [], Asked);
        net.TakeSent();
        net.Run(9.9);
        Assert.Empty(net.TakeTold());
        net.Run(0.2);
        Assert.Equal(["Removed one"], net.TakeTold());
        Assert.DoesNotContain(net.TakeSent(), s => s.Asks(One, DnsType.Srv));
    }

    [Fact]
    public void Silence_AnsweredAfterAll_ItStays_Rfc6762_10_5()
    {
        QuerierNet net = Found();
        net.Run(10);
        net.HearQuery("10.0.2.9", [], Asked);
        net.Run(2.1);
        net.HearQuery("10.0.2.9", [], Asked);
        net.Run(9);
        net.Hear(Records.Service("one"));
        net.Run(30);

        Assert.Equal(["Added one"], net.TakeTold());
    }

    [Theory]
    [InlineData("one query")]
    [InlineData("unicast")]
    [InlineData("qu")]
    [InlineData("truncated")]
    [InlineData("legacy")]
    [InlineData("own")]
    [InlineData("knows it")]
    [InlineData("asked by its owner")]
    [InlineData("same asker within 2 s")]
    [InlineData("two within a second")]
    [InlineData("more than a minute apart")]
    public void Silence_ThatProvesNothing_ChangesNothing_Rfc6762_10_5(string what)
    {
        QuerierNet net = new();
        net.Browse(requery: TimeSpan.FromSeconds(30));
        net.Run(1);
        net.Hear([Records.Pointer("one"), Records.Server("one", ttl: 4500), Records.Text("one"), Records.Address("10.0.2.7", ttl: 4500)]);
        net.Run(10);
        for (int i = 0; i < 2; i++)
        {
            string from = what == "two within a second" && i == 1 ? "10.0.2.10" : "10.0.2.9";
            net.HearQuery(
                QuerierNet.Eth4,
                what switch { "own" => "10.0.2.1", "asked by its owner" => "10.0.2.7", _ => from },
                what == "legacy" ? 40_000 : MdnsPort.Number,
                what != "unicast",
                what == "truncated" ? DnsFlags.Truncated : DnsFlags.None,
                what == "knows it" ? [Records.Pointer("one", 3000)] : [],
                Asked with { UnicastResponse = what == "qu" });
            if (what == "one query")
                break;
            net.Run(what switch { "same asker within 2 s" => 1.5, "two within a second" => 0.5, "more than a minute apart" => 61, _ => 3 });
        }

        net.Run(30);
        Assert.Equal(["Added one"], net.TakeTold());
    }

    [Fact]
    public void Silence_TwoAskersASecondApart_Counts_Rfc6762_10_5()
    {
        QuerierNet net = Found();
        net.TakeTold();
        net.Run(10);
        net.HearQuery("10.0.2.9", [], Asked);
        net.Run(1.1);
        net.HearQuery("10.0.2.10", [], Asked);
        net.Run(10.1);

        Assert.Equal(["Removed one"], net.TakeTold());
    }

    private static QuerierNet Found(int seed = 1)
    {
        QuerierNet net = new(seed);
        net.Browse();
        net.Run(1.5);
        net.Hear(Records.Service("one"));
        Assert.Equal("Added", Assert.Single(net.Told).Change.Kind.ToString());
        return net;
    }

    private static string[] EndPoints(QuerierNet net) => [.. net.Told[^1].Change.Instance.EndPoints.Select(e => e.ToString())];
}
