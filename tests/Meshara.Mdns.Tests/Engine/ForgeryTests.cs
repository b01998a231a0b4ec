using System.Net;
using Meshara.Mdns.Engine;
using Meshara.Mdns.Tests.Support;
using Meshara.Mdns.Wire;
using Xunit;
using static Meshara.Mdns.Tests.Support.Printers;

namespace Meshara.Mdns.Tests.Engine;

/// <summary>RFC 6762 sections 6.6, 9, 10.1 and 10.2: one or two forged packets take no name, no record and no voice from a service that is there.</summary>
public sealed class ForgeryTests
{
    private static readonly DnsRecord Server = new(PrinterName, 120, new ServiceData(0, 0, 9, Host), cacheFlush: true);
    private static readonly DnsRecord Text = new(PrinterName, 4500, new TextData(TxtRecord.Create(("rp", "elsewhere"))), cacheFlush: true);

    public static TheoryData<string> Pairs => new("SRV TXT", "SRV SRV", "A AAAA", "A A", "SRV TXT A AAAA");

    [Theory]
    [MemberData(nameof(Pairs))]
    public void Conflict_SeveralRecordsInOnePacket_KeepsTheNames_Rfc6762_9(string types)
    {
        (VirtualLan lan, LanNode node) = Published();
        lan.Say(Other, Forged(types));
        LanPacket[] sent = lan.Answers(node, seconds: 5);

        Assert.Equal(NameClaim.Probes, sent.Count(p => p.Message.Authorities.Length > 0));
        Assert.Single(node.News);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Conflict_ASecondPacketAtAnyTime_KeepsTheName_Rfc6762_9(bool isUnicast)
    {
        for (int ms = 0; ms < 1500; ms += 10)
        {
            (VirtualLan lan, LanNode node) = Published();
            lan.Say(Other, [Server, Text]);
            lan.Run(TimeSpan.FromMilliseconds(ms));
            lan.Say("10.0.0.98", [Server, Text], to: isUnicast ? "10.0.0.1" : null);
            lan.Run(TimeSpan.FromSeconds(10));

            Assert.Single(node.News);
        }
    }

    [Fact]
    public void Conflict_OnBothFamiliesAndTwice_KeepsTheName_Rfc6762_9()
    {
        for (int ms = 0; ms < 1500; ms += 10)
        {
            (VirtualLan lan, LanNode node) = Published();
            for (int i = 0; i < 2; i++)
            {
                lan.Say(Other, [Server, Text]);
                lan.Say("fe80::99", [Server, Text]);
                lan.Run(TimeSpan.FromMilliseconds(ms));
            }

            lan.Run(TimeSpan.FromSeconds(10));
            Assert.Single(node.News);
        }
    }

    [Fact]
    public void Conflict_WithATieLost_KeepsTheName_Rfc6762_8_2()
    {
        for (int ms = 0; ms < 1500; ms += 10)
        {
            (VirtualLan lan, LanNode node) = Published();
            lan.Say(Other, [Server]);
            lan.Run(TimeSpan.FromMilliseconds(ms));
            lan.Ask(Other, [new DnsQuestion(PrinterName, DnsType.Any)], authorities: [new DnsRecord(PrinterName, 120, new ServiceData(ushort.MaxValue, 0, 1, Host))]);
            lan.Run(TimeSpan.FromSeconds(10));

            Assert.Single(node.News);
        }
    }

    [Fact]
    public void Conflict_OnALinkThatHasJustCome_KeepsANameThatIsHeldElsewhere_Rfc6762_9()
    {
        for (int ms = 0; ms < 1000; ms += 10)
        {
            (VirtualLan lan, LanNode node) = Published();
            node.Attach(VirtualLan.Face(30, 7, network: 3), 3);
            lan.Run(TimeSpan.FromMilliseconds(ms));
            lan.Say("10.0.3.99", [Server, Text], network: 3);
            lan.Run(TimeSpan.FromSeconds(10));

            Assert.Single(node.News);
            Assert.Contains(node.Sent, p => p.Link.InterfaceIndex == 30 && p.Message.IsResponse);
        }
    }

    [Fact]
    public void Conflict_WithOneWhoAnswersTheProbes_EndsWithAnotherName_Rfc6762_9()
    {
        (VirtualLan lan, LanNode node) = Published();
        int heard = lan.Sent.Count;
        lan.Say(Other, [Server, Text]);
        for (int i = 0; i < 600; i++)
        {
            // As some responders do: no answer twice within half a second, not even to a probe.
            if (lan.Sent[heard..].Any(p => p.Message.Questions.Any(q => q.Name.Equals(PrinterName))) && i % 100 == 0)
                lan.Say(Other, [Server, Text]);
            heard = i % 100 == 0 ? lan.Sent.Count : heard;
            lan.Run(TimeSpan.FromMilliseconds(5));
        }

        Assert.Equal("Kitchen printer (2)", node.PublishedName(new PublicationId(1)));
        Assert.Single(node.News.Select(n => n.Action).OfType<EngineAction.Renamed>());
    }

    [Fact]
    public void Conflict_TwoWhoHoldOneName_OneOfThemKeepsIt_Rfc6762_9()
    {
        int both = 0;
        for (int seed = 0; seed < 200; seed++)
        {
            VirtualLan lan = new(seed) { Drop = (packet, node) => packet.At < TimeSpan.FromSeconds(20) };
            LanNode first = lan.Add(1);
            LanNode second = lan.Add(2);
            PublicationId a = first.Publish(Kitchen with { HostName = "one" });
            PublicationId b = second.Publish(Kitchen with { HostName = "two" });
            lan.Run(TimeSpan.FromSeconds(25));
            lan.Ask(Other, [Browse()]);
            lan.Run(TimeSpan.FromSeconds(20));

            Assert.NotEqual(first.PublishedName(a), second.PublishedName(b));
            both += first.PublishedName(a) != "Kitchen printer" && second.PublishedName(b) != "Kitchen printer" ? 1 : 0;
        }

        Assert.Equal(0, both);
    }

    [Fact]
    public void Conflict_SoonAfterAnother_IsContradictedAtOnceAndOnceMore_Rfc6762_10_2()
    {
        (VirtualLan lan, LanNode node) = Published();
        lan.Say(Other, [Server]);
        lan.Run(TimeSpan.FromSeconds(6));
        TimeSpan at = lan.Now;
        lan.Say(Other, [Text]);
        LanPacket[] sent = lan.Answers(node);

        // At once, so that our record is not removed; and when the forged one is more than a second old, so that that is.
        Assert.Equal(2, sent.Length);
        Assert.All(sent, p => Assert.Contains(p.Message.Answers, r => r is { Type: DnsType.Txt, CacheFlush: true, Ttl: 4500 }));
        Assert.Equal(at, sent[0].At);
        Assert.InRange(sent[1].At - at, TimeSpan.FromSeconds(1.05), TimeSpan.FromSeconds(1.5));
        Assert.Single(node.News);
    }

    [Fact]
    public void Conflict_First_IsContradictedAtOnce_Rfc6762_10_2()
    {
        (VirtualLan lan, LanNode node) = Published();
        TimeSpan at = lan.Now;
        lan.Say(Other, [Server]);
        LanPacket first = lan.Answers(node, seconds: 5).First(p => p.Message.IsResponse);

        Assert.Equal(at, first.At);
        Assert.Contains(first.Message.Answers, r => r is { Type: DnsType.Srv, CacheFlush: true, Ttl: 120 });
    }

    [Fact]
    public void Conflict_ToThisHostAlone_IsContradictedToNobody_Rfc6762_6()
    {
        (VirtualLan lan, LanNode node) = Published();
        node.Engine.Browse(new BrowseId(9), ServiceType, null, new BrowseSchedule(null), lan.Now);
        lan.Run(TimeSpan.FromMilliseconds(200));
        lan.Say(Other, [new DnsRecord(ServiceType, 4500, new PointerData(DnsName.FromLabels("Other", "_ipp", "_tcp", "local"))), Server], to: "10.0.0.1");

        Assert.DoesNotContain(lan.Answers(node, seconds: 0.2), p => p.Message.IsResponse);
    }

    [Theory]
    [InlineData("SRV TXT A AAAA")]
    [InlineData("NSEC")]
    [InlineData("PTR")]
    public void Forgery_OfAllKindsInAFlood_IsAnsweredTwiceASecond(string types)
    {
        (VirtualLan lan, LanNode node) = Published();
        DnsRecord[] forged = Forged(types);
        int before = lan.Sent.Count;
        for (int i = 0; i < 4000; i++)
        {
            lan.Say(Other, forged);
            lan.Run(TimeSpan.FromMilliseconds(5));
        }

        // 20 s: two defences a second for each of two names, probes, and the announcements of a proof. Who says it at every probe has the names, and then there is nothing to defend.
        LanPacket[] sent = [.. lan.Sent.Skip(before).Where(p => p.Sender == node && !p.Link.IPv6)];
        Assert.InRange(sent.Length, types == "SRV TXT A AAAA" ? 4 : 20, 20 * 6);
        Assert.InRange(node.Engine.Remembered, 0, 500);
    }

    [Fact]
    public void Rescue_GoodbyeAtAnyTimeAfterAnother_IsSavedInItsSecond_Rfc6762_10_1()
    {
        foreach (DnsRecord goodbye in new[] { Pointer(0), new DnsRecord(PrinterName, 0, new TextData(Kitchen.Txt), cacheFlush: true) })
        {
            for (int ms = 10; ms < 2500; ms += 10)
            {
                (VirtualLan lan, LanNode node) = Published();
                lan.Say(Other, [goodbye]);
                lan.Run(TimeSpan.FromMilliseconds(ms));
                TimeSpan second = lan.Now;
                lan.Say(Other, [goodbye]);
                LanPacket[] sent = lan.Answers(node, seconds: 0.95);

                Assert.True(sent.Any(p => p.At >= second && p.Message.Answers.Any(r => r.Type == goodbye.Type && r.Ttl > 0)), $"{goodbye.Type}, {ms} ms");
            }
        }
    }

    [Fact]
    public void Forgery_AnyTwoPacketsAtAnyTime_LeaveTheNameAndABrowsersView()
    {
        for (int seed = 0; seed < 1000; seed++)
        {
            VirtualLan lan = new(seed);
            LanNode node = lan.Add(1);
            LanNode browser = lan.Add(2);
            node.Publish(Kitchen);
            browser.Engine.Browse(new BrowseId(1), ServiceType, null, new BrowseSchedule(null), lan.Now);
            lan.Run(TimeSpan.FromSeconds(25));
            string before = View(browser);
            int news = browser.News.Count;
            Random random = new(seed);
            List<string> said = [];
            for (int i = 0; i < 2; i++)
            {
                DnsRecord[] records = [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => AnyRecord(random))];
                said.Add($"{lan.Now}: {string.Join(", ", records.Select(r => $"{r.Name} {r.Type} {r.Ttl} {r.CacheFlush}"))}");
                if (random.Next(5) == 0)
                    lan.Ask(Other, [new DnsQuestion(records[0].Name, DnsType.Any, random.Next(2) == 0), Browse()], authorities: records);
                else
                    lan.Say(random.Next(2) == 0 ? Other : "fe80::99", records);
                lan.Run(TimeSpan.FromMilliseconds(random.Next(3) == 0 ? random.Next(6000) : random.Next(1200)));
            }

            lan.Run(TimeSpan.FromSeconds(6));
            string what = $"seed {seed}, {string.Join("; ", said)}";
            Assert.True(node.News.Count == 1, what);
            Assert.True(before == View(browser), $"{what}: {View(browser)}");
            Assert.False(browser.News.Skip(news).Any(n => n.Action is EngineAction.Changed { Change: { Kind: ServiceChangeKind.Removed, Instance.InstanceName: "Kitchen printer" } }), what);
        }
    }

    [Fact]
    public void Rescue_OfARecordThatOthersMayHave_Waits20To120Ms_Rfc6762_6()
    {
        List<double> waits = [];
        for (int seed = 0; seed < 100; seed++)
        {
            (VirtualLan lan, LanNode node) = Published(seed);
            TimeSpan at = lan.Now;
            lan.Say(Other, [new DnsRecord(Meta, 0, new PointerData(ServiceType))]);
            waits.Add((Assert.Single(lan.Answers(node)).At - at).TotalMilliseconds);
        }

        Assert.All(waits, w => Assert.InRange(w, 20, 120));
        Assert.InRange(waits.Max() - waits.Min(), 50, 100);
    }

    [Fact]
    public void Rescue_OfARecordThatIsOursAlone_GoesAtOnce_Rfc6762_6_6()
    {
        (VirtualLan lan, LanNode node) = Published();
        TimeSpan at = lan.Now;
        lan.Say(Other, [new DnsRecord(PrinterName, 0, new TextData(Kitchen.Txt), cacheFlush: true)]);

        Assert.Equal(at, Assert.Single(lan.Answers(node)).At);
    }

    [Fact]
    public void Rescue_OfTheListOfTypes_IsOneForAll_Rfc6762_7_4()
    {
        VirtualLan lan = new();
        for (int i = 0; i < 20; i++)
            lan.Add(1 + i, ipv6: false).Publish(new ServiceProfile($"Service {i}", "_ipp._tcp", 1));
        lan.Run(TimeSpan.FromSeconds(20));
        int before = lan.Sent.Count;
        lan.Say(Other, [new DnsRecord(Meta, 0, new PointerData(ServiceType))]);
        lan.Run(TimeSpan.FromSeconds(1));

        Assert.InRange(lan.Sent.Count - before, 1, 5);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Rescue_OurRecordSaidBySomebodyElseMeanwhile_IsSaidAllTheSame(int ms)
    {
        (VirtualLan lan, LanNode node) = Published();
        lan.Say(Other, [Pointer(0)]);
        lan.Run(TimeSpan.FromMilliseconds(ms));

        // What has this address need not have come to others: a frame may be for one alone.
        lan.Say(Other, [Pointer()]);

        Assert.Single(lan.Answers(node));
    }

    [Fact]
    public void Answer_OurPointerSaidBySomebodyElseMeanwhile_IsSaidAllTheSame()
    {
        (VirtualLan lan, LanNode node) = Published();
        lan.Ask(Other, [Browse()]);
        lan.Run(TimeSpan.FromMilliseconds(1));
        lan.Say(Other, [Pointer()]);

        Assert.Equal(4, Assert.Single(lan.Answers(node)).Message.Additionals.Length);
    }

    [Fact]
    public void Answer_AskedForWhileItIsRescued_CarriesAll_Rfc6763_12_1()
    {
        (VirtualLan lan, LanNode node) = Published();
        lan.Ask(Other, [Browse()]);
        lan.Say(Other, [Pointer(0)]);

        Assert.Equal(4, lan.Answers(node)[0].Message.Additionals.Length);
    }

    [Fact]
    public void Flush_ByAPointerOfSomebodyElse_OursIsSaidAgain_Rfc6762_10_2()
    {
        (VirtualLan lan, LanNode node) = Published();
        DnsRecord other = new(ServiceType, 4500, new PointerData(DnsName.FromLabels("Other", "_ipp", "_tcp", "local")));
        lan.Say(Other, [other]);
        Assert.Empty(lan.Answers(node));

        // A shared record never has the bit; who heeds it all the same loses all others of the name.
        lan.Say(Other, [other.With(cacheFlush: true)]);
        Assert.Equal(["_ipp._tcp.local Ptr"], Assert.Single(lan.Answers(node, seconds: 0.95)).Message.Answers.Shown());
    }

    // The list of types is everybody's: each responder in the network would answer one forged packet. Whoever wants the list asks.
    [Fact]
    public void Flush_OfTheListOfTypes_IsNotAnswered()
    {
        (VirtualLan lan, LanNode node) = Published();
        lan.Say(Other, [new DnsRecord(Meta, 4500, new PointerData(DnsName.Parse("_http._tcp.local")), cacheFlush: true)]);

        Assert.Empty(lan.Answers(node));
    }

    [Theory]
    [InlineData("SRV", 0u)]
    [InlineData("TXT", 0u)]
    [InlineData("A", 0u)]
    [InlineData("NSEC", 120u)]
    public void Flush_WithoutConflict_OursIsSaidAgainAndNotProbedFor_Rfc6762_10_2(string type, uint ttl)
    {
        (VirtualLan lan, LanNode node) = Published();
        TimeSpan at = lan.Now;
        lan.Say(Other, [.. Forged(type).Select(r => r.With(ttl))]);
        LanPacket sent = Assert.Single(lan.Answers(node));

        Assert.Equal(at, sent.At);
        Assert.All(sent.Message.Answers, r => Assert.True(r.CacheFlush && r.Ttl > 0));
    }

    [Fact]
    public void Flush_ByOneOfOurAddresses_AllAreSaidAgain_Rfc6762_10_2()
    {
        VirtualLan lan = new();
        LanNode node = lan.Add(1);
        EngineInterface face = node.Faces[0].Face;
        node.Attach(face with { Addresses = [.. face.Addresses, IPAddress.Parse("10.0.0.201")] }, 0);
        node.Publish(Kitchen);
        lan.Run(TimeSpan.FromSeconds(25));
        DnsRecord[] both = [.. new[] { "10.0.0.1", "10.0.0.201" }.Select(a => new DnsRecord(Host, 120, new AddressData(IPAddress.Parse(a)), cacheFlush: true))];
        lan.Say(Other, both);
        Assert.Empty(lan.Answers(node));

        lan.Say(Other, [both[1]]);
        Assert.Equal(2, Assert.Single(lan.Answers(node)).Message.Answers.Length);
    }

    [Fact]
    public void Flush_ByAnAddressThatWasOurs_TheNewOneIsSaidAgain_Rfc6762_10_2()
    {
        (VirtualLan lan, LanNode node) = Published();
        EngineInterface face = node.Faces[0].Face;
        node.Attach(face with { Addresses = [IPAddress.Parse("10.0.0.44"), face.Addresses[1]] }, 0);
        lan.Run(TimeSpan.FromSeconds(20));
        lan.Say(Other, [new DnsRecord(Host, 120, new AddressData(IPAddress.Parse("10.0.0.1")), cacheFlush: true)]);
        LanPacket[] sent = lan.Answers(node, seconds: 0.9);

        Assert.Equal(IPAddress.Parse("10.0.0.44"), Assert.IsType<AddressData>(Assert.Single(Assert.Single(sent).Message.Answers).Data).Address);
    }

    // What he knows of it, or what he was last told.
    private static string View(LanNode browser)
    {
        ServiceInstance seen = browser.News.Select(n => n.Action).OfType<EngineAction.Changed>().Last(c => c.Change.Instance.InstanceName == "Kitchen printer").Change.Instance;
        return $"{seen.HostName} {seen.Port} {seen.Txt["rp"]} {string.Join(' ', seen.Addresses.Select(a => a.EndPoint.ToString()).Order())}";
    }

    private static DnsRecord AnyRecord(Random random)
    {
        uint ttl = new uint[] { 0, 1, 59, 120, 4500 }[random.Next(5)];
        bool flush = random.Next(2) == 0;
        return random.Next(10) switch
        {
            0 => Pointer(ttl).With(flush),
            1 => new DnsRecord(ServiceType, ttl, new PointerData(ServiceType.Child("Other")), flush),
            2 => new DnsRecord(PrinterName, ttl, new ServiceData(0, 0, 631, Host), flush),
            3 => new DnsRecord(PrinterName, ttl, new ServiceData(0, 0, (ushort)random.Next(1, 4), random.Next(2) == 0 ? Host : DnsName.Parse("nobody.local")), flush),
            4 => new DnsRecord(PrinterName, ttl, new TextData(Kitchen.Txt), flush),
            5 => Text.With(ttl).With(flush),
            6 => new DnsRecord(Host, ttl, new AddressData(IPAddress.Parse("10.0.0.1")), flush),
            7 => new DnsRecord(Host, ttl, new AddressData(IPAddress.Parse($"10.0.0.{random.Next(100, 103)}")), flush),
            8 => new DnsRecord(Host, ttl, new AddressData(IPAddress.Parse("fe80::77")), flush),
            _ => new DnsRecord(PrinterName, ttl, new NextSecureData(PrinterName, DnsType.Nsec), flush),
        };
    }

    private static DnsRecord[] Forged(string types)
    {
        ushort number = 0;
        return
        [
            .. types.Split(' ').Select(type => type switch
            {
                "SRV" => new DnsRecord(PrinterName, 120, new ServiceData(0, 0, ++number, Host), cacheFlush: true),
                "TXT" => Text,
                "PTR" => new DnsRecord(ServiceType, 4500, new PointerData(DnsName.FromLabels("Other", "_ipp", "_tcp", "local")), cacheFlush: true),
                "NSEC" => new DnsRecord(PrinterName, 120, new NextSecureData(PrinterName, DnsType.Nsec), cacheFlush: true),
                "A" => new DnsRecord(Host, 120, new AddressData(new IPAddress([10, 0, 0, (byte)(200 + ++number)])), cacheFlush: true),
                _ => new DnsRecord(Host, 120, new AddressData(IPAddress.Parse("fe80::77")), cacheFlush: true),
            }),
        ];
    }
}
