using System.Net;
using Meshara.Mdns.Engine;
using Meshara.Mdns.Tests.Support;
using Meshara.Mdns.Wire;
using Xunit;
using static Meshara.Mdns.Tests.Support.Printers;

namespace Meshara.Mdns.Tests.Engine;

/// <summary>A service that does not listen on every address is told at those where it does, and nowhere else.</summary>
public sealed class NetworksTests
{
    [Fact]
    public void Publish_OnOneAddress_ThatOneAloneIsTold_AndNothingOnOtherInterfaces()
    {
        (VirtualLan lan, LanNode node) = Two(Kitchen with { Networks = [IPNetwork.Parse("10.0.0.1/32")] });
        lan.Ask(Other, [Browse(), new DnsQuestion(Host, DnsType.Aaaa)]);
        lan.Ask("10.0.3.99", [Browse(), new DnsQuestion(Host, DnsType.A)], network: 3);
        lan.Run(TimeSpan.FromSeconds(5));

        Assert.Single(node.News.Select(n => n.Action).OfType<EngineAction.Published>());
        Assert.DoesNotContain(node.Sent, p => p.Link.InterfaceIndex == 30);
        Assert.Equal(["10.0.0.1"], Told(node.Sent));
        Assert.Contains(node.Sent, p => p.Message.IsResponse && p.Message.Answers.Any(r => r.Type == DnsType.Ptr));
    }

    [Theory]
    [InlineData("0.0.0.0/0", "10.0.0.1 10.0.3.7")]
    [InlineData("::/0", "fe80::3:7 fe80::1")]
    public void Publish_OfOneFamily_TheOtherIsNotTold_OnNeitherLink(string network, string told)
    {
        (_, LanNode node) = Two(Kitchen with { Networks = [IPNetwork.Parse(network)] });

        Assert.Equal(told.Split(' ').Order(), Told(node.Sent));
        Assert.Equal(4, node.Sent.Where(p => p.Message.IsResponse).Select(p => p.Link).Distinct().Count());
    }

    [Fact]
    public void Interface_GetsTheAddress_IsProvenAndAnnouncedThere_AndWithdrawnWhenItGoes()
    {
        (VirtualLan lan, LanNode node) = Two(Kitchen with { Networks = [IPNetwork.Parse("10.0.3.50/32")] });
        Assert.Empty(node.Sent);
        Assert.Empty(node.News);
        EngineInterface face = node.Faces[1].Face;

        node.Attach(face with { Addresses = [.. face.Addresses, IPAddress.Parse("10.0.3.50")] }, 3);
        lan.Run(TimeSpan.FromSeconds(10));
        Assert.Equal(3, node.SentIPv4.Count(p => p.Message.Authorities.Length > 0));
        Assert.Equal(["10.0.3.50"], Told(node.Sent));
        Assert.Single(node.News);

        int before = lan.Sent.Count;
        node.Attach(face, 3);
        lan.Run(TimeSpan.FromSeconds(10));
        Assert.Contains(lan.Sent.Skip(before), p => p.Message.Answers.Any(r => r is { Type: DnsType.Ptr, Ttl: 0 }));
        before = lan.Sent.Count;
        lan.Ask("10.0.3.99", [Browse(), new DnsQuestion(Host, DnsType.A)], network: 3);
        lan.Run(TimeSpan.FromSeconds(5));
        Assert.DoesNotContain(lan.Sent.Skip(before), p => p.Sender == node);
    }

    [Fact]
    public void Update_OtherNetworks_TheOldAddressIsWithdrawn()
    {
        VirtualLan lan = new() { LeastDelay = TimeSpan.Zero, MostDelay = TimeSpan.Zero };
        LanNode node = lan.Add(1);
        PublicationId id = node.Publish(Kitchen);
        lan.Run(TimeSpan.FromSeconds(10));
        int before = lan.Sent.Count;
        node.Engine.Update(id, Kitchen with { Networks = [IPNetwork.Parse("10.0.0.1/32")] }, lan.Now);
        lan.Run(TimeSpan.FromSeconds(10));

        Assert.Equal(["10.0.0.1"], Told(lan.Sent.Skip(before)));
        Assert.Contains(lan.Sent.Skip(before), p => p.Message.Answers.Any(r => r is { Type: DnsType.Aaaa, Ttl: 0 }));
    }

    // Of more than may be told the first eight were, all of the one service: the other's host was where the other does not listen.
    [Fact]
    public void Publish_TwoServicesOfOneName_MoreAddressesThanAreTold_EachHasItsShare()
    {
        (VirtualLan lan, LanNode node) = Two(Kitchen with { Networks = [IPNetwork.Parse("10.0.0.0/24")] });
        EngineInterface face = node.Faces[0].Face;
        IPAddress[] many = [.. Enumerable.Range(1, 12).Select(i => IPAddress.Parse($"10.0.0.{i}")), IPAddress.Parse("10.9.0.1"), IPAddress.Parse("10.9.0.2")];
        node.Publish(Kitchen with { InstanceName = "Other", Networks = [IPNetwork.Parse("10.9.0.0/24")] });
        lan.Run(TimeSpan.FromSeconds(10));
        int before = lan.Sent.Count;

        node.Attach(face with { Addresses = many }, 1);
        lan.Run(TimeSpan.FromSeconds(10));

        Assert.Equal([.. Enumerable.Range(1, 6).Select(i => $"10.0.0.{i}"), "10.9.0.1", "10.9.0.2"], Told(lan.Sent.Skip(before)));
    }

    // One host name each, unless a name was asked for.
    [Fact]
    public void Publish_TwoServicesOfDifferentNetworks_EachHasItsOwnAddresses()
    {
        VirtualLan lan = new() { LeastDelay = TimeSpan.Zero, MostDelay = TimeSpan.Zero };
        LanNode node = lan.Add(1);
        ServiceProfile open = Kitchen with { HostName = null };
        node.Publish(open);
        node.Publish(open with { InstanceName = "Other", Networks = [IPNetwork.Parse("10.0.0.1/32")] });
        lan.Run(TimeSpan.FromSeconds(10));

        var hosts = node.Sent.SelectMany(p => p.Message.Answers).Where(r => r.Data is AddressData && r.Ttl > 0).GroupBy(r => r.Name).Select(g => g.Select(r => r.Data).Distinct().Count()).Order();
        Assert.Equal([1, 2], hosts);
    }

    // "-2" is what a host is named after a conflict, and here is none.
    [Fact]
    public void Publish_OnOneAddress_TheFirstProbeNamesTheHostWithoutSuffix()
    {
        VirtualLan lan = new() { LeastDelay = TimeSpan.Zero, MostDelay = TimeSpan.Zero };
        LanNode node = lan.Add(1);

        // As in a node, which browses too: what it publishes is not the first that has a number.
        node.Engine.Publish(new PublicationId(2), Kitchen with { HostName = null, Networks = [IPNetwork.Parse("10.0.0.1/32")] }, lan.Now);
        lan.Run(TimeSpan.FromSeconds(10));

        LanPacket probe = node.SentIPv4.First(p => p.Message.Authorities.Length > 0);
        string host = Assert.Single(probe.Message.Questions, q => q.Name.Labels.Count == 2).Name.ToString();
        Assert.Matches("^mdns-[0-9a-f]{10}\\.local$", host);
        Assert.Equal(host, Assert.Single(node.News.Select(n => n.Action).OfType<EngineAction.Published>()).Names.HostName);
    }

    [Fact]
    public void Publish_OfFurtherNetworks_DrawsAnotherHostName_AndOfTheSameSharesIt()
    {
        VirtualLan lan = new() { LeastDelay = TimeSpan.Zero, MostDelay = TimeSpan.Zero };
        LanNode node = lan.Add(1);
        ServiceProfile narrow = Kitchen with { HostName = null, Networks = [IPNetwork.Parse("10.0.0.1/32")] };
        node.Publish(narrow);
        node.Publish(narrow with { InstanceName = "Same" });
        PublicationId id = node.Publish(narrow with { InstanceName = "Open", Networks = [] });
        lan.Run(TimeSpan.FromSeconds(10));

        string[] hosts = [.. node.News.Select(n => n.Action).OfType<EngineAction.Published>().OrderBy(p => p.Publication.Value).Select(p => p.Names.HostName)];
        Assert.Equal(3, hosts.Length);
        Assert.All(hosts, h => Assert.Matches("^mdns-[0-9a-f]{10}\\.local$", h));
        Assert.Equal(hosts[0], hosts[1]);
        Assert.NotEqual(hosts[0], hosts[2]);

        // Of the same networks as the others now: their host is its own too.
        node.Engine.Update(id, narrow with { InstanceName = "Open" }, lan.Now);
        lan.Run(TimeSpan.FromSeconds(10));
        Assert.Equal(hosts[0], node.News.Select(n => n.Action).OfType<EngineAction.Published>().Last(p => p.Publication == id).Names.HostName);
    }

    [Fact]
    public void Networks_TooMany_AreRefused() =>
        Assert.Throws<ArgumentException>(() => Kitchen with { Networks = [.. Enumerable.Range(0, 65).Select(i => new IPNetwork(IPAddress.Parse($"10.0.0.{i}"), 32))] });

    // Two interfaces: 10.0.0.1 on network 0 and 10.0.3.7 on network 3.
    private static (VirtualLan Lan, LanNode Node) Two(ServiceProfile profile)
    {
        VirtualLan lan = new() { LeastDelay = TimeSpan.Zero, MostDelay = TimeSpan.Zero };
        LanNode node = lan.Add(1);
        node.Attach(VirtualLan.Face(30, 7, network: 3), 3);
        node.Publish(profile);
        lan.Run(TimeSpan.FromSeconds(10));
        return (lan, node);
    }

    private static IEnumerable<string> Told(IEnumerable<LanPacket> sent) => sent
        .SelectMany(p => p.Message.Answers.Concat(p.Message.Additionals).Concat(p.Message.Authorities))
        .Where(r => r.Ttl > 0)
        .Select(r => r.Data)
        .OfType<AddressData>()
        .Select(a => a.Address.ToString())
        .Distinct()
        .Order();
}
