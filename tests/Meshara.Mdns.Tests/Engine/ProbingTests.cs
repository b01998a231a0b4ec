using Meshara.Mdns.Engine;
using Meshara.Mdns.Tests.Support;
using Meshara.Mdns.Wire;
using Xunit;
using static Meshara.Mdns.Tests.Support.Printers;

namespace Meshara.Mdns.Tests.Engine;

/// <summary>RFC 6762 sections 8.1 to 8.3: proving names and announcing them, on a virtual clock.</summary>
public sealed class ProbingTests
{
    [Fact]
    public void Probe_NewNames_ThreeTimes250MsApartAfterAtMost250Ms_Rfc6762_8_1()
    {
        for (int seed = 0; seed < 50; seed++)
        {
            VirtualLan lan = new(seed);
            LanNode node = lan.Add(1);
            node.Publish(Kitchen);
            lan.Run(TimeSpan.FromSeconds(10));

            LanPacket[] probes = [.. node.SentIPv4.Where(IsProbe)];
            Assert.Equal(3, probes.Length);
            Assert.InRange(probes[0].At, TimeSpan.Zero, TimeSpan.FromMilliseconds(250));
            Assert.Equal(probes[0].At + TimeSpan.FromMilliseconds(250), probes[1].At);
            Assert.Equal(probes[1].At + TimeSpan.FromMilliseconds(250), probes[2].At);
        }
    }

    [Fact]
    public void Probe_FirstDelay_IsSpreadOver250Ms_Rfc6762_8_1()
    {
        double[] delays = [.. Enumerable.Range(0, 200).Select(FirstProbe)];

        Assert.InRange(delays.Min(), 0, 30);
        Assert.InRange(delays.Max(), 220, 250);
        Assert.InRange(delays.Average(), 100, 150);

        static double FirstProbe(int seed)
        {
            VirtualLan lan = new(seed);
            lan.Add(1).Publish(Kitchen);
            lan.Run(TimeSpan.FromSeconds(1));
            return lan.Nodes[0].SentIPv4.First(IsProbe).At.TotalMilliseconds;
        }
    }

    [Fact]
    public void Probe_SeveralNames_ShareOnePacketOfTypeAnyWithProposedRecords_Rfc6762_8_1()
    {
        VirtualLan lan = new();
        LanNode node = lan.Add(1);
        node.Publish(Kitchen);
        lan.Run(TimeSpan.FromSeconds(1));

        DnsMessage probe = node.SentIPv4.First(IsProbe).Message;
        Assert.Equal([PrinterName, Host], probe.Questions.Select(q => q.Name));
        Assert.All(probe.Questions, q => Assert.Equal(DnsType.Any, q.Type));
        Assert.Equal([DnsType.A, DnsType.Txt, DnsType.Aaaa, DnsType.Srv], probe.Authorities.Select(r => r.Type).Order().ToArray());

        // Section 8.1 and 10.2: not before the name is proven.
        Assert.All(probe.Authorities, r => Assert.False(r.CacheFlush));
        Assert.Empty(probe.Answers);
    }

    [Fact]
    public void Probe_PortOfOurOwn_AsksForUnicastTwiceAndTheThirdTimeNot_Rfc6762_8_1()
    {
        VirtualLan lan = new();
        LanNode node = lan.Add(1);
        node.Publish(Kitchen);
        lan.Run(TimeSpan.FromSeconds(1));

        Assert.Equal([true, true, false], node.SentIPv4.Where(IsProbe).Select(p => p.Message.Questions[0].UnicastResponse));
    }

    [Fact]
    public void Probe_PortShared_NeverAsksForUnicast_Rfc6762_15_1()
    {
        VirtualLan lan = new();
        LanNode node = lan.Add(1);
        node.Attach(node.Faces[0].Face with { IPv4PortShared = true }, 0);
        node.Publish(Kitchen);
        lan.Run(TimeSpan.FromSeconds(1));

        Assert.Equal([false, false, false], node.SentIPv4.Where(IsProbe).Select(p => p.Message.Questions[0].UnicastResponse));
    }

    [Fact]
    public void Probe_WhileProbing_NothingIsAnswered_Rfc6762_8_1()
    {
        VirtualLan lan = new();
        LanNode node = lan.Add(1);
        node.Publish(Kitchen);
        lan.Run(TimeSpan.FromMilliseconds(600));
        lan.Ask(Other, [Browse(), new DnsQuestion(PrinterName, DnsType.Srv)]);
        lan.Run(TimeSpan.FromMilliseconds(140));

        Assert.DoesNotContain(node.Sent, p => p.Message.IsResponse);
    }

    [Fact]
    public void Announce_Proven_250MsAfterTheThirdProbeThenAfter1And2S_Rfc6762_8_3()
    {
        VirtualLan lan = new();
        LanNode node = lan.Add(1);
        PublicationId id = node.Publish(Kitchen);
        lan.Run(TimeSpan.FromSeconds(30));

        LanPacket[] announcements = [.. node.SentIPv4.Where(p => p.Message.IsResponse)];
        TimeSpan proven = node.SentIPv4.Last(IsProbe).At + TimeSpan.FromMilliseconds(250);
        Assert.Equal([proven, proven + TimeSpan.FromSeconds(1), proven + TimeSpan.FromSeconds(3)], announcements.Select(a => a.At));
        Assert.InRange(proven, TimeSpan.Zero, TimeSpan.FromSeconds(1));
        Assert.Equal("Kitchen printer", node.PublishedName(id));
        Assert.Single(node.News);
    }

    [Fact]
    public void Announce_Proven_HoldsEverythingWithCacheFlushOnWhatIsOursAlone_Rfc6762_8_3_10_2()
    {
        VirtualLan lan = new();
        LanNode node = lan.Add(1);
        node.Publish(Kitchen with { Subtypes = ["_color"] });
        lan.Run(TimeSpan.FromSeconds(2));

        DnsMessage message = node.SentIPv4.First(p => p.Message.IsResponse).Message;
        Assert.True(message.IsAuthoritative);
        Assert.Empty(message.Questions);
        Assert.Equal(
            [
                "_ipp._tcp.local 4500 Ptr", "_color._sub._ipp._tcp.local 4500 Ptr", "_services._dns-sd._udp.local 4500 Ptr",
                "Kitchen printer._ipp._tcp.local 120 flush Srv", "Kitchen printer._ipp._tcp.local 4500 flush Txt", "printer.local 120 flush A", "printer.local 120 flush Aaaa",
            ],
            message.Answers.Select(r => $"{r.Name} {r.Ttl} {(r.CacheFlush ? "flush " : "")}{r.Type}"));
    }

    [Fact]
    public void Announce_EachLink_TellsTheAddressesOfItsOwnInterfaceOnly_Rfc6762_6_2()
    {
        VirtualLan lan = new();
        LanNode node = lan.Add(1);
        node.Attach(VirtualLan.Face(40, 7, network: 3), 3);
        node.Publish(Kitchen);
        lan.Run(TimeSpan.FromSeconds(2));

        Assert.All(
            lan.Sent.Where(p => p.Message.IsResponse && p.Link.InterfaceIndex == 40).SelectMany(p => p.Message.Answers).Select(r => r.Data).OfType<AddressData>(),
            d => Assert.Contains(d.Address.ToString(), new[] { "10.0.3.7", "fe80::3:7" }));
        Assert.Contains(lan.Sent, p => p.Link == new LinkKey(40, true) && p.Message.Answers.Any(r => r.Type == DnsType.A));
    }

    [Fact]
    public void Probe_NameTaken_ChoosesTheNextAndProbesThat_Rfc6762_8_1_9()
    {
        VirtualLan lan = new();
        LanNode first = lan.Add(1);
        first.Publish(Kitchen);
        lan.Run(TimeSpan.FromSeconds(5));
        LanNode second = lan.Add(2);
        PublicationId id = second.Publish(Kitchen with { HostName = "other" });
        lan.Run(TimeSpan.FromSeconds(5));

        Assert.Equal("Kitchen printer (2)", second.PublishedName(id));
        Assert.Equal(new ServiceRenamed("Kitchen printer", "Kitchen printer (2)"), Assert.Single(second.News.Select(n => n.Action).OfType<EngineAction.Renamed>()).Names);
        Assert.Single(first.News);
    }

    [Fact]
    public void Probe_HostTaken_OnlyTheHostTakesAnotherName_Rfc6762_9()
    {
        VirtualLan lan = new();
        lan.Add(1).Publish(Kitchen);
        lan.Run(TimeSpan.FromSeconds(5));
        LanNode second = lan.Add(2);
        second.Publish(new ServiceProfile("Other printer", "_ipp._tcp", 631) { HostName = "printer" });
        lan.Run(TimeSpan.FromSeconds(5));

        Assert.Equal(new ServicePublished("Other printer", "printer-2.local"), Assert.Single(second.News.Select(n => n.Action).OfType<EngineAction.Published>()).Names);
        Assert.Contains(second.SentIPv4, p => p.Message.Answers.Any(r => r.Data is ServiceData service && service.Target.Equals(DnsName.Parse("printer-2.local"))));
    }

    [Fact]
    public void Publish_TwoOfOneName_InOneProgram_GetTwoNames()
    {
        VirtualLan lan = new();
        LanNode node = lan.Add(1);
        PublicationId first = node.Publish(Kitchen);
        PublicationId second = node.Publish(Kitchen with { Port = 632 });
        lan.Run(TimeSpan.FromSeconds(2));

        Assert.Equal("Kitchen printer", node.PublishedName(first));
        Assert.Equal("Kitchen printer (2)", node.PublishedName(second));
    }

    [Fact]
    public void Publish_LongNameTaken_IsCutBetweenCharacters()
    {
        string name = string.Concat(Enumerable.Repeat("é", 31)) + "x";
        VirtualLan lan = new();
        lan.Add(1).Publish(Kitchen with { InstanceName = name });
        lan.Run(TimeSpan.FromSeconds(2));
        LanNode second = lan.Add(2);
        PublicationId id = second.Publish(Kitchen with { InstanceName = name, HostName = "other" });
        lan.Run(TimeSpan.FromSeconds(4));

        Assert.Equal(string.Concat(Enumerable.Repeat("é", 29)) + " (2)", second.PublishedName(id));
    }

    [Fact]
    public void Publish_ManyServices_EveryPacketHas1440BytesAtMost_Rfc6762_17()
    {
        VirtualLan lan = new();
        LanNode node = lan.Add(1);
        PublicationId[] ids = [.. Enumerable.Range(0, 60).Select(i => node.Publish(new ServiceProfile($"Service number {i}", "_x._tcp", 1 + i) { Txt = TxtRecord.Create(("text", new string('x', 200))) }))];
        node.Publish(new ServiceProfile("Big", "_x._tcp", 1) { Txt = TxtRecord.Create([.. Enumerable.Range(0, 5).Select(i => ($"k{i}", (string?)new string('y', 250)))]) });
        lan.Run(TimeSpan.FromSeconds(20));

        Assert.All(lan.Sent, p => Assert.InRange(p.Bytes.Length, 12, 1440));
        Assert.All(ids, id => Assert.NotNull(node.PublishedName(id)));
        Assert.Equal(61, node.SentIPv4.Where(p => p.Message.IsResponse).SelectMany(p => p.Message.Answers).Where(r => r.Type == DnsType.Srv).Select(r => r.Name).Distinct().Count());
    }

    private static bool IsProbe(LanPacket packet) => !packet.Message.IsResponse && packet.Message.Authorities.Length > 0;
}
