using FsCheck;
using FsCheck.Fluent;
using Meshara.Mdns.Engine;
using Meshara.Mdns.Wire;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Mdns.Tests.Engine;

public sealed class QuerierHostileTests
{
    [Theory]
    [InlineData(1, false)]
    [InlineData(200, false)]
    [InlineData(10_000, false)]
    [InlineData(10_000, true)]
    public void M6_TenThousandForgedServicesASecond_BoundedAndHonestOnesAreFound(int sources, bool isIPv6)
    {
        LinkKey link = isIPv6 ? QuerierNet.Eth6 : QuerierNet.Eth4;
        QuerierNet net = new(withLink: false);
        net.Add(link);
        net.Browse();
        net.Run(1.5);
        for (int i = 0; i < 10; i++)
            net.HearFrom(Host(i, isIPv6), link, Records.Service($"before {i}", $"before{i}.local"));
        net.Run(3);
        net.TakeTold();

        List<ServiceChange> told = [];
        int forged = 0;
        for (int step = 0; step < 300; step++)
        {
            for (int i = 0; i < 100; i++, forged++)
                net.Say(Forger(forged % sources, isIPv6), link, Records.Service($"forged {forged}", $"f{forged}.local"));
            net.Run(0.01);
            if (step % 30 == 15)
                net.HearFrom(Host(100 + step, isIPv6), link, Records.Service($"new {step}", $"new{step}.local"));
            told.AddRange(net.Told.Select(t => t.Change));
            net.Told.Clear();
        }

        QuerierLink state = net.Querier.Links[0];
        Assert.Null(state.Cache.FindInconsistency());
        Assert.InRange(state.Cache.Count, 50, 4096);
        Assert.InRange(net.Querier.Instances, 10, 4096);
        Assert.InRange(state.Plan.Count, 0, 4 * 4096);
        Assert.InRange(net.Sent.Sum(s => s.Message.Questions.Length), 0, 100);
        Assert.DoesNotContain(told, c => c.Kind == ServiceChangeKind.Removed && c.Instance.InstanceName.StartsWith("before", StringComparison.Ordinal));
        Assert.Equal(10, told.Count(c => c.Kind == ServiceChangeKind.Added && c.Instance.InstanceName.StartsWith("new", StringComparison.Ordinal)));
        if (sources <= 200)
            Assert.DoesNotContain(told, c => c.Kind == ServiceChangeKind.Removed && c.Instance.InstanceName.StartsWith("new", StringComparison.Ordinal));
    }

    [Fact]
    public void M6_PointersOnly_CostAFewQuestionsASecond()
    {
        QuerierNet net = new();
        net.Browse();
        net.Run(1.5);
        for (int i = 0; i < 20_000; i++)
        {
            net.Say($"10.0.2.{(i % 200) + 20}", QuerierNet.Eth4, Records.Pointer($"forged {i}"));
            if (i % 100 == 0)
                net.Run(0.01);
        }

        net.TakeSent();
        net.Run(10);
        Assert.InRange(net.TakeSent().Sum(s => s.Message.Questions.Length), 1, 110);
        Assert.InRange(net.Cache.Count, 1, 1024);
    }

    [Fact]
    public void M6_RecordsThatAreSoonOld_AreAskedForWithinBoundsAndHonestOnesAreKept_Rfc6762_5_2()
    {
        QuerierNet net = new();
        net.Browse();
        net.Run(1.5);
        DnsRecord[] honest = [Records.Pointer("honest"), Records.Server("honest", "honest.local", ttl: 30), Records.Text("honest"), Records.Address("10.0.2.9", "honest.local", ttl: 30)];
        net.HearFrom("10.0.2.9", QuerierNet.Eth4, honest);
        net.Run(1);
        net.TakeSent();
        net.TakeTold();
        TimeSpan start = net.Now;
        int answered = 0;
        for (int second = 0; second < 75; second++)
        {
            // As many as the cache holds, with a host name of 255 bytes each, to be asked for after four fifths of five seconds.
            for (int i = 0; second % 5 == 0 && i < 1500; i++)
            {
                string host = $"{new string('h', 60)}.{new string('o', 60)}.{new string('s', 60)}.{i:d50}.local";
                net.Say($"10.0.2.{20 + (i % 200)}", QuerierNet.Eth4, Records.Pointer($"forged {i}"), Records.Server($"forged {i}", host, ttl: 5), Records.Text($"forged {i}", ttl: 5), Records.Address("10.0.2.66", host, ttl: 5));
            }

            net.Run(1);
            if (net.Sent.Skip(answered).Any(s => s.Message.Questions.Any(q => honest.Any(h => h.Type != DnsType.Ptr && h.Name.Equals(q.Name)))))
                net.HearFrom("10.0.2.9", QuerierNet.Eth4, honest);
            answered = net.Sent.Count;
        }

        Assert.DoesNotContain(net.Told, t => t.Change is { Kind: ServiceChangeKind.Removed, Instance.InstanceName: "honest" });
        int[] seconds = [.. net.Sent.Where(s => s.At >= start).GroupBy(s => (int)s.At.TotalSeconds).Select(g => g.Count())];
        Assert.InRange(seconds.Max(), 1, 100);
        Assert.InRange(net.Sent.Count / 75.0, 0.1, 30);
        Assert.InRange(net.Sent.Sum(s => s.Message.Questions.Length) / 75, 1, 150);
        Assert.InRange(net.Querier.Links[0].Plan.Count, 0, 4 * 4096);
    }

    [Fact]
    public void M6_NamesThatAreNewEachTime_LeaveNoQuestionsBehind()
    {
        QuerierNet net = new();
        net.Browse();
        net.Run(1.5);
        int number = 0;
        for (int step = 0; step < 600; step++)
        {
            for (int i = 0; i < 50; i++, number++)
                net.Say($"10.0.2.{20 + (i % 200)}", QuerierNet.Eth4, [.. Records.Service($"forged {number}", $"f{number}.local").Select(r => r.With(ttl: 2))]);
            net.Run(0.1);
        }

        Assert.InRange(net.Querier.Links[0].Plan.Count, 0, 4 * 4096);
        net.Run(10);
        Assert.InRange(net.Querier.Links[0].Plan.Count, 0, 50);
    }

    [Fact]
    public void Send_QuestionsOfManyPackets_StayWithinTheBudget()
    {
        const int types = 100;
        QuerierNet net = new(config: new EngineConfig(PacketsPerSecond: 1));
        for (int i = 0; i < types; i++)
            net.Browse($"_x{i}._tcp.local", subtype: $"_{new string('s', 40)}{i}");
        net.Run(0.9);

        // A burst of two and one a second; each is asked in its turn.
        Assert.InRange(net.Sent.Count, 1, 2);
        net.Run(30);
        Assert.Equal(types, net.Sent.SelectMany(s => s.Message.Questions).Select(q => q.Name).Distinct().Count());
    }

    [Fact]
    public void M6_OneForgerWhoTakesBackAndSaysAnew_TellsNoMoreThanHisShare()
    {
        QuerierNet net = new();
        net.Browse();
        net.Run(1.5);
        int forged = 0;
        for (int step = 0; step < 1000; step++)
        {
            for (int i = 0; i < 10; i++, forged++)
            {
                net.Say("10.0.2.66", QuerierNet.Eth4, Records.Service($"forged {forged}", $"f{forged}.local"));
                net.Say("10.0.2.66", QuerierNet.Eth4, Records.Goodbye(Records.Service($"forged {forged}", $"f{forged}.local")));
            }

            net.Run(0.01);
        }

        // A goodbye is a life of a second: an eighth of the cache, four records each, ten seconds.
        Assert.InRange(net.Told.Count, 1, 2 * 12 * 512 / 4);
    }

    [Fact]
    public void M8_OurAnnouncementReflected_IsNothingNew()
    {
        QuerierNet net = new();
        net.Browse();
        net.Run(1.5);
        net.HearFrom("10.0.2.1", QuerierNet.Eth4, Records.Service("ours", address: "10.0.2.1"));
        Assert.Equal(["Added ours"], net.TakeTold());
        net.Run(0.5);
        net.TakeSent();

        // By a repeater, from its own address and again and again; and the query from ours.
        for (int i = 0; i < 100; i++)
        {
            net.HearFrom("10.0.2.250", QuerierNet.Eth4, Records.Service("ours", address: "10.0.2.1"));
            net.HearQuery("10.0.2.1", [], new DnsQuestion(DnsName.Parse(QuerierNet.Type), DnsType.Ptr));
            net.Run(0.01);
        }

        Assert.Empty(net.TakeTold());
        Assert.Equal(4, net.Cache.Count);
        Assert.InRange(net.TakeSent().Length, 0, 1);
    }

    [Fact]
    public void M5_TextWithTheSameKeyTwice_FirstWins_AndNoTextAtAllIsNoService()
    {
        QuerierNet net = new();
        net.Browse();
        net.Run(1.5);
        DnsName one = DnsName.Parse(QuerierNet.Type).Child("one");
        net.Hear([.. Records.Service("one").Where(r => r.Type != DnsType.Txt)]);
        Assert.Empty(net.Told);
        net.Hear(new DnsRecord(one, 4500, new TextData((byte[])[3, (byte)'a', (byte)'=', (byte)'1', 3, (byte)'A', (byte)'=', (byte)'2', 200]), cacheFlush: true));

        Assert.Equal("1", Assert.Single(net.Told).Change.Instance.Txt["a"]);
    }

    [Fact]
    public void Hear_ManyServersAndAddressesOfOneName_AreBounded()
    {
        QuerierNet net = new();
        net.Browse();
        net.Run(1.5);
        net.Hear(Records.Service("one"));
        for (int i = 0; i < 1000; i++)
        {
            net.HearFrom("10.0.2.66", QuerierNet.Eth4, Records.Server("one", $"h{i}.local").With(cacheFlush: false), Records.Address($"10.1.{i / 250}.{i % 250}", flush: false));
            Assert.Null(net.Cache.FindInconsistency());
        }

        Assert.Equal(64, net.Cache.Find(DnsName.Parse("one." + QuerierNet.Type), DnsType.Srv)!.Entries.Count);
        Assert.Equal(64, net.Cache.Find(DnsName.Parse("a.local"), DnsType.A)!.Entries.Count);
        Assert.NotNull(net.Cache.Find(DnsName.Parse("a.local"), Records.Address("10.0.2.7").Data));
    }

    [Fact]
    public void Hear_AnythingInAnyOrder_NeitherThrowsNorGrows() =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), Gen.Choose(0, int.MaxValue).ArrayOf().Resize(200).ToArbitrary(), (seed, script) =>
        {
            QuerierNet net = new(seed, new EngineConfig(CacheLimit: 128));
            List<BrowseId> browses = [net.Browse()];
            foreach (int step in script)
                Do(net, browses, step);
            net.Run(1);

            // Who was told of something just now hears what came since a little later.
            while (net.Told.Count > 0 && net.Now - net.Told[^1].At <= FoundInstance.ShortestPause)
                net.Run(0.11);
            foreach (QuerierLink link in net.Querier.Links)
            {
                Assert.Null(link.Cache.FindInconsistency());
                Assert.InRange(link.Plan.Count, 0, 1000);
            }

            // Every service that was told of and not removed is known, and nothing else: none lost, none told twice.
            Dictionary<(BrowseId, string), ServiceInstance> alive = [];
            foreach ((_, BrowseId browse, ServiceChange change) in net.Told)
            {
                (BrowseId, string InstanceName) key = (browse, change.Instance.InstanceName);
                bool isRight = change.Kind switch
                {
                    ServiceChangeKind.Added => alive.TryAdd(key, change.Instance),
                    ServiceChangeKind.Removed => alive.Remove(key),
                    _ => alive.Remove(key, out ServiceInstance? old) && !InstanceView.Same(old, change.Instance) && alive.TryAdd(key, change.Instance),
                };
                Assert.True(isRight, $"{change.Kind} {change.Instance.InstanceName} out of turn");
            }

            foreach (BrowseId browse in browses)
            {
                string[] known = [.. Enumerable.Range(0, 12).Select(i => $"s{i}").Where(n => InstanceView.Find(DnsName.Parse(QuerierNet.Type).Child(n), "", net.Querier.Links) is not null).Order()];
                Assert.Equal(known, alive.Keys.Where(k => k.Item1 == browse).Select(k => k.Item2).Order());
            }
        }).Check(Seeded.Config.WithMaxTest(300));

    private static void Do(QuerierNet net, List<BrowseId> browses, int step)
    {
        int what = step % 16;
        int which = step / 16 % 12;
        int more = step / 192 % 8;
        string name = $"s{which}";
        LinkKey link = more < 4 ? QuerierNet.Eth4 : QuerierNet.Wlan4;
        bool hasLink = net.Querier.Links.Any(l => l.State.Key == link);
        switch (what)
        {
            case 0 when hasLink && net.Querier.Links.Count > 1:
                net.Remove(link);
                break;
            case 1 when !hasLink:
                net.Add(link);
                break;
            case 2:
                browses.Add(net.Browse());
                break;
            case 3 when browses.Count > 1:
                net.Querier.StopBrowse(browses[^1], net.Now);
                browses.RemoveAt(browses.Count - 1);
                break;
            case 4:
                net.Run(more * more * 7);
                break;
            case 5 when hasLink:
                net.HearQuery(link, "10.0.2.9", 5353, true, DnsFlags.None, [], new DnsQuestion(DnsName.Parse(QuerierNet.Type), DnsType.Ptr));
                break;
            case 6 when hasLink:
                net.Querier.DoubtLink(net.Link(link), net.Now);
                break;
            case 7 when hasLink:
                net.HearFrom($"10.0.2.{more + 20}", link, Records.Goodbye(Records.Service(name, $"h{more}.local")));
                break;
            case 8 when hasLink:
                net.HearFrom($"10.0.2.{more + 20}", link, Records.Pointer(name, (uint)(1 + (more * 100))));
                break;
            case 9 when hasLink:
                net.HearFrom($"10.0.2.{more + 20}", link, Records.Server(name, $"h{more}.local"), Records.Text(name, $"{more}"));
                break;
            case 10 when hasLink:
                net.HearFrom($"10.0.2.{more + 20}", link, Records.Address($"10.0.2.{more + 20}", $"h{which % 8}.local"));
                break;
            default:
                if (hasLink)
                    net.HearFrom($"10.0.2.{more + 20}", link, Records.Service(name, $"h{more}.local", $"10.0.2.{more + 20}"));
                net.Run(more * 0.05);
                break;
        }
    }

    private static string Host(int i, bool isIPv6) => isIPv6 ? $"fe80::1:{i:x}%2" : $"10.0.{2 + (i / 250)}.{i % 250}";

    private static string Forger(int i, bool isIPv6) => isIPv6 ? $"fe80::6666:{i:x}%2" : $"10.66.{i / 250}.{i % 250}";
}
