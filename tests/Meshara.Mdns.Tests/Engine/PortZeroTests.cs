using Meshara.Mdns.Engine;
using Meshara.Mdns.Tests.Support;
using Meshara.Mdns.Wire;
using Xunit;
using static Meshara.Mdns.Tests.Support.Printers;

namespace Meshara.Mdns.Tests.Engine;

/// <summary>RFC 6763 section 8: an SRV record of port 0 holds a name of a family of protocols; nobody is led to it, because there is no service.</summary>
public sealed class PortZeroTests
{
    private static readonly ServiceProfile Placeholder = Kitchen with { Port = 0, Subtypes = ["_color"] };

    [Fact]
    public void Publish_PortZero_IsInNoList_Rfc6763_8()
    {
        (VirtualLan lan, LanNode node) = Published(profile: Placeholder);

        DnsRecord[] said = [.. lan.Sent.SelectMany(static p => p.Message.Answers.Concat(p.Message.Additionals))];
        Assert.Contains(said, static r => r.Name.Equals(PrinterName) && r.Data is ServiceData { Port: 0 } data && data.Target.Equals(Host));
        Assert.DoesNotContain(said, static r => r.Type == DnsType.Ptr);

        lan.Ask(Other, [Browse(), new DnsQuestion(Meta, DnsType.Ptr), new DnsQuestion(ServiceType.Child("_sub").Child("_color"), DnsType.Ptr)]);
        Assert.Empty(lan.Answers(node));
        lan.Ask(Other, [new DnsQuestion(PrinterName, DnsType.Srv)]);
        Assert.Contains(Assert.Single(lan.Answers(node)).Message.Answers, static r => r.Type == DnsType.Srv);
    }

    // That is what the placeholder is for.
    [Fact]
    public void Publish_NameThatAPlaceholderHolds_TakesAnother_Rfc6763_8()
    {
        (VirtualLan lan, _) = Published(profile: Placeholder);
        LanNode second = lan.Add(2);
        second.Publish(Kitchen with { HostName = "second" });
        lan.Run(TimeSpan.FromSeconds(10));

        Assert.Contains(lan.Sent, p => p.Sender == second && p.Message.Answers.Any(static r => r.Type == DnsType.Srv && r.Name.Labels[0] == "Kitchen printer (2)"));
    }

    [Fact]
    public void Update_PortBecomesZero_SaysGoodbyeForTheList_Rfc6763_8()
    {
        (VirtualLan lan, LanNode node) = Published();
        node.Engine.Update(new PublicationId(1), Placeholder, lan.Now);

        LanPacket[] said = lan.Answers(node);
        Assert.Contains(said.SelectMany(static p => p.Message.Answers), static r => r.Type == DnsType.Ptr && r.Name.Equals(ServiceType) && r.Ttl == 0);

        node.Engine.Update(new PublicationId(1), Kitchen, lan.Now);
        Assert.Contains(lan.Answers(node).SelectMany(static p => p.Message.Answers), static r => r.Type == DnsType.Ptr && r.Name.Equals(ServiceType) && r.Ttl > 0);
    }
}
