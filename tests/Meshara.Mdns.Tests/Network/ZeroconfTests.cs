using Meshara.Mdns.Tests.Support;
using Xunit;

namespace Meshara.Mdns.Tests.Network;

/// <summary>With python-zeroconf as Debian has it: an implementation that shares nothing with ours nor with Avahi.</summary>
public sealed class ZeroconfTests
{
    private const string Name = "Küche oben";
    private const string Type = "_ipp._tcp";
    private const string Text = "rp=ipp/print flag empty= note=two words and an ü";
    private const string Publish = $"publish={Name},{Type},631,rp=ipp/print,flag,empty=,note=two words and an ü";

    public static TheoryData<string, bool> Places => new() { { "4", false }, { "6", false }, { "46", false }, { "46", true } };

    [Theory]
    [MemberData(nameof(Places))]
    public async Task Publish_ZeroconfBrowses_FindsItWithItsTextAndItsEnd(string families, bool isOneHost)
    {
        await using BridgedLan lan = await BridgedLan.CreateAsync(2, families);
        await using MdnsHost before = await MdnsHost.StartZeroconfAsync(lan.Hosts[isOneHost ? 0 : 1], $"browse={Type}", families);
        await using MdnsHost ours = await MdnsHost.StartAsync(lan.Hosts[0], Publish, families);
        string[] published = await ours.SaysAsync("published", Name);
        await using MdnsHost after = await MdnsHost.StartZeroconfAsync(lan.Hosts[isOneHost ? 0 : 1], $"browse={Type}", families);

        foreach (MdnsHost browser in (MdnsHost[])[before, after])
        {
            string[] found = await browser.SaysAsync("added", Name, published[2], "631");
            Assert.Equal(Text, found[5]);
            Assert.NotEqual("", found[4]);
            Assert.All(found[4].Split(' '), a => Assert.True((a == "10.7.0.1" && families.Contains('4')) || (a.StartsWith("fe80::", StringComparison.Ordinal) && families.Contains('6')), a));
        }

        await ours.TellAsync("text flag,rp=other");
        await before.SaysAsync(static l => l is ["updated", Name, _, "631", _, "flag rp=other", ..]);

        await ours.QuitAsync();
        await before.SaysAsync("removed", Name);
        await after.SaysAsync("removed", Name);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task Browse_ZeroconfPublishes_IsFoundWithItsTextAndItsEnd(string families, bool isOneHost)
    {
        await using BridgedLan lan = await BridgedLan.CreateAsync(2, families);
        await using MdnsHost before = await MdnsHost.StartAsync(lan.Hosts[0], $"browse={Type}", families);
        await using MdnsHost theirs = await MdnsHost.StartZeroconfAsync(lan.Hosts[isOneHost ? 0 : 1], Publish, families);
        await theirs.SaysAsync("published", Name);
        await using MdnsHost after = await MdnsHost.StartAsync(lan.Hosts[0], $"browse={Type}", families);

        foreach (MdnsHost browser in (MdnsHost[])[before, after])
        {
            string[] found = await browser.SaysAsync("added", Name, "zeroconf-host.local", "631");
            Assert.Equal(Text, found[5]);
            foreach (char family in families)
                await browser.SaysAsync(l => l is ["added" or "updated", Name, ..] && l[4].Split(' ').Any(a => a.StartsWith(family == '4' ? "10.7.0." : "fe80::", StringComparison.Ordinal)));
        }

        await theirs.TellAsync("text flag,rp=other");
        await before.SaysAsync(static l => l is ["updated", Name, _, "631", _, "flag rp=other", ..]);
        await after.SaysAsync(static l => l is ["updated", Name, _, "631", _, "flag rp=other", ..]);

        await theirs.QuitAsync();
        await before.SaysAsync("removed", Name);
        await after.SaysAsync("removed", Name);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Publish_NameIsTaken_SecondIsRenamed(bool areWeFirst)
    {
        await using BridgedLan lan = await BridgedLan.CreateAsync(2, "46");
        Func<Task<MdnsHost>> ours = () => MdnsHost.StartAsync(lan.Hosts[0], Publish);
        Func<Task<MdnsHost>> theirs = () => MdnsHost.StartZeroconfAsync(lan.Hosts[1], Publish);
        await using MdnsHost first = await (areWeFirst ? ours : theirs)();
        await first.SaysAsync("published", Name);

        await using MdnsHost second = await (areWeFirst ? theirs : ours)();

        await second.SaysAsync("published", areWeFirst ? $"{Name}-2" : $"{Name} (2)");
        await using MdnsHost browser = await MdnsHost.StartAsync(lan.Hosts[1], $"browse={Type}");
        await browser.SaysAsync("added", Name);
        await browser.SaysAsync("added", areWeFirst ? $"{Name}-2" : $"{Name} (2)");
        Assert.DoesNotContain(first.Lines, static l => l[0] == "renamed");
    }
}
