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

    [Fact]
    public void Pairs_OneAddressWithTwoIds_IsExaminedForEach()
    {
        using NodeIdentity one = NodeIdentity.Create(), other = NodeIdentity.Create();
        (PeerAddress, string) wanted = (There with { Id = one.Id }, "wanted"), bootstrap = (There with { Id = other.Id }, "bootstrap");

        Assert.Equal([wanted, bootstrap], ReachCheck.Pairs([wanted, bootstrap, (There with { Id = one.Id }, "static")]));
    }

    [Fact]
    public void Pairs_AddressWithoutId_MeansWhoeverIsPinnedThere()
    {
        using NodeIdentity identity = NodeIdentity.Create();
        (PeerAddress, string) pinned = (There with { Id = identity.Id }, "pinned");

        Assert.Equal([pinned, (Here, "wanted")], ReachCheck.Pairs([(There, "wanted"), pinned, (Here, "wanted")]));
    }

    [Theory]
    [InlineData(DialStepKind.Connect, false, "10.0.0.9:4040", FindingLine.Ok, "Its configured address is stale: a dial there fails at tcp.")]
    [InlineData(DialStepKind.Identity, false, "10.0.0.9:4040", FindingLine.Ok, "Its configured address is stale: a dial there fails at pin.")]
    [InlineData(DialStepKind.Connect, true, "10.0.0.9:50000", FindingLine.Ok, "Its configured address is stale, or closed to this machine: a dial there fails at tcp.")]
    [InlineData(DialStepKind.Connect, false, "10.0.0.2:4040", FindingLine.Warning, "A link to it lives, but a dial now fails at tcp.")]
    [InlineData(DialStepKind.Hello, false, "10.0.0.9:4040", FindingLine.Warning, "A link to it lives, but a dial now fails at hello.")]
    public void Peer_LinkedElsewhere_IsOkWithANoteOnItsAddress(DialStepKind step, bool inbound, string at, string state, string said)
    {
        using NodeIdentity identity = NodeIdentity.Create();

        FindingLine finding = ReachCheck.Peer(Fails(There with { Id = identity.Id }, step), "pinned", [Link(identity, at, inbound)], []);

        Assert.Equal(state, finding.State);
        Assert.Contains(said, finding.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Peer_RefusedElsewhere_SaysTheLastRefusalToo()
    {
        using NodeIdentity identity = NodeIdentity.Create();
        DateTimeOffset now = DateTimeOffset.UnixEpoch.AddMinutes(1);
        PeerRefused refused = new(DateTimeOffset.UnixEpoch, "10.0.0.9:4040", identity.Id, MesharaErrorCode.NotAdmitted, ByPeer: true, "it does not admit this node.", null);

        FindingLine finding = ReachCheck.Peer(Fails(There with { Id = identity.Id }, DialStepKind.Connect), "pinned", [], [], refused, now);

        Assert.Equal((FindingLine.Broken, $"meshara why {identity.Id}"), (finding.State, finding.Advice));
        Assert.EndsWith("It failed. Elsewhere: It refused this node 1 min 0 s ago at 10.0.0.9:4040: it does not admit this node.", finding.Detail, StringComparison.Ordinal);
    }

    private static PeerInfo Link(NodeIdentity identity, string address, bool inbound) => new()
    {
        Id = identity.Id,
        PublicKey = identity.PublicKey,
        Address = address,
        Inbound = inbound,
        Pinned = true,
        ConnectedSince = default,
        LastSeen = default,
        BytesSent = 0,
        BytesReceived = 0,
        MessagesSent = 0,
        MessagesReceived = 0,
        RoundTripTime = null,
        Reputation = 0,
        Agent = "",
    };

    private static DialDiagnosis Fails(PeerAddress address, DialStepKind kind) => new()
    {
        Address = address,
        Steps = [new DialStep(kind, DialStepOutcome.Failed, "It failed.") { Code = MesharaErrorCode.ConnectFailed }],
    };
}
