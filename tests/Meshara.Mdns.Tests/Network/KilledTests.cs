using Meshara.Mdns.Tests.Support;
using Xunit;
using static Meshara.Mdns.Tests.Support.MdnsHost;

namespace Meshara.Mdns.Tests.Network;

/// <summary>What browsers report, and when, of peers that die. Minutes would pass, so the hosts' clocks run faster than the network: whatever holds one of them up for a second holds it up for many.</summary>
[Collection(RealNetworks.Name)]
public sealed class KilledTests
{
    private const string Type = "_ipp._tcp";

    // RFC 6762 section 10: a record of a host lives 120 s; 5.2: what lives is asked for again at 80, 85, 90, 95 % and stays.
    [Fact]
    public async Task Browse_PeerIsKilledWithoutGoodbye_IsRemovedAfterItsTimeToLiveAndNobodyElse()
    {
        const int Speed = 20;
        await using BridgedLan lan = await BridgedLan.CreateAsync(3, "46");
        await using MdnsHost browser = await MdnsHost.StartAsync(lan.Hosts[0], $"speed={Speed}", $"browse={Type}");
        await using MdnsHost alive = await MdnsHost.StartAsync(lan.Hosts[1], $"speed={Speed}", $"publish=Alive,{Type},631");
        await browser.SaysAsync("added", "Alive");

        // Twice in a row, so that more than two of these times pass for the one that lives.
        foreach (string name in (string[])["First", "Second"])
        {
            await using MdnsHost dies = await MdnsHost.StartAsync(lan.Hosts[2], $"speed={Speed}", $"publish={name},{Type},631");
            string[] added = await browser.SaysAsync("added", name);
            await dies.KillAsync();

            string[] removed = await browser.SaysAsync("removed", name);
            TimeSpan taken = (MdnsHost.TimeOf(removed) - MdnsHost.TimeOf(added)) * Speed;
            Print($"killed without goodbye: removed after {taken.TotalSeconds:F1} s");
            Assert.InRange(taken, TimeSpan.FromSeconds(119), TimeSpan.FromSeconds(240));
        }

        Assert.DoesNotContain(browser.Lines, static l => l is ["removed", "Alive", ..]);
    }

    // RFC 6762 section 10.5: others ask for it and nobody answers, so it is gone earlier than its time to live.
    [Fact]
    public async Task Browse_PeerIsKilledAndOthersAskInVain_IsRemovedSooner()
    {
        const int Speed = 5;
        await using BridgedLan lan = await BridgedLan.CreateAsync(3, "46");
        await using MdnsHost browser = await MdnsHost.StartAsync(lan.Hosts[0], $"speed={Speed}", $"browse={Type}");
        await using MdnsHost dies = await MdnsHost.StartAsync(lan.Hosts[1], $"speed={Speed}", $"publish=Printer,{Type},631");
        await browser.SaysAsync("added", "Printer");
        await dies.SaysAsync("published");
        await dies.KillAsync();
        TimeSpan killed = Now();

        await using MdnsHost asks = await MdnsHost.StartAsync(lan.Hosts[2], $"speed={Speed}", $"browse={Type}");

        TimeSpan asked = MdnsHost.TimeOf(await asks.SaysAsync("browsing"));
        TimeSpan removed = MdnsHost.TimeOf(await browser.SaysAsync("removed", "Printer"));
        Print($"killed, others ask: removed {((removed - asked) * Speed).TotalSeconds:F1} s after the first of them asked, {((removed - killed) * Speed).TotalSeconds:F1} s after it was killed");
        Assert.True((removed - asked) * Speed < TimeSpan.FromSeconds(60), $"{(removed - asked) * Speed}");
    }
}
