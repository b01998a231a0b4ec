using Meshara.Mdns.Tests.Support;
using Xunit;

namespace Meshara.Mdns.Tests.Network;

/// <summary>With Debian's avahi-daemon, each on its own host and both on one; <see cref="AvahiNameTests"/> beside it has those where both want one name.</summary>
public sealed class AvahiTests
{
    internal const string Name = "Küche. 1";
    internal const string Type = "_ipp._tcp";
    internal const string Ours = $"publish={Name},{Type},631,rp=ipp/print,flag,empty=,note=two words and an ü";
    internal static readonly string[] Theirs = [Name, Type, "631", "rp=ipp/print", "flag", "empty=", "note=two words and an ü"];
    private static readonly string[] Strings = Theirs[3..];

    // One host: port 5353 is shared, and answers to the host alone reach one of the two only (RFC 6762 section 15.1).
    public static TheoryData<string, bool> Places => new() { { "4", false }, { "6", false }, { "46", false }, { "46", true } };

    [Theory]
    [MemberData(nameof(Places))]
    public async Task Publish_AvahiBrowses_FindsItWithItsTextAndItsEnd(string families, bool isOneHost)
    {
        await using BridgedLan lan = await BridgedLan.CreateAsync(2, families);
        await using AvahiHost avahi = await AvahiHost.StartAsync(lan.Hosts[isOneHost ? 0 : 1]);
        AvahiBrowser before = avahi.Browse(Type);
        await using MdnsHost ours = await MdnsHost.StartAsync(lan.Hosts[0], Ours, families);
        string[] published = await ours.SaysAsync("published", Name);
        AvahiBrowser after = avahi.Browse(Type);

        foreach (AvahiBrowser browser in (AvahiBrowser[])[before, after])
        {
            foreach (char family in families)
            {
                AvahiService found = await browser.ResolvesAsync(Name, $"{family}");
                Assert.Equal((published[2], 631, BridgedLan.Cable), (found.HostName, found.Port, found.Interface));
                Assert.Equal(Strings.Order(), found.Strings.Order());
                // Avahi names one address, of either family that the host has.
                Assert.True((found.Address == "10.7.0.1" && families.Contains('4')) || (found.Address.StartsWith("fe80::", StringComparison.Ordinal) && families.Contains('6')), found.Address);
            }
        }

        Assert.Contains(Type, await avahi.TypesAsync());

        await ours.TellAsync("text flag,rp=other");
        AvahiService updated = await avahi.ResolvesFreshAsync(Type, Name, static s => s.Strings.Contains("rp=other"));
        Assert.Equal(["flag", "rp=other"], updated.Strings.Order());

        await ours.QuitAsync();
        await before.LosesAsync(Name);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task Browse_AvahiPublishes_IsFoundWithItsTextAndItsEnd(string families, bool isOneHost)
    {
        await using BridgedLan lan = await BridgedLan.CreateAsync(2, families);
        await using AvahiHost avahi = await AvahiHost.StartAsync(lan.Hosts[isOneHost ? 0 : 1]);
        await using MdnsHost before = await MdnsHost.StartAsync(lan.Hosts[0], $"browse={Type}", families);
        (LineProcess publisher, string name) = await avahi.PublishAsync(Theirs);
        Assert.Equal(Name, name);
        await using MdnsHost after = await MdnsHost.StartAsync(lan.Hosts[0], $"browse={Type}", families);

        foreach (MdnsHost browser in (MdnsHost[])[before, after])
        {
            string[] found = await browser.SaysAsync("added", Name, "avahi-host.local", "631");
            Assert.Equal(string.Join(' ', Strings), found[5]);
            foreach (char family in families)
                await browser.SaysAsync(l => l is ["added" or "updated", Name, ..] && l[4].Split(' ').Any(a => IsOf(family, a, isOneHost ? 1 : 2)));
        }

        await publisher.TerminateAsync();
        await before.SaysAsync("removed", Name);
        await after.SaysAsync("removed", Name);
    }

    // RFC 6763 sections 7.1 and 9.
    [Fact]
    public async Task Browse_SubtypesAndAllTypes_OfEachOtherAreFound()
    {
        await using BridgedLan lan = await BridgedLan.CreateAsync(2, "46");
        await using AvahiHost avahi = await AvahiHost.StartAsync(lan.Hosts[1]);
        await avahi.PublishAsync("--subtype", "_color._sub._ipp._tcp", "Theirs", Type, "631");
        await avahi.PublishAsync("Other", Type, "632");
        await avahi.PublishAsync("Web", "_http._tcp", "80");

        await using MdnsHost ours = await MdnsHost.StartAsync(lan.Hosts[0], $"publish=Ours,{Type},631,sub:_color", $"browse={Type},_color", "browse=_services._dns-sd._udp");

        await ours.SaysAsync("added", "Theirs", "avahi-host.local", "631");
        await ours.SaysAsync("added", "_ipp._tcp");
        await ours.SaysAsync("added", "_http._tcp");
        Assert.DoesNotContain(ours.Lines, static l => l is ["added", "Other", ..]);
        await ours.SaysAsync("published");
        await avahi.Browse("_color._sub._ipp._tcp").ResolvesAsync("Ours", "4");
    }

    private static bool IsOf(char family, string address, int host) =>
        family == '4' ? address == $"10.7.0.{host}" : address.StartsWith("fe80::", StringComparison.Ordinal) && address.Contains('%', StringComparison.Ordinal);
}
