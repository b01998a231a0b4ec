using Meshara.Core;
using Xunit;

namespace Meshara.Tests.Core;

/// <summary>Which ends of links are held against a peer.</summary>
public sealed class MeshConductTests
{
    // Of five peers one is lost: that is not this node's own network.
    [Theory]
    [InlineData(DisconnectReason.PingTimeout, true)]
    [InlineData(DisconnectReason.WriteTimeout, true)]
    [InlineData(DisconnectReason.FrameTimeout, true)]
    [InlineData(DisconnectReason.ConnectionLost, false)]
    [InlineData(DisconnectReason.RemoteShutdown, false)]
    [InlineData(DisconnectReason.RemoteRemoved, false)]
    [InlineData(DisconnectReason.Replaced, false)]
    public void LinkClosed_OnlySilenceIsHeldAgainstThePeer(DisconnectReason reason, bool isScored)
    {
        (MeshScript s, NodeId[] peers, long[] links) = Linked();

        s.Lose(links[0], reason);

        Assert.Equal(isScored, s.Mesh.ReputationOf(peers[0], s.Now) < 0);
        Assert.All(peers.Skip(1), id => Assert.Equal(0, s.Mesh.ReputationOf(id, s.Now)));
    }

    [Fact]
    public void LinkClosed_SilentAfterAChangeOfTheNetwork_NobodyIsToBlame()
    {
        (MeshScript s, NodeId[] peers, long[] links) = Linked();
        s.Mesh.HandleNetworkChanged(s.Now);
        TimeSpan before = s.Now;

        s.AdvanceWith(20, link => new LinkLiveness(link == links[0] ? before : s.Now, null, null));

        Assert.Equal(links[0], Assert.Single(s.Take().OfType<MeshAction.CloseLink>()).Connection);
        s.Lose(links[0], DisconnectReason.PingTimeout);
        Assert.Equal(0, s.Mesh.ReputationOf(peers[0], s.Now));
    }

    // Three of five within a minute: then the timeouts of that minute are taken back.
    [Fact]
    public void LinkClosed_MostPeersAtOnce_NobodyIsToBlame()
    {
        (MeshScript s, NodeId[] peers, long[] links) = Linked();

        s.Lose(links[0], DisconnectReason.PingTimeout);
        s.Lose(links[1], DisconnectReason.PingTimeout);
        Assert.True(s.Mesh.ReputationOf(peers[0], s.Now) < 0);
        s.Lose(links[2], DisconnectReason.ConnectionLost);

        Assert.All(peers, id => Assert.Equal(0, s.Mesh.ReputationOf(id, s.Now)));
    }

    private static (MeshScript Script, NodeId[] Peers, long[] Links) Linked()
    {
        MeshScript s = new(Ids.Of(0x01));
        NodeId[] peers = [.. Enumerable.Range(0, 5).Select(i => Ids.Of((byte)(0x10 + i)))];
        long[] links = [.. peers.Select((id, i) => s.Link(id, from: $"20.{i}.0.1:1000"))];
        s.Take();
        return (s, peers, links);
    }
}
