using Meshara.Mdns.Tests.Support;
using Xunit;
using static Meshara.Mdns.Tests.Network.AvahiTests;

namespace Meshara.Mdns.Tests.Network;

/// <summary>Debian's avahi-daemon and one of ours want the same name, on two hosts and on one.</summary>
public sealed class AvahiNameTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Publish_AvahiHasTheName_IsRenamed(bool isOneHost)
    {
        await using BridgedLan lan = await BridgedLan.CreateAsync(2, "46");
        await using AvahiHost avahi = await AvahiHost.StartAsync(lan.Hosts[isOneHost ? 0 : 1]);
        (LineProcess publisher, _) = await avahi.PublishAsync(Theirs);

        await using MdnsHost ours = await MdnsHost.StartAsync(lan.Hosts[0], Ours);

        await ours.SaysAsync("published", $"{Name} (2)");
        AvahiBrowser browser = avahi.Browse(AvahiTests.Type);
        await browser.ResolvesAsync(Name, "4");
        await browser.ResolvesAsync($"{Name} (2)", "4");
        await publisher.KillAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Publish_AvahiTakesTheNameAfterUs_AvahiIsRenamed(bool isOneHost)
    {
        await using BridgedLan lan = await BridgedLan.CreateAsync(2, "46");
        await using AvahiHost avahi = await AvahiHost.StartAsync(lan.Hosts[isOneHost ? 0 : 1]);
        await using MdnsHost ours = await MdnsHost.StartAsync(lan.Hosts[0], Ours, $"browse={AvahiTests.Type}");
        await ours.SaysAsync("published", Name);

        (_, string theirs) = await avahi.PublishAsync(Theirs);

        Assert.Equal($"{Name} #2", theirs);
        await ours.SaysAsync("added", theirs);
        Assert.DoesNotContain(ours.Lines, static l => l[0] == "renamed");
    }

    // Both at once: the tie-break of RFC 6762 section 8.2 leaves the name to one of them.
    [Fact]
    public async Task Publish_WithAvahiAtOnce_OneKeepsTheName()
    {
        await using BridgedLan lan = await BridgedLan.CreateAsync(2, "46");
        await using AvahiHost avahi = await AvahiHost.StartAsync(lan.Hosts[1]);
        await using MdnsHost ours = await MdnsHost.StartAsync(lan.Hosts[0], $"browse={AvahiTests.Type}");

        await ours.TellAsync($"publish {Ours["publish=".Length..]}");
        (_, string theirs) = await avahi.PublishAsync(Theirs);
        string[] published = await ours.SaysAsync("published");
        await ours.SaysAsync("added", theirs);

        string[] names = [ours.Lines.LastOrDefault(static l => l[0] == "renamed")?[2] ?? published[1], theirs];
        Assert.Single(names, Name);
        Assert.Single(names, static n => n is $"{Name} (2)" or $"{Name} #2");
    }
}
