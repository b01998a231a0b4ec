using System.Net;
using Meshara.Cli.Doctor;
using Xunit;

namespace Meshara.Cli.Tests.Doctor;

public sealed class ReachCheckTests
{
    private static readonly PeerAddress Here = PeerAddress.Parse("10.0.0.1:4040"), There = PeerAddress.Parse("10.0.0.2:4040");
    private static readonly LocalInterface Down = new("eth0", InterfaceKind.Lan, IsUp: false, HasMulticast: true, [(IPAddress.Parse("10.0.0.1"), 24)]);

    [Theory]
    [InlineData(false, FindingLine.Broken)]
    [InlineData(true, FindingLine.Warning)]
    public void Listen_NoRouteForTheInterfaceIsDown_BlamesTheInterface(bool advertised, string state)
    {
        FindingLine finding = ReachCheck.Listen(Fails(Here, DialStepKind.Connect), advertised, [Down]);

        Assert.Equal((state, Down.UpAdvice), (finding.State, finding.Advice));
        Assert.EndsWith("fails at tcp: the interface eth0 is down.", finding.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Listen_OwnCallPassesButTheInterfaceIsDown_IsAWarning()
    {
        DialDiagnosis dial = new() { Address = Here, Steps = [new DialStep(DialStepKind.Identity, DialStepOutcome.Passed, "It answered.")] };

        FindingLine finding = ReachCheck.Listen(dial, advertised: false, [Down]);

        Assert.Equal((FindingLine.Warning, Down.UpAdvice), (finding.State, finding.Advice));
        Assert.Equal(FindingLine.Ok, ReachCheck.Listen(dial, advertised: false, [Down with { IsUp = true }]).State);
    }

    [Fact]
    public void Listen_NoRouteAndAllInterfacesAreUp_NamesThePort() =>
        Assert.Contains("Let 4040/tcp in", ReachCheck.Listen(Fails(Here, DialStepKind.Connect), advertised: false, [Down with { IsUp = true }]).Advice, StringComparison.Ordinal);

    [Fact]
    public void Peer_NoRouteForTheInterfaceIsDown_BlamesTheInterface()
    {
        FindingLine finding = ReachCheck.Peer(Fails(There, DialStepKind.Connect), "wanted", [], [Down]);

        Assert.Equal((FindingLine.Broken, Down.UpAdvice), (finding.State, finding.Advice));
        Assert.Equal("It cannot be reached: it fails at tcp. The interface eth0, by which packets would go there, is down.", finding.Detail);
    }

    [Fact]
    public void Peer_RefusedByThePeer_DoesNotBlameTheInterface() =>
        Assert.DoesNotContain("eth0", ReachCheck.Peer(Fails(There, DialStepKind.Hello), "wanted", [], [Down]).Detail, StringComparison.Ordinal);

    private static DialDiagnosis Fails(PeerAddress address, DialStepKind kind) => new()
    {
        Address = address,
        Steps = [new DialStep(kind, DialStepOutcome.Failed, "It failed.") { Code = MesharaErrorCode.ConnectFailed }],
    };
}
