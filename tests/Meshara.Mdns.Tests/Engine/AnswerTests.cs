using System.Net;
using Meshara.Mdns.Engine;
using Meshara.Mdns.Tests.Support;
using Meshara.Mdns.Wire;
using Xunit;
using static Meshara.Mdns.Tests.Support.Printers;

namespace Meshara.Mdns.Tests.Engine;

/// <summary>RFC 6762 section 6 and RFC 6763 section 12: what is answered, when, and to whom.</summary>
public sealed class AnswerTests
{
    [Fact]
    public void Answer_SharedRecord_WaitsBetween20And120Ms_Rfc6762_6()
    {
        List<double> waits = [];
        for (int seed = 0; seed < 200; seed++)
        {
            (VirtualLan lan, LanNode node) = Published(seed);
            TimeSpan asked = lan.Now;
            lan.Ask(Other, [Browse()]);
            waits.Add((Assert.Single(lan.Answers(node)).At - asked).TotalMilliseconds);
        }

        Assert.All(waits, w => Assert.InRange(w, 20, 120));
        Assert.InRange(waits.Min(), 20, 30);
        Assert.InRange(waits.Max(), 110, 120);
    }

    [Fact]
    public void Answer_UniqueRecord_GoesAtOnce_Rfc6762_6()
    {
        (VirtualLan lan, LanNode node) = Published();
        TimeSpan asked = lan.Now;
        lan.Ask(Other, [new DnsQuestion(PrinterName, DnsType.Srv), new DnsQuestion(Host, DnsType.A)]);

        LanPacket answer = Assert.Single(lan.Answers(node));
        Assert.Equal(asked, answer.At);
        Assert.Null(answer.To);
        Assert.Equal(["Kitchen printer._ipp._tcp.local Srv", "printer.local A"], answer.Message.Answers.Shown());
        Assert.Equal(["printer.local Aaaa"], answer.Message.Additionals.Shown());
    }

    [Fact]
    public void Answer_UniqueBesideSharedOrUnknown_WaitsToo_Rfc6762_6()
    {
        foreach (DnsQuestion other in new[] { Browse(), new DnsQuestion(DnsName.Parse("nobody.local"), DnsType.A) })
        {
            (VirtualLan lan, LanNode node) = Published();
            TimeSpan asked = lan.Now;
            lan.Ask(Other, [new DnsQuestion(PrinterName, DnsType.Srv), other]);

            Assert.InRange(Assert.Single(lan.Answers(node)).At - asked, TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(120));
        }
    }

    [Fact]
    public void Answer_Pointer_CarriesSrvTxtAAndAaaaInTheOnePacket_Rfc6763_12_1()
    {
        (VirtualLan lan, LanNode node) = Published();
        lan.Ask(Other, [Browse()]);

        DnsMessage answer = Assert.Single(lan.Answers(node)).Message;
        Assert.Equal(["_ipp._tcp.local Ptr"], answer.Answers.Shown());
        Assert.Equal(["Kitchen printer._ipp._tcp.local Srv", "Kitchen printer._ipp._tcp.local Txt", "printer.local A", "printer.local Aaaa"], answer.Additionals.Shown());
        Assert.False(answer.Answers[0].CacheFlush);
        Assert.All(answer.Additionals, r => Assert.True(r.CacheFlush));
        Assert.Equal(0, answer.Id);
        Assert.Empty(answer.Questions);
    }

    [Theory]
    [InlineData("_color._sub._ipp._tcp.local", "_color._sub._ipp._tcp.local Ptr")]
    [InlineData("_services._dns-sd._udp.local", "_services._dns-sd._udp.local Ptr")]
    [InlineData("_IPP._TCP.LOCAL", "_ipp._tcp.local Ptr")]
    public void Answer_SubtypeTypesAndAnyCase_Rfc6763_7_1_9_Rfc6762_16(string name, string expected)
    {
        (VirtualLan lan, LanNode node) = Published(profile: Kitchen with { Subtypes = ["_color"] });
        lan.Ask(Other, [new DnsQuestion(DnsName.Parse(name), DnsType.Ptr)]);

        Assert.Equal([expected], Assert.Single(lan.Answers(node)).Message.Answers.Shown());
    }

    [Fact]
    public void Answer_TypeThatIsNotThere_IsDeniedAtOnce_Rfc6762_6_1()
    {
        (VirtualLan lan, LanNode node) = Published();
        TimeSpan asked = lan.Now;
        lan.Ask(Other, [new DnsQuestion(PrinterName, DnsType.A), new DnsQuestion(Host, DnsType.Srv)]);

        LanPacket answer = Assert.Single(lan.Answers(node));
        Assert.Equal(asked, answer.At);
        Assert.Equal(["Kitchen printer._ipp._tcp.local Nsec", "printer.local Nsec"], answer.Message.Answers.Shown());
        Assert.Equal([DnsType.Txt, DnsType.Srv], Assert.IsType<NextSecureData>(answer.Message.Answers[0].Data).Types);
        Assert.Equal([DnsType.A, DnsType.Aaaa], Assert.IsType<NextSecureData>(answer.Message.Answers[1].Data).Types);
        Assert.All(answer.Message.Answers, r => Assert.Equal(r.Name, Assert.IsType<NextSecureData>(r.Data).Next));
    }

    [Fact]
    public void Answer_HostOfOneFamily_DeniesTheOtherAlong_Rfc6762_6_1()
    {
        VirtualLan lan = new();
        LanNode node = lan.Add(1, ipv6: false);
        node.Publish(Kitchen);
        lan.Run(TimeSpan.FromSeconds(30));
        lan.Ask(Other, [Browse()]);

        Assert.Equal(["Kitchen printer._ipp._tcp.local Srv", "Kitchen printer._ipp._tcp.local Txt", "printer.local A", "printer.local Nsec"], Assert.Single(lan.Answers(node)).Message.Additionals.Shown());
    }

    [Fact]
    public void Answer_NameOrTypeOfSomebodyElse_IsSilence_Rfc6762_6()
    {
        (VirtualLan lan, LanNode node) = Published();
        lan.Ask(Other, [new DnsQuestion(DnsName.Parse("other.local"), DnsType.A), new DnsQuestion(ServiceType, DnsType.A), new DnsQuestion(DnsName.Parse("_http._tcp.local"), DnsType.Ptr)]);

        Assert.Empty(lan.Answers(node));
    }

    [Theory]
    [InlineData(4500u, 0)]
    [InlineData(2250u, 0)]
    [InlineData(2249u, 1)]
    public void Answer_KnownWithHalfItsLifetime_IsNotGiven_Rfc6762_7_1(uint ttl, int answers)
    {
        (VirtualLan lan, LanNode node) = Published();
        lan.Ask(Other, [Browse()], known: [Pointer(ttl)]);

        Assert.Equal(answers, lan.Answers(node).Length);
    }

    [Fact]
    public void Answer_KnownOfSeveral_OnlyTheRestIsGiven_Rfc6762_7_1()
    {
        (VirtualLan lan, LanNode node) = Published();
        node.Publish(new ServiceProfile("Second", "_ipp._tcp", 632) { HostName = "printer" });
        lan.Run(TimeSpan.FromSeconds(25));
        lan.Ask(Other, [Browse()], known: [Pointer()]);

        Assert.Equal("Second._ipp._tcp.local", Assert.IsType<PointerData>(Assert.Single(Assert.Single(lan.Answers(node)).Message.Answers).Data).Target.ToString());
    }

    [Fact]
    public void Answer_OneAddressOfTwoKnown_GivesBoth_Rfc6762_10_2()
    {
        VirtualLan lan = new();
        LanNode node = lan.Add(1);
        EngineInterface face = node.Faces[0].Face;
        node.Attach(face with { Addresses = [.. face.Addresses, IPAddress.Parse("10.0.0.201")] }, 0);
        node.Publish(Kitchen);
        lan.Run(TimeSpan.FromSeconds(25));
        lan.Ask(Other, [new DnsQuestion(Host, DnsType.A)], known: [new DnsRecord(Host, 120, new AddressData(IPAddress.Parse("10.0.0.201")))]);

        // With one of them and the cache-flush bit the other would be removed everywhere.
        Assert.Equal(2, Assert.Single(lan.Answers(node)).Message.Answers.Length);
    }

    [Fact]
    public void Answer_Truncated_Waits400To500MsAndHeedsTheRest_Rfc6762_7_2()
    {
        for (int seed = 0; seed < 50; seed++)
        {
            (VirtualLan lan, LanNode node) = Published(seed);
            TimeSpan asked = lan.Now;
            lan.Ask(Other, [Browse()], flags: DnsFlags.Truncated);

            Assert.InRange(Assert.Single(lan.Answers(node)).At - asked, TimeSpan.FromMilliseconds(400), TimeSpan.FromMilliseconds(500));
        }

        (VirtualLan second, LanNode silent) = Published();
        second.Ask(Other, [Browse()], flags: DnsFlags.Truncated);
        second.Run(TimeSpan.FromMilliseconds(100));
        second.Ask(Other, [], known: [Pointer()]);

        Assert.Empty(second.Answers(silent));
    }

    [Fact]
    public void Answer_StillMoreKnownAnswersToCome_WaitsAnew_Rfc6762_7_2()
    {
        (VirtualLan lan, LanNode node) = Published();
        TimeSpan asked = lan.Now;
        lan.Ask(Other, [Browse()], flags: DnsFlags.Truncated);
        lan.Run(TimeSpan.FromMilliseconds(300));
        lan.Ask(Other, [], known: [new DnsRecord(ServiceType, 4500, new PointerData(DnsName.FromLabels("Other", "_ipp", "_tcp", "local")))], flags: DnsFlags.Truncated);

        Assert.InRange(Assert.Single(lan.Answers(node)).At - asked, TimeSpan.FromMilliseconds(700), TimeSpan.FromMilliseconds(800));
    }

    [Fact]
    public void Answer_TheQuestionRepeatedWithMoreToCome_WaitsTwoSecondsAtMost_Rfc6762_7_2()
    {
        (VirtualLan lan, LanNode node) = Published();
        TimeSpan asked = lan.Now;
        int before = lan.Sent.Count;
        for (int i = 0; i < 20; i++)
        {
            lan.Ask(Other, [Browse()], flags: DnsFlags.Truncated);
            lan.Run(TimeSpan.FromMilliseconds(300));
        }

        Assert.InRange(lan.Sent.Skip(before).First(p => p.Sender == node && !p.Link.IPv6).At - asked, TimeSpan.FromSeconds(1.9), TimeSpan.FromSeconds(2.1));
    }

    [Fact]
    public void Answer_KnownToOneOfTwoAskers_IsStillGiven_Rfc6762_7_2()
    {
        (VirtualLan lan, LanNode node) = Published();
        lan.Ask(Other, [Browse()], flags: DnsFlags.Truncated);
        lan.Ask("10.0.0.98", [Browse()]);
        lan.Ask(Other, [], known: [Pointer()]);

        Assert.Single(lan.Answers(node));
    }

    [Fact]
    public void Answer_SaidBySomebodyElseMeanwhile_IsNotSaidAgain_Rfc6762_7_4()
    {
        (VirtualLan lan, LanNode node) = Published();
        lan.Ask(Other, [new DnsQuestion(Meta, DnsType.Ptr)]);
        lan.Run(TimeSpan.FromMilliseconds(10));
        lan.Say("10.0.0.98", [new DnsRecord(Meta, 4500, new PointerData(ServiceType))]);

        Assert.Empty(lan.Answers(node));
    }

    [Fact]
    public void Answer_SaidWithShorterLifetime_IsSaid_Rfc6762_7_4()
    {
        (VirtualLan lan, LanNode node) = Published();
        lan.Ask(Other, [new DnsQuestion(Meta, DnsType.Ptr)]);
        lan.Run(TimeSpan.FromMilliseconds(10));
        lan.Say("10.0.0.98", [new DnsRecord(Meta, 4499, new PointerData(ServiceType))]);

        Assert.Single(lan.Answers(node));
    }

    [Fact]
    public void Answer_SaidLessThanASecondAgo_WaitsForTheSecond_Rfc6762_6()
    {
        (VirtualLan lan, LanNode node) = Published();
        lan.Ask(Other, [Browse()]);
        LanPacket first = Assert.Single(lan.Answers(node, seconds: 0.3));
        lan.Ask("10.0.0.98", [Browse()]);

        LanPacket second = Assert.Single(lan.Answers(node));
        Assert.Equal(first.At + TimeSpan.FromSeconds(1), second.At);
        Assert.Equal(4, second.Message.Additionals.Length);
    }

    [Fact]
    public void Answer_HostSaidLessThanASecondAgo_ThePointerWaitsAndComesWithAll_Rfc6762_6()
    {
        (VirtualLan lan, LanNode node) = Published();
        lan.Ask(Other, [new DnsQuestion(Host, DnsType.A)]);
        TimeSpan first = Assert.Single(lan.Answers(node, seconds: 0.3)).At;
        lan.Ask(Other, [Browse()]);

        LanPacket second = Assert.Single(lan.Answers(node));
        Assert.Equal(first + TimeSpan.FromSeconds(1), second.At);
        Assert.Equal(4, second.Message.Additionals.Length);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Answer_WhatGoesAlongIsSaidAllTheTime_ThePointerComesWithinASecondAndWithTheRest_Rfc6762_6(bool isProbe)
    {
        (VirtualLan lan, LanNode node) = Published();
        DnsRecord[] theirs = isProbe ? [new DnsRecord(PrinterName, 120, new ServiceData(0, 0, 9, Host))] : [];
        int before = 0;
        for (int i = 0; i < 60; i++)
        {
            // SRV and TXT every 250 ms where they are probed for; else SRV and A by turns.
            lan.Ask("10.0.0.98", [i % 2 == 0 || isProbe ? new DnsQuestion(PrinterName, DnsType.Any) : new DnsQuestion(Host, DnsType.A)], authorities: theirs);
            if (i == 20)
            {
                before = lan.Sent.Count;
                lan.Ask(Other, [Browse()]);
            }

            lan.Run(TimeSpan.FromMilliseconds(isProbe ? 125 : 510));
        }

        LanPacket[] sent = [.. lan.Sent.Skip(before).Where(p => p.Sender == node && !p.Link.IPv6)];
        LanPacket answer = sent.First(p => p.Message.Answers.Any(r => r.Type == DnsType.Ptr));
        LanPacket[] upTo = [.. sent.TakeWhile(p => p.At <= answer.At)];
        Assert.InRange(answer.At - sent[0].At, TimeSpan.Zero, TimeSpan.FromSeconds(1.2));
        Assert.Equal([DnsType.A, DnsType.Ptr, DnsType.Txt, DnsType.Aaaa, DnsType.Srv], upTo.SelectMany(p => p.Message.Answers.Concat(p.Message.Additionals)).Select(r => r.Type).Distinct().Order());
    }

    [Fact]
    public void Answer_ToAQuestionWithAForeignAuthority_IsNoDefence_Rfc6762_6()
    {
        (VirtualLan lan, LanNode node) = Published();
        int before = lan.Sent.Count;
        for (int i = 0; i < 100; i++)
        {
            lan.Ask(Other, [new DnsQuestion(Host, DnsType.A), Browse()], authorities: [new DnsRecord(DnsName.Parse("other.local"), 120, new AddressData(IPAddress.Parse("10.0.0.5"))), Pointer()]);
            lan.Run(TimeSpan.FromMilliseconds(50));
        }

        // Neither is a probe for what is ours alone: once a second each, and not at once.
        LanPacket[] sent = [.. lan.Sent.Skip(before).Where(p => p.Sender == node && !p.Link.IPv6)];
        Assert.InRange(sent.Sum(p => p.Message.Answers.Count(r => r.Type == DnsType.A)), 3, 6);
        Assert.InRange(sent.Sum(p => p.Message.Answers.Count(r => r.Type == DnsType.Ptr)), 3, 6);
    }

    [Fact]
    public void Answer_QuestionsOfAHundredAskers_AreOnePacketASecond_Rfc6762_6_4()
    {
        (VirtualLan lan, LanNode node) = Published();
        int before = lan.Sent.Count;
        for (int i = 0; i < 100; i++)
        {
            lan.Ask($"10.0.0.{100 + i}", [Browse()]);
            lan.Run(TimeSpan.FromMilliseconds(30));
        }

        lan.Run(TimeSpan.FromSeconds(2));
        LanPacket[] answers = [.. lan.Sent.Skip(before).Where(p => p.Sender == node && !p.Link.IPv6)];
        Assert.InRange(answers.Length, 3, 4);
        Assert.All(answers.Zip(answers.Skip(1)), pair => Assert.True(pair.Second.At - pair.First.At >= TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public void Answer_UnicastWishedAndToldToAllOfLate_GoesToTheAskerAlone_Rfc6762_5_4()
    {
        (VirtualLan lan, LanNode node) = Published();
        TimeSpan asked = lan.Now;
        lan.Ask(Other, [Browse(unicast: true)]);

        LanPacket answer = Assert.Single(lan.Answers(node));
        Assert.Equal(new IPEndPoint(IPAddress.Parse(Other), 5353), answer.To);
        Assert.InRange(answer.At - asked, TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(120));
        Assert.Equal(4, answer.Message.Additionals.Length);
    }

    [Fact]
    public void Answer_UnicastWishedButNotToldToAllForAQuarterOfItsLife_GoesToAll_Rfc6762_5_4()
    {
        (VirtualLan lan, LanNode node) = Published();
        lan.Run(TimeSpan.FromSeconds(15));

        // SRV lives 120 s and was said 40 s ago; PTR lives 4500 s.
        lan.Ask(Other, [new DnsQuestion(PrinterName, DnsType.Srv, UnicastResponse: true)]);
        Assert.Null(Assert.Single(lan.Answers(node)).To);
        lan.Ask(Other, [Browse(unicast: true)]);
        Assert.NotNull(Assert.Single(lan.Answers(node)).To);
    }

    [Fact]
    public void Answer_UnicastWished_IsNotHeldByTheSecond_Rfc6762_6()
    {
        (VirtualLan lan, LanNode node) = Published();
        lan.Ask("10.0.0.98", [Browse()]);
        lan.Run(TimeSpan.FromMilliseconds(200));
        TimeSpan asked = lan.Now;
        lan.Ask(Other, [Browse(unicast: true)]);

        Assert.InRange(Assert.Single(lan.Answers(node)).At - asked, TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(120));
    }

    [Fact]
    public void Answer_UnicastWishedByAnotherProgramOfThisHost_GoesToAll_Rfc6762_15_1()
    {
        (VirtualLan lan, LanNode node) = Published();
        lan.Ask("10.0.0.1", [Browse(unicast: true)]);

        Assert.Null(Assert.Single(lan.Answers(node)).To);
    }

    [Theory]
    [InlineData("10.0.0.99", 1)]
    [InlineData("192.168.7.7", 0)]
    [InlineData("10.0.0.255", 0)]
    public void Answer_QuestionToThisHostAlone_OnlyFromTheLink_Rfc6762_5_5_11(string from, int answers)
    {
        (VirtualLan lan, LanNode node) = Published();
        lan.Ask(from, [Browse()], to: "10.0.0.1");

        Assert.Equal(answers, lan.Answers(node).Count(p => p.To is not null));
    }

    [Fact]
    public void Answer_Legacy_RepeatsIdAndQuestionWithShortLifetimesAndNoCacheFlush_Rfc6762_6_7()
    {
        (VirtualLan lan, LanNode node) = Published();
        lan.Ask(Other, [new DnsQuestion(PrinterName, DnsType.Srv)], id: 4711, port: 40000);

        LanPacket answer = Assert.Single(lan.Answers(node));
        Assert.Equal(new IPEndPoint(IPAddress.Parse(Other), 40000), answer.To);
        Assert.Equal(4711, answer.Message.Id);
        Assert.True(answer.Message.IsAuthoritative);
        Assert.Equal([new DnsQuestion(PrinterName, DnsType.Srv)], answer.Message.Questions);
        Assert.Equal(["Kitchen printer._ipp._tcp.local Srv"], answer.Message.Answers.Shown());
        Assert.All(answer.Message.Answers.Concat(answer.Message.Additionals), r => Assert.True(r.Ttl <= 10 && !r.CacheFlush));
    }

    [Fact]
    public void Answer_LegacyFromOutside_IsSilence_Rfc6762_11()
    {
        (VirtualLan lan, LanNode node) = Published();
        lan.Ask("192.168.7.7", [Browse()], port: 40000);

        Assert.Empty(lan.Answers(node));
    }

    [Fact]
    public void Answer_OpcodeOrResponseCode_IsSilence_Rfc6762_18_3_18_11()
    {
        (VirtualLan lan, LanNode node) = Published();
        lan.Ask(Other, [Browse()], flags: (DnsFlags)0x0800);
        lan.Ask(Other, [Browse()], flags: (DnsFlags)0x0003);

        Assert.Empty(lan.Answers(node));
    }

    [Fact]
    public void Answer_ManyRecords_IsSeveralPacketsEachWithAllThatGoesAlong_Rfc6762_17()
    {
        VirtualLan lan = new();
        LanNode node = lan.Add(1);
        for (int i = 0; i < 40; i++)
            node.Publish(new ServiceProfile($"Service {i}", "_ipp._tcp", 1000 + i) { HostName = "printer", Txt = TxtRecord.Create(("text", new string('x', 100))) });
        lan.Run(TimeSpan.FromSeconds(25));
        lan.Ask(Other, [Browse()]);

        LanPacket[] answers = lan.Answers(node);
        Assert.Equal(40, answers.Sum(a => a.Message.Answers.Length));
        foreach (LanPacket answer in answers)
        {
            Assert.InRange(answer.Bytes.Length, 12, 1440);
            Assert.Equal(answer.Message.Answers.Select(r => ((PointerData)r.Data).Target), answer.Message.Additionals.Where(r => r.Type == DnsType.Srv).Select(r => r.Name));
            Assert.Contains(answer.Message.Additionals, r => r.Type == DnsType.Aaaa);
        }
    }
}
