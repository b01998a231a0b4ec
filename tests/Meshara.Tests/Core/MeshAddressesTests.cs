using Meshara.Core;
using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core;

/// <summary>What is known of addresses: kept when the operator names their peer, and dialled at one pace each.</summary>
public sealed class MeshAddressesTests
{
    private static readonly NodeId Peer = Ids.Of(0x80);
    private static readonly PeerAddress At = new("10.80.0.1", 4040, Peer);

    [Fact]
    public void Trust_LinkedMeshPeer_ItsAddressStaysKnownAndIsDialledForEver()
    {
        MeshScript s = Ready(target: 1, max: 2);
        long link = Linked(s);

        s.Mesh.HandleTrust(Peer, s.Now);

        AddressRecord kept = Assert.Single(s.Mesh.Snapshot(Peer, s.Now).Addresses);
        Assert.Equal((At, true), (kept.Address, kept.LastSuccess is not null));
        Assert.Contains(s.TakeKept(), a => a is MeshAction.Keep k && k.Peer == Peer);
        Assert.DoesNotContain(s.Take(), a => a is MeshAction.Dial or MeshAction.CloseLink);

        // Killed, and back after an hour: the pause is never longer than that of a static peer.
        s.Lose(link);
        for (int i = 0; i < 100; i++)
        {
            s.Advance(60);
            Assert.All(s.Take().OfType<MeshAction.Dial>().ToArray(), d =>
            {
                Assert.Equal(At, d.Address);
                s.Fail(d.Connection, MesharaErrorCode.ConnectFailed);
            });
        }

        Assert.True(Assert.Single(s.Mesh.Snapshot(Peer, s.Now).Addresses) is { Failures: 1, FailedDials: > 90 } told && told.LastTried > s.Now - TimeSpan.FromSeconds(121));
        s.Advance(61);
        s.Answered(s.Take().OfType<MeshAction.Dial>().Last().Connection, Peer);
        Assert.Single(s.Take().OfType<MeshAction.LinkUp>());
        kept = Assert.Single(s.Mesh.Snapshot(Peer, s.Now).Addresses);
        Assert.Equal((0, s.Now), (kept.Failures, kept.LastSuccess));
    }

    [Fact]
    public void Trust_KnownPeerWithoutALink_IsDialledAtOnceAndAfterARestart()
    {
        MeshScript s = new(Ids.Of(0x01), target: 4, maxPeers: 4);
        AddressRecord stored = new(At, AddressSource.Hello, default) { LastSuccess = TimeSpan.Zero };
        s.Mesh.HandleStart(new StoredMesh { Addresses = [stored] }, s.Now);

        s.Mesh.HandleTrust(Peer, s.Now);
        s.Advance(1);

        Assert.Equal(At, s.Single<MeshAction.Dial>().Address);
        s.Mesh.HandleReady(s.Now);
        Assert.Empty(s.Take());
    }

    [Fact]
    public void Remove_PeerThatWasNamed_IsAMeshPeerAgainWithItsAddress()
    {
        MeshScript s = Ready(target: 1, max: 2);
        long link = Linked(s);
        s.Mesh.HandleTrust(Peer, s.Now);

        Assert.True(s.Mesh.HandleRemove(Peer, s.Now));
        s.Lose(link, DisconnectReason.LocalRemoved);
        s.Take();

        Assert.False(s.Mesh.IsStatic(Peer));
        Assert.NotNull(Assert.Single(s.Mesh.Snapshot(Peer, s.Now).Addresses).LastSuccess);

        // Not at once, or the operator would see no end of the link.
        s.Advance(299);
        Assert.DoesNotContain(s.Take(), a => a is MeshAction.Dial);
        s.Advance(152);
        Assert.Contains(s.Take(), a => a is MeshAction.Dial { Probe: false } d && d.Address == At);
    }

    [Fact]
    public void Remove_PeerThatNobodyNamed_IsForgotten()
    {
        MeshScript s = Ready(target: 1, max: 2);
        long link = Linked(s);

        Assert.True(s.Mesh.HandleRemove(Peer, s.Now));
        s.Lose(link, DisconnectReason.LocalRemoved);

        Assert.Empty(s.Mesh.Snapshot(Peer, s.Now).Addresses);
    }

    [Fact]
    public void Trust_BannedPeerAndRemoved_ItsAddressIsKeptAndItIsBannedStill()
    {
        MeshScript s = Ready(target: 1, max: 2);
        for (int i = 0; i < 3; i++)
        {
            s.Lose(s.Link(Peer), DisconnectReason.ProtocolError, penalise: true);
        }

        s.Learn(At);
        s.Mesh.HandleTrust(Peer, s.Now);
        Assert.Null(s.Mesh.BanOf(Peer, s.Now));
        s.Mesh.HandleRemove(Peer, s.Now);

        Assert.NotNull(s.Mesh.BanOf(Peer, s.Now));
        Assert.Equal(At, Assert.Single(s.Mesh.Snapshot(Peer, s.Now).Addresses).Address);
    }

    [Fact]
    public void Remove_KeyReplacedByAnother_TheAddressesGoOn()
    {
        MeshScript s = Ready(target: 1, max: 2);
        long link = Linked(s);
        s.Mesh.HandleTrust(Peer, s.Now);

        s.Mesh.HandleRemove(Peer, s.Now, Ids.Of(0x90));
        s.Mesh.HandleTrust(Ids.Of(0x90), s.Now);
        s.Lose(link, DisconnectReason.LocalRemoved);
        s.Advance(15);

        Assert.Empty(s.Mesh.Snapshot(Peer, s.Now).Addresses);
        Assert.Contains(s.Take(), a => a is MeshAction.Dial d && d.Address == At with { Id = Ids.Of(0x90) });
    }

    // A bootstrap node without an id and what was learned there, and nodes that were there before: one address.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)]
    public void Failed_ManyIdsAtOneAddress_AreDialledAtOnePace(int ids)
    {
        MeshScript s = new(Ids.Of(0x01), target: 8, maxPeers: 8, bootstrap: [new PeerAddress("10.80.0.1", 4040)]);
        s.Start();
        for (byte i = 0; i < ids; i++)
        {
            s.Learn(At with { Id = Ids.Of((byte)(0x80 + i)) });
        }

        int dials = 0;
        for (int i = 0; i < 1000; i++)
        {
            s.Advance(0.1);
            foreach (MeshAction.Dial dial in s.Take().OfType<MeshAction.Dial>())
            {
                dials++;
                s.Fail(dial.Connection, MesharaErrorCode.ConnectFailed);
            }
        }

        // Half of 1, 2, 4, 8, 16, 32 and 64 s, more or less; the feeler keeps to it too.
        Assert.InRange(dials, 4, 13);
        Assert.Equal(1, s.Mesh.AddressCounts.Unproven);
        for (byte i = 0; i < ids; i++)
        {
            AddressRecord told = Assert.Single(s.Mesh.Snapshot(Ids.Of((byte)(0x80 + i)), s.Now).Addresses);
            Assert.True(told.LastTried > s.Now - TimeSpan.FromSeconds(65) && told.FailedDials == dials, told.ToString());
        }
    }

    [Fact]
    public void WrongKey_WhoWasThereBefore_DoesNotKnockForEver()
    {
        MeshScript s = new(Ids.Of(0x01), target: 8, maxPeers: 8);
        NodeId[] stale = [Ids.Of(0x80), Ids.Of(0x81), Ids.Of(0x82)];
        s.Start(new StoredMesh { Addresses = [.. stale.Select(id => new AddressRecord(At with { Id = id }, AddressSource.Hello, default) { LastSuccess = TimeSpan.Zero })] });
        int dials = 0;
        for (int i = 0; i < 3600; i++)
        {
            s.Advance(1);
            foreach (MeshAction.Dial dial in s.Take().OfType<MeshAction.Dial>())
            {
                dials++;
                s.Fail(dial.Connection, MesharaErrorCode.PinMismatch, transient: false, peer: Ids.Of(0x99));
            }
        }

        Assert.Equal(9, dials);
        Assert.All(stale, id => Assert.Empty(s.Mesh.Snapshot(id, s.Now).Addresses));
        Assert.All(stale, id => Assert.Equal(0, s.Mesh.ReputationOf(id, s.Now)));
    }

    [Fact]
    public void WrongKey_StaticPeersLearnedAddress_IsGivenUpToo()
    {
        MeshScript s = Ready(target: 1, max: 2);
        s.Learn(At);
        s.Take();
        s.Mesh.HandleTrust(Peer, s.Now);
        s.Advance(1);

        s.Fail(s.Take().OfType<MeshAction.Dial>().Last().Connection, MesharaErrorCode.PinMismatch, transient: false, peer: Ids.Of(0x99));

        s.Advance(3600);
        Assert.DoesNotContain(s.Take(), a => a is MeshAction.Dial);
        Assert.True(s.Mesh.IsStatic(Peer));
    }

    [Fact]
    public void Failed_StaticPeersAtOneAddress_AreDialledAtOnePace()
    {
        MeshScript s = new(Ids.Of(0x01), AdmissionMode.KnownPeers);
        for (byte i = 0; i < 3; i++)
        {
            s.Mesh.HandleAdd(null, At with { Id = Ids.Of((byte)(0x80 + i)) }, keepForever: true, s.Now);
        }

        int dials = 0;
        for (int i = 0; i < 6000; i++)
        {
            foreach (MeshAction.Dial dial in s.Take().OfType<MeshAction.Dial>())
            {
                dials++;
                s.Fail(dial.Connection, MesharaErrorCode.ConnectFailed);
            }

            s.Advance(0.1);
        }

        // Every half minute or so, once it has grown to one: not thrice as often.
        Assert.InRange(dials, 12, 40);
    }

    [Fact]
    public void Restart_BootstrapNodeWasDead_IsDialledAtOnce()
    {
        MeshScript s = new(Ids.Of(0x01), target: 2, maxPeers: 4, bootstrap: [new PeerAddress("10.80.0.1", 4040)]);
        s.Start(new StoredMesh { Addresses = [new AddressRecord(At, AddressSource.Hello, default) { LastTried = s.Now, Failures = 20 }] });
        s.Advance(1);

        Assert.Equal(At.HostAndPort, s.Single<MeshAction.Dial>().Address.HostAndPort);
    }

    private static MeshScript Ready(int target, int max)
    {
        MeshScript s = new(Ids.Of(0x01), target: target, maxPeers: max);
        s.Start();
        return s;
    }

    private static long Linked(MeshScript s)
    {
        s.Learn(At);
        long link = s.Single<MeshAction.Dial>().Connection;
        s.Answered(link, Peer);
        s.Advance(60);
        s.Take();
        return link;
    }
}
