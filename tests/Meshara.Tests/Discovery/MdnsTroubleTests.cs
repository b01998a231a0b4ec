using Meshara.Discovery;
using Meshara.Mdns;
using Xunit;

namespace Meshara.Tests.Discovery;

public sealed class MdnsTroubleTests
{
    private static readonly FamilyState Fine = new() { Joined = true, PacketsSent = 10, PacketsHeard = 10 };

    [Fact]
    public void Of_AllIsWell_Nothing() => Assert.Empty(Of(Fine));

    [Fact]
    public void Of_NotJoined_SaysWhy()
    {
        MdnsTrouble trouble = Assert.Single(Of(new FamilyState { JoinError = "limit 20, net.ipv4.igmp_max_memberships" }));

        Assert.Equal(("eth0", "IPv4", MdnsTroubleKind.Join), (trouble.Interface, trouble.Family, trouble.Kind));
        Assert.Contains("igmp_max_memberships", trouble.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, "Local Network")]
    [InlineData(false, "firewall")]
    public void Of_NotSent_SaysWhatToCheck(bool isMac, string expected)
    {
        MdnsTrouble trouble = Assert.Single(Of(Fine with { LastSendError = "No route to host" }, isMac: isMac));

        Assert.Equal(MdnsTroubleKind.Send, trouble.Kind);
        Assert.Contains("No route to host", trouble.Text, StringComparison.Ordinal);
        Assert.Contains(expected, trouble.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3, 0, 10, true)]
    [InlineData(2, 0, 10, false)]
    [InlineData(3, 1, 10, false)]
    [InlineData(3, 0, 9, false)]
    public void Of_NotEvenItsOwnComeBack_SaysSoAfterAWhile(long sent, long heard, int seconds, bool expected) =>
        Assert.Equal(expected, Of(new FamilyState { Joined = true, PacketsSent = sent, PacketsHeard = heard }, seconds).Any(t => t.Kind == MdnsTroubleKind.Silence));

    private static IEnumerable<MdnsTrouble> Of(FamilyState state, int seconds = 60, bool isMac = false) =>
        MdnsTrouble.Of([new InterfaceState { Name = "eth0", Index = 2, Addresses = [], IPv4 = state, IPv6 = Fine }], TimeSpan.FromSeconds(seconds), isMac);
}
