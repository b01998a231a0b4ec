using Meshara.Mdns.Engine;
using Meshara.Mdns.Wire;
using Xunit;

namespace Meshara.Mdns.Tests.Engine;

public sealed class QuerierScheduleTests
{
    private static readonly DnsQuestion Asked = new(DnsName.Parse(QuerierNet.Type), DnsType.Ptr);

    [Fact]
    public void Browse_FirstQuery_After20To120Ms_Rfc6762_5_2()
    {
        List<double> first = [];
        for (int seed = 0; seed < 100; seed++)
        {
            QuerierNet net = new(seed);
            net.Browse();
            net.Run(1);
            first.Add(Assert.Single(net.TakeSent()).Seconds);
        }

        Assert.All(first, s => Assert.InRange(s, 0.020, 0.120));
        Assert.True(first.Min() < 0.030 && first.Max() > 0.110, "all of the range is used");
    }

    [Fact]
    public void Browse_Pauses_DoubleFromOneSecondToAnHour_Rfc6762_5_2()
    {
        QuerierNet net = new();
        net.Browse();
        net.RunTo(TimeSpan.FromHours(6));

        double[] at = [.. net.TakeSent().Select(s => s.Seconds)];
        double[] pauses = [.. at.Zip(at.Skip(1), (a, b) => Math.Round(b - a, 6))];
        Assert.Equal([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600, 3600], pauses.Take(15));
    }

    [Fact]
    public void Browse_OwnInterval_BoundsThePause_NamedDeviationFromRfc6762_5_2()
    {
        QuerierNet net = new();
        net.Browse(requery: TimeSpan.FromSeconds(30));
        net.Run(300);

        double[] at = [.. net.TakeSent().Select(s => s.Seconds)];
        double[] pauses = [.. at.Zip(at.Skip(1), (a, b) => Math.Round(b - a, 6))];
        Assert.Equal([1, 2, 4, 8, 16], pauses.Take(5));
        Assert.InRange(pauses.Length, 14, 17);

        // Up to a fifth shorter, so that many who do so are not in step.
        Assert.All(pauses[5..], p => Assert.InRange(p, 24, 30));
    }

    [Fact]
    public void Browse_TwoWithTheirIntervals_TheShorterHoldsUntilItStops()
    {
        QuerierNet net = new();
        net.Browse();
        BrowseId other = net.Browse(requery: TimeSpan.FromSeconds(10));
        net.Run(100);
        net.TakeSent();
        net.Run(100);
        Assert.InRange(net.TakeSent().Length, 10, 13);

        net.Querier.StopBrowse(other, net.Now);
        net.Run(10);
        net.TakeSent();
        net.Run(1000);
        Assert.InRange(net.TakeSent().Length, 1, 7);
    }

    [Fact]
    public void Browse_SeveralTypesAtOnce_GoInOnePacket_Rfc6762_5_3()
    {
        QuerierNet net = new();
        net.Browse();
        net.Browse("_ipp._tcp.local");
        net.Run(0.2);

        Assert.Equal(2, Assert.Single(net.TakeSent()).Message.Questions.Length);
    }

    [Fact]
    public void Browse_FirstQueryOnly_AsksForUnicast_Rfc6762_5_4()
    {
        QuerierNet net = new();
        net.Browse();
        net.Run(10);

        bool[] unicast = [.. net.TakeSent().Select(s => s.Message.Questions[0].UnicastResponse)];
        Assert.Equal([true, false, false, false], unicast);
    }

    [Fact]
    public void Browse_PortShared_NeverAsksForUnicast_Rfc6762_15_1()
    {
        QuerierNet net = new(withLink: false);
        net.Add(QuerierNet.Eth4, isShared: true);
        net.Browse();
        net.Run(10);

        Assert.All(net.TakeSent(), s => Assert.False(s.Message.Questions[0].UnicastResponse));
    }

    [Fact]
    public void Browse_Subtype_AsksForIt_Rfc6763_7_1()
    {
        QuerierNet net = new();
        net.Browse(subtype: "_green");
        net.Run(0.2);

        Assert.True(Assert.Single(net.TakeSent()).Asks("_green._sub._meshara._tcp.local", DnsType.Ptr));
    }

    [Fact]
    public void Browse_LinkComes_IsAskedThereFromTheBeginning_Rfc6762_5_2()
    {
        QuerierNet net = new();
        net.Browse();
        net.Run(100);
        net.TakeSent();
        net.Add(QuerierNet.Wlan4);
        net.Run(4);

        double[] at = [.. net.TakeSent().Where(s => s.Link == QuerierNet.Wlan4).Select(s => s.Seconds - 100)];
        Assert.Equal(3, at.Length);
        Assert.InRange(at[0], 0.020, 0.120);
        Assert.Equal([1, 2], at.Zip(at.Skip(1), (a, b) => Math.Round(b - a, 6)));
    }

    [Fact]
    public void Browse_DeadLink_AsksNothingAndBeginsAnewWhenItIsUp()
    {
        QuerierNet net = new();
        net.Link(QuerierNet.Eth4).IsDead = true;
        net.Browse();
        net.Run(50);
        Assert.Empty(net.TakeSent());

        net.Link(QuerierNet.Eth4).IsDead = false;
        net.Querier.RestartLink(net.Link(QuerierNet.Eth4), net.Now);
        net.Run(4);
        double[] at = [.. net.TakeSent().Select(s => s.Seconds - 50)];
        Assert.Equal(3, at.Length);
        Assert.InRange(at[0], 0.020, 0.120);
    }

    [Fact]
    public void StopBrowse_NobodyElse_AsksNoMore()
    {
        QuerierNet net = new();
        BrowseId id = net.Browse();
        net.Run(1);
        net.TakeSent();
        net.Querier.StopBrowse(id, net.Now);
        net.Run(10_000);

        Assert.Empty(net.TakeSent());
        Assert.Null(net.Querier.NextDeadline);
        Assert.Equal(0, net.Querier.Links[0].Plan.Count);
    }

    [Fact]
    public void Requery_OutOfTurn_AsksOnceMore_AndNeverTwiceInASecond_Rfc6762_5_2()
    {
        QuerierNet net = new();
        BrowseId id = net.Browse();
        net.Run(1000);
        net.TakeSent();
        for (int i = 0; i < 100; i++)
        {
            net.Querier.Requery(id, net.Now);
            net.Run(0.05);
        }

        double[] at = [.. net.TakeSent().Select(s => s.Seconds)];
        Assert.InRange(at[0] - 1000, 0.020, 0.120);
        Assert.InRange(at.Length, 4, 6);
        Assert.All(at.Zip(at.Skip(1), (a, b) => b - a), p => Assert.True(p >= 1));
    }

    [Fact]
    public void KnownAnswers_MoreThanHalfTheirLifeLeft_AreSaid_Rfc6762_7_1()
    {
        QuerierNet net = new();
        BrowseId id = net.Browse();
        net.Run(1);
        net.Hear([.. Records.Service("one"), Records.Pointer("old", 20)]);
        net.Run(9);
        net.TakeSent();
        net.Querier.Requery(id, net.Now);
        net.Run(0.5);

        // "old" has 11 of 20 s left; of "one" 9 s have gone.
        DnsRecord[] known = Assert.Single(net.TakeSent()).Message.Answers;
        Assert.Equal(["_meshara._tcp.local 4490 Ptr one._meshara._tcp.local", "_meshara._tcp.local 10 Ptr old._meshara._tcp.local"], known.Select(k => k.ToString()));

        net.Run(1.5);
        net.TakeSent();
        net.Querier.Requery(id, net.Now);
        net.Run(0.5);
        Assert.Equal("one", Assert.IsType<PointerData>(Assert.Single(Assert.Single(net.TakeSent(), s => s.Asks(QuerierNet.Type, DnsType.Ptr)).Message.Answers).Data).Target.FirstLabel);
    }

    [Fact]
    public void KnownAnswers_NeverCarryTheCacheFlushBit_Rfc6762_10_2()
    {
        QuerierNet net = new();
        net.Browse();
        net.Run(1);
        net.Hear([Records.Pointer("one").With(cacheFlush: true), .. Records.Service("one")[1..]]);
        net.Run(100);

        Assert.All(net.TakeSent().SelectMany(s => s.Message.Answers), a => Assert.False(a.CacheFlush));
    }

    [Fact]
    public void KnownAnswers_TooManyForAPacket_FollowWithTc_Rfc6762_7_2()
    {
        QuerierNet net = new();
        BrowseId id = net.Browse();
        net.Run(1);
        for (int i = 0; i < 300; i++)
            net.HearFrom($"10.0.2.{(i % 200) + 2}", QuerierNet.Eth4, Records.Service($"a service with a name {i}", $"h{i}.local"));
        net.Run(3);
        net.TakeSent();
        net.Querier.Requery(id, net.Now);
        net.Run(0.3);

        // Others ask for addresses of the other family.
        SentQuery[] sent = net.TakeSent();
        sent = [.. sent.Where(s => s.At == sent.First(q => q.Asks(QuerierNet.Type, DnsType.Ptr)).At)];
        Assert.InRange(sent.Length, 5, 14);
        Assert.Single(sent[0].Message.Questions);
        Assert.All(sent[1..], s => Assert.Empty(s.Message.Questions));
        Assert.All(sent[..^1], s => Assert.True(s.Message.IsTruncated));
        Assert.False(sent[^1].Message.IsTruncated);
        Assert.Equal(300, sent.Sum(s => s.Message.Answers.Length));
    }

    [Fact]
    public void KnownAnswers_OfAnotherLink_AreNotSaid_Rfc6762_7_1()
    {
        QuerierNet net = new();
        net.Add(QuerierNet.Wlan4);
        net.Browse();
        net.Run(1.5);
        net.Hear(Records.Service("one"));
        net.TakeSent();
        net.Run(4);

        SentQuery[] sent = net.TakeSent();
        Assert.All(sent.Where(s => s.Link == QuerierNet.Wlan4), s => Assert.Empty(s.Message.Answers));
        Assert.Contains(sent, s => s.Link == QuerierNet.Eth4 && s.Message.Answers.Length == 1);
    }

    [Fact]
    public void Heard_SameQuestionOfAnotherHost_StandsForOurs_Rfc6762_7_3()
    {
        QuerierNet net = Browsing30(out double next);
        net.RunTo(TimeSpan.FromSeconds(next - 10));
        net.HearQuery("10.0.2.9", [], Asked);
        net.Run(23.9);

        // It would have come 10 s after the other's, and comes 24 to 30 s after it.
        Assert.Empty(net.TakeSent());
        net.Run(6.2);
        Assert.Single(net.TakeSent());
    }

    [Fact]
    public void Heard_SameQuestionEverySecond_SilencesUsOnceInARowAtMost_Rfc6762_7_3()
    {
        QuerierNet net = Browsing30(out _);
        double from = net.Now.TotalSeconds;
        for (int i = 0; i < 300; i++)
        {
            net.HearQuery("10.0.2.9", [], Asked);
            net.Run(1);
        }

        double[] at = [from, .. net.TakeSent().Select(s => s.Seconds)];
        Assert.InRange(at.Length, 6, 11);
        Assert.All(at.Zip(at.Skip(1), (a, b) => b - a), p => Assert.InRange(p, 24, 61));
    }

    [Fact]
    public void Heard_SameQuestion_NeverStandsForTheFirstThree_Rfc6762_7_3()
    {
        QuerierNet net = new();
        net.Browse();
        for (int i = 0; i < 70; i++)
        {
            net.HearQuery("10.0.2.9", [], Asked);
            net.Run(0.05);
        }

        Assert.Equal(3, net.TakeSent().Length);
    }

    [Theory]
    [InlineData("unicast")]
    [InlineData("qu")]
    [InlineData("truncated")]
    [InlineData("legacy")]
    [InlineData("own")]
    [InlineData("knows more")]
    [InlineData("other type")]
    public void Heard_QuestionThatCannotStandForOurs_ChangesNothing_Rfc6762_7_3(string what)
    {
        QuerierNet net = Browsing30(out double next);
        net.RunTo(TimeSpan.FromSeconds(next - 10));
        net.HearQuery(
            QuerierNet.Eth4,
            what == "own" ? "10.0.2.1" : "10.0.2.9",
            what == "legacy" ? 40_000 : MdnsPort.Number,
            what != "unicast",
            what == "truncated" ? DnsFlags.Truncated : DnsFlags.None,
            what == "knows more" ? [Records.Pointer("unknown to us")] : [],
            what == "other type" ? Asked with { Type = DnsType.Any } : Asked with { UnicastResponse = what == "qu" });
        net.Run(11);

        Assert.Equal(next, Assert.Single(net.TakeSent()).Seconds, 6);
    }

    [Fact]
    public void Heard_QuestionWithKnownAnswersThatWeKnowToo_StandsForOurs_Rfc6762_7_3()
    {
        QuerierNet net = Browsing30(out double next);
        net.Hear(Records.Service("one"));
        net.RunTo(TimeSpan.FromSeconds(next - 10));
        net.HearQuery("10.0.2.9", [Records.Pointer("one", 3000)], Asked);
        net.Run(11);

        Assert.DoesNotContain(net.TakeSent(), s => s.Asks(QuerierNet.Type, DnsType.Ptr));
    }

    // One who browses every 30 s, just after a query; the next comes at `next`.
    private static QuerierNet Browsing30(out double next)
    {
        QuerierNet net = new();
        net.Browse(requery: TimeSpan.FromSeconds(30));
        net.Run(70);
        net.TakeSent();
        next = net.Querier.Links[0].Plan.Find(new SetKey(Asked.Name, Asked.Type))!.Due!.Value.TotalSeconds;
        net.RunTo(TimeSpan.FromSeconds(next));
        Assert.Single(net.TakeSent());
        next = net.Querier.Links[0].Plan.Find(new SetKey(Asked.Name, Asked.Type))!.Due!.Value.TotalSeconds;
        return net;
    }
}
