using System.Net;
using FsCheck;
using FsCheck.Fluent;
using Meshara.Mdns.Engine;
using Meshara.Mdns.Tests.Support;
using Meshara.Mdns.Wire;
using Meshara.Tests.Support;
using Xunit;
using static Meshara.Mdns.Tests.Support.Printers;

namespace Meshara.Mdns.Tests.Engine;

/// <summary>Whatever is sent to it, the responder does not throw, does not grow, and says no more than its budgets let it.</summary>
public sealed class ResponderHostileTests
{
    private const int Rate = 10;

    [Fact]
    public void AnyPacketsAndTimes_NeverThrowNeverExceedTheBudgetNeverGrow() =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue - 1).ArrayOf().Resize(150).ToArbitrary(), script =>
        {
            EngineScript s = new(Rate);
            foreach (int step in script)
                s.Step(step);
            s.Advance(TimeSpan.FromSeconds(30));
            return s.Fault is null ? true.ToProperty() : false.Label(s.Fault);
        }).Check(Seeded.Config.WithMaxTest(500));

    [Fact]
    public void AnyPacketsAndTimes_SameScript_SaysTheSame() =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue - 1).ArrayOf().Resize(100).ToArbitrary(), script =>
        {
            return Run().SequenceEqual(Run());

            List<string> Run()
            {
                EngineScript s = new(Rate);
                foreach (int step in script)
                    s.Step(step);
                return s.Log;
            }
        }).Check(Seeded.Config.WithMaxTest(50));

    [Fact]
    public void Flood_OfQuestionsForUnicastAnswers_TenASecondToOneAddressAndTheRateToAll()
    {
        (VirtualLan lan, LanNode node) = Published();
        int before = lan.Sent.Count;
        ReadOnlyMemory<byte> unicast = VirtualLan.Packet([new DnsQuestion(ServiceType, DnsType.Ptr, true)], [], [], DnsFlags.None, 0);
        ReadOnlyMemory<byte> legacy = VirtualLan.Packet([new DnsQuestion(PrinterName, DnsType.Any)], [], [], DnsFlags.None, 7);
        for (int i = 0; i < 40_000; i++)
        {
            IPAddress from = new([10, 0, 0, (byte)(2 + (i % 200))]);
            lan.Inject(new IPEndPoint(from, i % 3 == 0 ? 5353 : 1024 + (i % 50_000)), i % 3 == 0 ? unicast : legacy);
            if (i % 8 == 0)
                lan.Run(TimeSpan.FromMilliseconds(1));
        }

        // 5 s; a link's unicast bucket holds 100 and 100 a second come; the group hears at most one a second of a record.
        LanPacket[] sent = [.. lan.Sent.Skip(before).Where(p => p.Sender == node && !p.Link.IPv6)];
        Assert.InRange(sent.Count(p => p.To is not null), 100, 601);
        Assert.All(sent.Where(p => p.To is not null).GroupBy(p => p.To!.Address), g => Assert.InRange(g.Count(), 1, 61));
        Assert.InRange(sent.Count(p => p.To is null), 0, 6);
        Assert.InRange(node.Engine.Remembered, 0, 1000);
    }

    [Fact]
    public void Flood_WhileANewServiceIsPublished_ItIsProvenAndAnnouncedInTime()
    {
        (VirtualLan lan, LanNode node) = Published();
        TimeSpan start = lan.Now;
        PublicationId id = node.Publish(new ServiceProfile("Second", "_http._tcp", 80) { HostName = "printer" });
        for (int i = 0; i < 20_000; i++)
        {
            lan.Ask($"10.0.0.{2 + (i % 200)}", [Browse(i % 2 == 0), new DnsQuestion(DnsName.FromLabels($"x{i}", "local"), DnsType.A), new DnsQuestion(PrinterName, DnsType.Any)]);
            if (i % 10 == 0)
                lan.Run(TimeSpan.FromMilliseconds(1));
        }

        Assert.InRange(node.News.Single(n => n.Action is EngineAction.Published p && p.Publication == id).At - start, TimeSpan.Zero, TimeSpan.FromSeconds(1));
    }

    [Fact]
    public void Flood_OfForgedRecordsOfOurNames_KeepsSayingWhatIsSoAndDoesNotGrow()
    {
        (VirtualLan lan, LanNode node) = Published();
        Random random = new(1);
        for (int i = 0; i < 20_000; i++)
        {
            lan.Say($"10.0.0.{2 + (i % 200)}", [new DnsRecord(PrinterName, 120, new ServiceData(0, 0, (ushort)random.Next(65536), Host), cacheFlush: true), Pointer((uint)random.Next(3000)), new DnsRecord(Host, 120, new AddressData(new IPAddress(random.Next())), cacheFlush: true)]);
            if (i % 10 == 0)
                lan.Run(TimeSpan.FromMilliseconds(5));
        }

        Assert.InRange(node.Engine.Remembered, 0, 1000);
        lan.Run(TimeSpan.FromSeconds(10));
        Assert.NotNull(node.PublishedName(new PublicationId(1)));
    }

    [Fact]
    public void Truncated_FromAThousandSenders_SixteenAreWaitedForAndTheRestAnsweredAlike()
    {
        (VirtualLan lan, LanNode node) = Published();
        for (int i = 0; i < 1000; i++)
            lan.Inject(new IPEndPoint(new IPAddress([10, 0, (byte)(i / 250), (byte)(2 + (i % 250))]), 5353), VirtualLan.Packet([Browse()], [], [], DnsFlags.Truncated, 0));
        lan.Run(TimeSpan.FromMilliseconds(1));
        Assert.InRange(node.Engine.Remembered, 1, 100);

        LanPacket answer = Assert.Single(lan.Answers(node, seconds: 0.9));
        Assert.Equal(["_ipp._tcp.local Ptr"], answer.Message.Answers.Shown());
    }

    [Fact]
    public void Budget_EachBucket_LetsItsBurstAndThenItsRate()
    {
        LinkBudget budget = new(Rate);
        int own = 0, answers = 0, unicast = 0;
        for (int i = 0; i <= 1000; i++)
        {
            TimeSpan now = TimeSpan.FromMilliseconds(i);
            own += budget.TryTakeOwn(now) ? 1 : 0;
            answers += budget.TryTakeAnswer(now) ? 1 : 0;
            unicast += budget.TryTakeUnicast(new IPAddress([10, 0, 0, (byte)(i % 100)]), now) ? 1 : 0;
        }

        Assert.Equal(3 * Rate, own);
        Assert.Equal(3 * Rate, answers);
        Assert.Equal(4 * Rate, unicast);
    }

    [Fact]
    public void Budget_ManyAddresses_AreNotAllRemembered()
    {
        LinkBudget budget = new(100_000);
        int taken = 0;
        for (int i = 0; i < 10_000; i++)
            taken += budget.TryTakeUnicast(new IPAddress(i), TimeSpan.Zero) ? 1 : 0;

        // 256 of their own, and ten for all others together.
        Assert.Equal(256 + LinkBudget.UnicastPerAddress, taken);
    }
}
