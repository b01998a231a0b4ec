using Meshara.Mdns.Tests.Support;
using Meshara.Tests.Support;
using Xunit;
using static Meshara.Mdns.Tests.Support.MdnsHost;

namespace Meshara.Mdns.Tests.Network;

/// <summary>What browsers report, and when, of cables that are pulled out, of addresses that change, of networks that come.</summary>
public sealed class ChangeTests
{
    private const string Type = "_ipp._tcp";

    [Fact]
    public async Task Browse_OwnInterfaceDownAndUp_IsRemovedAndFoundAgain()
    {
        await using BridgedLan lan = await BridgedLan.CreateAsync(2, "46");
        await using MdnsHost publisher = await MdnsHost.StartAsync(lan.Hosts[1], $"publish=Printer,{Type},631");
        await using MdnsHost browser = await MdnsHost.StartAsync(lan.Hosts[0], $"browse={Type}");
        await browser.SaysAsync("added", "Printer");

        TimeSpan down = Now();
        await lan.Hosts[0].IpAsync("link", "set", BridgedLan.Cable, "down");
        TimeSpan removed = MdnsHost.TimeOf(await browser.SaysAsync("removed", "Printer"));
        TimeSpan up = Now();
        await lan.Hosts[0].IpAsync("link", "set", BridgedLan.Cable, "up");
        string[] again = await browser.SaysAsync(l => l is ["added", "Printer", ..] && MdnsHost.TimeOf(l) > up);
        await browser.SaysAsync(l => l is ["added" or "updated", "Printer", ..] && MdnsHost.TimeOf(l) > up && HasBoth(l, "10.7.0.2"));

        Print($"own interface down: removed after {(removed - down).TotalSeconds:F3} s; up: found after {(MdnsHost.TimeOf(again) - up).TotalSeconds:F3} s");
    }

    // The interface of the one that publishes: those who know it keep it, those who come later find it.
    [Fact]
    public async Task Publish_OwnInterfaceDownAndUp_IsAnnouncedAgain()
    {
        await using BridgedLan lan = await BridgedLan.CreateAsync(2, "46");
        await using MdnsHost publisher = await MdnsHost.StartAsync(lan.Hosts[1], $"publish=Printer,{Type},631");
        await using MdnsHost browser = await MdnsHost.StartAsync(lan.Hosts[0], $"browse={Type}");
        await browser.SaysAsync("added", "Printer");
        await publisher.SaysAsync("published", "Printer");

        await lan.Hosts[1].IpAsync("link", "set", BridgedLan.Cable, "down");
        await publisher.UntilAsync(BridgedLan.Cable, "4", static l => l is null);
        await using MdnsHost late = await MdnsHost.StartAsync(lan.Hosts[0], $"browse={Type}");
        TimeSpan up = Now();
        await lan.Hosts[1].IpAsync("link", "set", BridgedLan.Cable, "up");

        TimeSpan found = MdnsHost.TimeOf(await late.SaysAsync("added", "Printer"));
        Print($"the publisher's interface up: found after {(found - up).TotalSeconds:F3} s");
        Assert.DoesNotContain(browser.Lines, static l => l[0] == "removed");
        Assert.DoesNotContain(publisher.Lines, static l => l[0] == "renamed");
    }

    [Fact]
    public async Task Browse_CableIsOutAndIn_FindsAgain()
    {
        await using BridgedLan lan = await BridgedLan.CreateAsync(2, "46");
        await using MdnsHost browser = await MdnsHost.StartAsync(lan.Hosts[0], $"browse={Type}");
        await lan.PlugAsync(0, isIn: false);
        await browser.UntilAsync(BridgedLan.Cable, "4", static l => l is null);
        await using MdnsHost publisher = await MdnsHost.StartAsync(lan.Hosts[1], $"publish=Printer,{Type},631");
        await publisher.SaysAsync("published", "Printer");
        Assert.DoesNotContain(browser.Lines, static l => l[0] == "added");

        TimeSpan plugged = Now();
        await lan.PlugAsync(0, isIn: true);

        Print($"cable in: found after {(MdnsHost.TimeOf(await browser.SaysAsync("added", "Printer")) - plugged).TotalSeconds:F3} s");
    }

    // The new address beside the old one for a moment, and after a moment with none, as DHCP clients do.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Publish_AddressChanges_BrowsersHaveTheNewOneOnly(bool hasBothForAMoment)
    {
        await using BridgedLan lan = await BridgedLan.CreateAsync(2, "46");
        await using MdnsHost publisher = await MdnsHost.StartAsync(lan.Hosts[1], $"publish=Printer,{Type},631");
        await using MdnsHost browser = await MdnsHost.StartAsync(lan.Hosts[0], $"browse={Type}");
        await publisher.SaysAsync("published", "Printer");
        await browser.SaysAsync(static l => l is ["added" or "updated", "Printer", ..] && HasBoth(l, "10.7.0.2"));

        TimeSpan changed = Now();
        if (hasBothForAMoment)
        {
            // Else the kernel takes the second address of a subnet away with the first.
            await lan.Hosts[1].SetAsync($"net/ipv4/conf/{BridgedLan.Cable}/promote_secondaries", "1");
            await lan.Hosts[1].AddAddressAsync(BridgedLan.Cable, "10.7.0.99/24");
        }

        await lan.Hosts[1].IpAsync("addr", "del", "10.7.0.2/24", "dev", BridgedLan.Cable);
        if (!hasBothForAMoment)
        {
            await publisher.UntilAsync(BridgedLan.Cable, "4", static l => l is null);
            await lan.Hosts[1].AddAddressAsync(BridgedLan.Cable, "10.7.0.99/24");
        }


        string[] updated = await browser.SaysAsync(static l => l is ["updated", "Printer", ..] && HasBoth(l, "10.7.0.99") && !l[4].Split(' ').Contains("10.7.0.2"));
        Print($"address changed: told after {(MdnsHost.TimeOf(updated) - changed).TotalSeconds:F3} s");
        Assert.DoesNotContain(browser.Lines, static l => l[0] == "removed");
    }

    // A machine that starts before its network does.
    [Fact]
    public async Task PublishAndBrowse_NetworkComesLater_BothTakePart()
    {
        await using NetworkNamespace left = await NetworkNamespace.CreateAsync();
        await using NetworkNamespace right = await NetworkNamespace.CreateAsync();
        await using MdnsHost publisher = await MdnsHost.StartAsync(left, $"publish=Printer,{Type},631");
        await using MdnsHost browser = await MdnsHost.StartAsync(right, $"browse={Type}");
        await publisher.SaysAsync("publishing");

        TimeSpan come = Now();
        await left.ConnectAsync(right);
        await browser.SaysAsync("added", "Printer");
        await left.AddAddressAsync("cable0", "10.9.0.1/24");
        await right.AddAddressAsync("cable0", "10.9.0.2/24");
        string[] both = await browser.SaysAsync(static l => l is ["added" or "updated", "Printer", ..] && HasBoth(l, "10.9.0.1"));

        // And one more interface, with addresses of its own: the same service, there too.
        await left.ConnectAsync(right, "cable1");
        await left.AddAddressAsync("cable1", "10.10.0.1/24");
        await right.AddAddressAsync("cable1", "10.10.0.2/24");
        await browser.SaysAsync(static l => l is ["updated", "Printer", ..] && HasBoth(l, "10.9.0.1") && HasBoth(l, "10.10.0.1"));
        await publisher.SaysAsync("published", "Printer");

        Print($"a network comes: found with both families after {(MdnsHost.TimeOf(both) - come).TotalSeconds:F3} s");
        Assert.Single(browser.Lines, static l => l[0] == "added");
        Assert.DoesNotContain(browser.Lines, static l => l[0] == "removed");
    }

    private static bool HasBoth(string[] line, string ipv4)
    {
        string[] addresses = line[4].Split(' ');
        return addresses.Contains(ipv4) && addresses.Any(static a => a.StartsWith("fe80::", StringComparison.Ordinal));
    }
}
