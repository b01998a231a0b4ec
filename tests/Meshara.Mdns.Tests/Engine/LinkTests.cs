using System.Net;
using Meshara.Mdns.Engine;
using Meshara.Mdns.Tests.Support;
using Meshara.Mdns.Wire;
using Xunit;
using static Meshara.Mdns.Tests.Support.Printers;

namespace Meshara.Mdns.Tests.Engine;

/// <summary>RFC 6762 sections 8, 8.4, 10.1 and 14: links that come, go and change, our own echoes, updates and goodbyes.</summary>
public sealed class LinkTests
{
    [Fact]
    public void Link_Appears_IsProbedAndAnnouncedThereAlone_Rfc6762_8()
    {
        (VirtualLan lan, LanNode node) = Published();
        int before = lan.Sent.Count;
        node.Attach(VirtualLan.Face(30, 7, network: 3), 3);
        lan.Run(TimeSpan.FromSeconds(10));

        LanPacket[] sent = [.. lan.Sent.Skip(before)];
        Assert.All(sent, p => Assert.Equal(30, p.Link.InterfaceIndex));
        Assert.Equal(3, sent.Count(p => p.Link == new LinkKey(30, false) && p.Message.Authorities.Length > 0));
        Assert.Equal(3, sent.Count(p => p.Link == new LinkKey(30, true) && p.Message.IsResponse));
        Assert.Single(node.News);
    }

    [Fact]
    public void Link_Vanishes_NothingIsSentThereAndTheOthersGoOn()
    {
        (VirtualLan lan, LanNode node) = Published();
        node.Attach(VirtualLan.Face(30, 7, network: 3), 3);
        lan.Run(TimeSpan.FromMilliseconds(300));
        node.Detach(30);
        int before = lan.Sent.Count;
        lan.Run(TimeSpan.FromSeconds(5));
        Assert.Empty(lan.Sent.Skip(before));

        lan.Ask(Other, [Browse()]);
        Assert.Single(lan.Answers(node));
    }

    [Fact]
    public void Link_AddressAdded_IsAnnouncedWithoutProbing_Rfc6762_8_4()
    {
        (VirtualLan lan, LanNode node) = Published();
        EngineInterface face = node.Faces[0].Face;
        node.Attach(face with { Addresses = [.. face.Addresses, IPAddress.Parse("10.0.0.201")] }, 0);
        LanPacket[] sent = lan.Answers(node, seconds: 10);

        Assert.Equal(3, sent.Length);
        Assert.All(sent, p => Assert.Equal(2, p.Message.Answers.Count(r => r is { Type: DnsType.A, CacheFlush: true, Ttl: 120 })));
    }

    [Fact]
    public void Link_AllAddressesNew_IsProbedAnew_Rfc6762_8()
    {
        (VirtualLan lan, LanNode node) = Published();
        node.Attach(VirtualLan.Face(node.Faces[0].Face.Index, 77), 0);
        LanPacket[] sent = lan.Answers(node, seconds: 10);

        Assert.Equal(3, sent.Count(p => p.Message.Authorities.Length > 0));
        Assert.Contains(sent, p => p.Message.IsResponse && p.Message.Answers.Any(r => r.Data is AddressData a && a.Address.Equals(IPAddress.Parse("10.0.0.77"))));
        Assert.Single(node.News);
    }

    [Fact]
    public void Link_FamilyLost_SaysGoodbyeForItsAddresses_Rfc6762_10_1()
    {
        (VirtualLan lan, LanNode node) = Published();
        EngineInterface face = node.Faces[0].Face;
        node.Attach(face with { Addresses = [face.Addresses[0]], IPv6 = false }, 0);

        DnsRecord gone = Assert.Single(lan.Answers(node).SelectMany(p => p.Message.Answers), r => r.Ttl == 0);
        Assert.Equal(DnsType.Aaaa, gone.Type);
    }

    [Fact]
    public void Wake_EverythingIsProbedAndAnnouncedAnew_Rfc6762_8()
    {
        (VirtualLan lan, LanNode node) = Published();
        node.Engine.Wake(lan.Now);
        LanPacket[] sent = lan.Answers(node, seconds: 10);

        Assert.Equal(3, sent.Count(p => p.Message.Authorities.Length > 0));
        Assert.Equal(3, sent.Count(p => p.Message.IsResponse));
        Assert.Single(node.News);
    }

    [Fact]
    public void Wake_NameTakenMeanwhile_IsChanged_Rfc6762_9()
    {
        (VirtualLan lan, LanNode node) = Published();
        node.IsUnplugged = true;
        LanNode second = lan.Add(2);
        second.Publish(Kitchen with { HostName = "second" });
        lan.Run(TimeSpan.FromSeconds(20));
        node.IsUnplugged = false;
        node.Engine.Wake(lan.Now);
        lan.Run(TimeSpan.FromSeconds(5));

        Assert.Equal("Kitchen printer (2)", node.PublishedName(new PublicationId(1)));
        Assert.Single(second.News);
    }

    [Fact]
    public void SendFailed_NoProbeIsSpent_AllOfThemGoWhenTheLinkIsUp_Rfc6762_8_1()
    {
        VirtualLan lan = new();
        LanNode node = lan.Add(1, ipv6: false);
        PublicationId id = node.Publish(Kitchen);
        lan.RunUntil(() => node.Sent.Any(), TimeSpan.FromSeconds(1));
        node.Engine.SendFailed(node.IPv4, lan.Now);
        int before = lan.Sent.Count;
        lan.Run(TimeSpan.FromSeconds(20));
        Assert.Equal(before, lan.Sent.Count);
        Assert.Null(node.PublishedName(id));

        node.Engine.LinkUp(node.IPv4, lan.Now);
        lan.Run(TimeSpan.FromSeconds(10));
        Assert.Equal(3, lan.Sent.Skip(before).Count(p => p.Message.Authorities.Length > 0));
        Assert.Equal("Kitchen printer", node.PublishedName(id));
    }

    [Fact]
    public void SendFailed_OneLink_TheOtherGoesOn()
    {
        (VirtualLan lan, LanNode node) = Published();
        node.Engine.SendFailed(node.IPv4 with { IPv6 = true }, lan.Now);
        lan.Ask("fe80::99", [Browse()]);
        lan.Ask(Other, [Browse()]);

        Assert.Single(lan.Answers(node));
    }

    [Fact]
    public void Echo_TwoInterfacesOnOneNetwork_NoConflictWithOurselves_Rfc6762_14()
    {
        for (int seed = 0; seed < 100; seed++)
        {
            VirtualLan lan = new(seed) { MostDelay = TimeSpan.FromMilliseconds(300) };
            LanNode node = lan.Add(1);
            node.Attach(VirtualLan.Face(30, 7), 0);
            PublicationId id = node.Publish(Kitchen);
            lan.Run(TimeSpan.FromSeconds(2));

            // While an address changes, what was said of the old one still comes back.
            node.Attach(VirtualLan.Face(30, 8), 0);
            lan.Run(TimeSpan.FromMilliseconds(100));
            node.Engine.Update(id, Kitchen with { Txt = TxtRecord.Create(("rp", "new")) }, lan.Now);
            lan.Run(TimeSpan.FromSeconds(5));

            Assert.Equal("Kitchen printer", node.PublishedName(id));
            Assert.Single(node.News);
        }
    }

    [Fact]
    public void Echo_ReflectedByAnotherMachine_IsNoConflict_Rfc6762_9()
    {
        VirtualLan lan = new();
        LanNode node = lan.Add(1);
        node.Attach(VirtualLan.Face(30, 7, network: 3), 3);
        PublicationId id = node.Publish(Kitchen);
        int reflected = 0;
        for (int i = 0; i < 1000; i++)
        {
            for (; reflected < lan.Sent.Count; reflected++)
            {
                // A reflector between the two networks says it with an address of its own.
                LanPacket packet = lan.Sent[reflected];
                lan.Inject(new IPEndPoint(IPAddress.Parse(packet.Link.IPv6 ? "fe80::fe" : $"10.0.{3 - packet.Network}.254"), 5353), packet.Bytes, network: 3 - packet.Network);
            }

            lan.Run(TimeSpan.FromMilliseconds(5));
        }

        Assert.Equal("Kitchen printer", node.PublishedName(id));
        Assert.Single(node.News);
        Assert.Equal(3, node.Sent.Count(p => p.Message.Authorities.Length > 0 && p.Link == node.IPv4));
    }

    [Fact]
    public void Echo_OwnPackets_AreCountedAndAnotherProgramOfThisHostIsHeard()
    {
        (VirtualLan lan, LanNode node) = Published();
        Assert.Equal(node.SentIPv4.Count(), node.Engine.LoopbackHeard(node.IPv4));

        // A second engine with the same address: its packets are not ours.
        lan.Ask("10.0.0.1", [Browse()]);
        Assert.Single(lan.Answers(node));
    }

    [Fact]
    public void Echo_SameBytesOfAnotherProgramOfThisHost_AreHeard()
    {
        // Two programs on one host ask the same at once: each hears its own packet once, and the other's.
        Outbox outbox = new();
        LinkState link = new(new LinkKey(2, false), VirtualLan.Face(2, 1), new EngineConfig());
        IPEndPoint own = new(IPAddress.Parse("10.0.0.1"), 5353);
        ReadOnlyMemory<byte> packet = VirtualLan.Packet([Browse()], [], [], DnsFlags.None, 0);
        outbox.Send(link, null, packet, TimeSpan.Zero);

        Assert.True(outbox.IsEcho(link, own, packet.Span, isOwnAddress: true, TimeSpan.FromMilliseconds(1)));
        Assert.False(outbox.IsEcho(link, own, packet.Span, isOwnAddress: true, TimeSpan.FromMilliseconds(2)));
    }

    [Fact]
    public void Update_Txt_IsAnnouncedAtOnceWithCacheFlushAndNoGoodbye_Rfc6762_8_4()
    {
        (VirtualLan lan, LanNode node) = Published();
        TimeSpan at = lan.Now;
        node.Engine.Update(new PublicationId(1), Kitchen with { Port = 700, Txt = TxtRecord.Create(("rp", "new")) }, lan.Now);
        LanPacket[] sent = lan.Answers(node, seconds: 10);

        Assert.Equal([at, at + TimeSpan.FromSeconds(1), at + TimeSpan.FromSeconds(3)], sent.Select(p => p.At));
        Assert.All(sent, p => Assert.Contains(p.Message.Answers, r => r.Data is TextData t && t.ToTxtRecord()["rp"] == "new" && r.CacheFlush));
        Assert.All(sent, p => Assert.Contains(p.Message.Answers, r => r.Data is ServiceData { Port: 700 } && r.CacheFlush));
        Assert.DoesNotContain(sent.SelectMany(p => p.Message.Answers), r => r.Ttl == 0);
    }

    [Fact]
    public void Update_InAHurry_IsAnnouncedTenTimesAMinute_Rfc6762_8_4()
    {
        (VirtualLan lan, LanNode node) = Published();
        int before = lan.Sent.Count;
        for (int i = 0; i < 1000; i++)
        {
            node.Engine.Update(new PublicationId(1), Kitchen with { Txt = TxtRecord.Create(("n", $"{i}")) }, lan.Now);
            lan.Run(TimeSpan.FromMilliseconds(50));
        }

        Assert.InRange(lan.Sent.Skip(before).Count(p => p.Sender == node && !p.Link.IPv6), 10, 12);
        lan.Run(TimeSpan.FromSeconds(30));
        Assert.Contains(lan.Sent[^1].Message.Answers, r => r.Data is TextData t && t.ToTxtRecord()["n"] == "999");
    }

    [Fact]
    public void Update_SubtypeTakenAway_SaysGoodbyeForIt_Rfc6762_10_1()
    {
        (VirtualLan lan, LanNode node) = Published(profile: Kitchen with { Subtypes = ["_color"] });
        node.Engine.Update(new PublicationId(1), Kitchen, lan.Now);

        Assert.Equal(["_color._sub._ipp._tcp.local Ptr"], lan.Answers(node).SelectMany(p => p.Message.Answers).Where(r => r.Ttl == 0).Shown());
    }

    [Fact]
    public void Unpublish_SaysGoodbyeForAllButTheListOfTypes_Rfc6762_10_1()
    {
        (VirtualLan lan, LanNode node) = Published();
        TimeSpan at = lan.Now;
        node.Engine.Unpublish(new PublicationId(1), lan.Now);

        LanPacket goodbye = Assert.Single(lan.Answers(node));
        Assert.Equal(at, goodbye.At);
        Assert.All(goodbye.Message.Answers, r => Assert.Equal(0u, r.Ttl));
        Assert.Equal(
            ["_ipp._tcp.local Ptr", "Kitchen printer._ipp._tcp.local Srv", "Kitchen printer._ipp._tcp.local Txt", "printer.local A", "printer.local Aaaa"],
            goodbye.Message.Answers.Shown().OrderBy(s => s.Contains("printer.local", StringComparison.Ordinal)).ThenBy(s => !s.Contains("Ptr", StringComparison.Ordinal)));
    }

    [Fact]
    public void Unpublish_WhileAnswersAndAnnouncementsWait_NothingComesAfterTheGoodbye_Rfc6762_10_1()
    {
        VirtualLan lan = new();
        LanNode node = lan.Add(1);
        PublicationId id = node.Publish(Kitchen);
        lan.RunUntil(() => node.PublishedName(id) is not null, TimeSpan.FromSeconds(2));
        lan.Ask(Other, [Browse()], flags: DnsFlags.Truncated);
        lan.Ask("10.0.0.98", [Browse(unicast: true)]);
        lan.Run(TimeSpan.FromMilliseconds(10));
        node.Engine.Unpublish(id, lan.Now);

        Assert.All(lan.Answers(node, seconds: 10).SelectMany(p => p.Message.Answers), r => Assert.Equal(0u, r.Ttl));
    }

    [Fact]
    public void Unpublish_OneOfTwoServices_TheHostStays_Rfc6762_10_1()
    {
        (VirtualLan lan, LanNode node) = Published();
        PublicationId second = node.Publish(new ServiceProfile("Second", "_ipp._tcp", 632) { HostName = "printer" });
        lan.Run(TimeSpan.FromSeconds(20));
        node.Engine.Unpublish(second, lan.Now);

        Assert.DoesNotContain(lan.Answers(node).SelectMany(p => p.Message.Answers), r => r.Name.Equals(Host));
    }

    [Fact]
    public void Unpublish_NeverAnnounced_SaysNothing()
    {
        VirtualLan lan = new();
        LanNode node = lan.Add(1);
        PublicationId id = node.Publish(Kitchen);
        lan.Run(TimeSpan.FromMilliseconds(300));
        node.Engine.Unpublish(id, lan.Now);
        int before = lan.Sent.Count;
        lan.Run(TimeSpan.FromSeconds(5));

        Assert.Equal(before, lan.Sent.Count);
        Assert.Null(node.Engine.NextDeadline);
    }

    [Fact]
    public void Shutdown_SaysGoodbyeForEverythingAndIsSilentThen_Rfc6762_10_1()
    {
        (VirtualLan lan, LanNode node) = Published();
        node.Publish(new ServiceProfile("Second", "_http._tcp", 80));
        lan.Run(TimeSpan.FromSeconds(20));
        node.Engine.Shutdown(lan.Now);
        DnsRecord[] gone = [.. lan.Answers(node).SelectMany(p => p.Message.Answers)];

        Assert.All(gone, r => Assert.Equal(0u, r.Ttl));
        Assert.Equal(2, gone.Count(r => r.Type == DnsType.Srv));
        lan.Ask(Other, [Browse()]);
        Assert.Empty(lan.Answers(node));
    }

    [Fact]
    public void Goodbye_OfAnotherForTheListOfTypes_IsRescued_Rfc6762_6_6()
    {
        (VirtualLan lan, LanNode node) = Published();
        lan.Say(Other, [new DnsRecord(Meta, 0, new PointerData(ServiceType))]);

        Assert.Equal(["_services._dns-sd._udp.local Ptr"], Assert.Single(lan.Answers(node)).Message.Answers.Shown());
    }
}
