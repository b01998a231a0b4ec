using Meshara.Mdns.Engine;
using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Tests.Support;

/// <summary>A service that the tests of the responder publish, and its records.</summary>
internal static class Printers
{
    /// <summary>Somebody else on the network, who asks or says.</summary>
    public const string Other = "10.0.0.99";

    public static readonly ServiceProfile Kitchen = new("Kitchen printer", "_ipp._tcp", 631) { HostName = "printer", Txt = TxtRecord.Create(("rp", "ipp/print")) };

    public static readonly DnsName ServiceType = DnsName.Parse("_ipp._tcp.local");

    public static readonly DnsName PrinterName = DnsName.FromLabels("Kitchen printer", "_ipp", "_tcp", "local");

    public static readonly DnsName Host = DnsName.Parse("printer.local");

    public static readonly DnsName Meta = DnsName.Parse("_services._dns-sd._udp.local");

    public static DnsRecord Pointer(uint ttl = 4500) => new(ServiceType, ttl, new PointerData(PrinterName));

    public static DnsQuestion Browse(bool unicast = false) => new(ServiceType, DnsType.Ptr, unicast);

    /// <summary>A network with one node that has published it 30 s ago: announced, quiet, and told to the group less than a quarter of a lifetime ago.</summary>
    public static (VirtualLan Lan, LanNode Node) Published(int seed = 1, ServiceProfile? profile = null, EngineConfig? config = null)
    {
        VirtualLan lan = new(seed) { LeastDelay = TimeSpan.Zero, MostDelay = TimeSpan.Zero };
        LanNode node = lan.Add(1, config: config);
        node.Publish(profile ?? Kitchen);
        lan.Run(TimeSpan.FromSeconds(25));
        return (lan, node);
    }

    /// <summary>What the node sends within a time from now on, on its IPv4 link.</summary>
    public static LanPacket[] Answers(this VirtualLan lan, LanNode node, double seconds = 3)
    {
        int before = lan.Sent.Count;
        lan.Run(TimeSpan.FromSeconds(seconds));
        return [.. lan.Sent.Skip(before).Where(p => p.Sender == node && !p.Link.IPv6)];
    }

    public static string[] Shown(this IEnumerable<DnsRecord> records) => [.. records.Select(r => $"{r.Name} {r.Type}")];
}
