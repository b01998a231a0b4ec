using Meshara.Core;
using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core;

/// <summary>Whose addresses are learned, and what the operator's word makes of them.</summary>
public sealed class MeshLearningTests
{
    private static readonly NodeId Self = Ids.Of(0x01), Peer = Ids.Of(0x10);
    private static readonly PeerAddress At = new("10.1.0.1", 4040, Peer), Elsewhere = new("10.2.0.1", 4040, Peer), Unpinned = new("10.3.0.1", 4040);

    [Fact]
    public void Learned_KnownPeersOnly_NothingIsRemembered()
    {
        MeshScript s = new(Self, AdmissionMode.KnownPeers);
        AddressKey source = AddressGroups.KeysOf(System.Net.IPAddress.Parse("10.9.0.1")).Wide;
        s.Start(new StoredMesh { Addresses = [new AddressRecord(Elsewhere, AddressSource.PeerExchange, source)] });

        s.Learn(At);

        Assert.Empty(s.Mesh.RememberedIds);
    }

    [Fact]
    public void Learned_OfItselfOrOfAKnownPeer_NothingIsRemembered()
    {
        MeshScript s = new(Self);
        s.Mesh.HandleTrust(Peer, s.Now);

        s.Learn(At with { Id = Self });
        s.Learn(At);

        Assert.Empty(s.Mesh.RememberedIds);
    }

    [Fact]
    public void Learned_AfterTheStop_NothingIsRemembered()
    {
        MeshScript s = new(Self);
        s.Mesh.HandleStop(s.Now);

        s.Learn(At);

        Assert.Empty(s.Mesh.RememberedIds);
    }

    // The store hears of each new address of a peer, once.
    [Fact]
    public void Learned_OneAddressTwice_IsWrittenDownOnce()
    {
        MeshScript s = new(Self);

        s.Learn(At);
        Assert.Equal([Peer], s.TakeKept().OfType<MeshAction.Keep>().Select(k => k.Peer));

        s.Learn(At);
        s.Learn(Unpinned);
        Assert.Empty(s.TakeKept().OfType<MeshAction.Keep>());
    }

    // The dial of the node's own is given up for the operator's.
    [Fact]
    public void Trust_WhileItIsDialledAsACandidate_IsDialledForTheOperator()
    {
        MeshScript s = new(Self, maxPeers: 8, target: 4);
        s.Start();
        s.Learn(At);
        long dial = s.Single<MeshAction.Dial>().Connection;

        s.Mesh.HandleTrust(Peer, s.Now);

        Assert.Equal(dial, s.Single<MeshAction.Abort>().Connection);
        s.Advance(1.01);
        Assert.Equal(At, s.Single<MeshAction.Dial>().Address);
    }

    // What the table knows of a peer helps to reach it once the operator has named another address of it.
    [Fact]
    public void Add_OfAPeerInTheTable_ItsOtherAddressIsDialledTooWhenItIsLost()
    {
        MeshScript s = new(Self);
        s.Learn(Elsewhere);
        long dial = s.Add(At);
        s.Answered(dial, Peer);
        s.Take();

        s.Lose(dial);
        HashSet<PeerAddress> dialled = [];
        for (int i = 0; i < 120; i++)
        {
            foreach (MeshAction.Dial next in s.Take().OfType<MeshAction.Dial>())
            {
                dialled.Add(next.Address);
                s.Fail(next.Connection, MesharaErrorCode.ConnectFailed);
            }

            s.Advance(1);
        }

        Assert.Contains(At, dialled);
        Assert.Contains(Elsewhere, dialled);
    }

    // The store has nothing of a node that admits only those whom its operator named.
    [Theory]
    [InlineData(AdmissionMode.Open, true)]
    [InlineData(AdmissionMode.KnownPeers, false)]
    public void Trust_IsWrittenDownWhereAddressesAre(object mode, bool written)
    {
        MeshScript s = new(Self, (AdmissionMode)mode);

        s.Mesh.HandleTrust(Peer, s.Now);

        Assert.Equal(written, s.TakeKept().OfType<MeshAction.Keep>().Any(k => k.Peer == Peer));
    }

    [Fact]
    public void Forgery_IsWrittenDown()
    {
        MeshScript s = new(Self);

        s.Mesh.HandleForgedRefusal(Peer, s.Now);
        Assert.Contains(s.TakeKept(), a => a is MeshAction.Keep { Peer: var id } && id == Peer);
    }

    // The operator's word ends the consequences of what a peer has done.
    [Fact]
    public void Trust_OfABannedPeer_IsNotBannedAnyMore()
    {
        MeshScript s = new(Self);
        for (int i = 0; i < 10 && s.Mesh.BanOf(Peer, s.Now) is null; i++)
        {
            s.Mesh.HandleForgedRefusal(Peer, s.Now);
        }

        Assert.NotNull(s.Mesh.BanOf(Peer, s.Now));
        s.Mesh.HandleTrust(Peer, s.Now);

        Assert.Null(s.Mesh.BanOf(Peer, s.Now));
        Assert.Empty(s.Mesh.BannedAt(s.Now));
    }

    // Somebody has come: he may be the one whom an address without an id did not reach. Pinned ones keep their time, and a dial under way is not doubled.
    [Fact]
    public void Linked_APeerThatCameByItself_OnlyUnpinnedTargetsThatWaitAreDialledSoon()
    {
        MeshScript s = new(Self, AdmissionMode.Secret);
        PeerAddress underWay = new("10.4.0.1", 4040);
        Silence(s, At);
        TimeSpan due = Silence(s, Unpinned);
        s.Mesh.HandleAdd(null, underWay, keepForever: true, s.Now);
        s.Take();

        Come(s, Ids.Of(0x70));
        s.Take();
        s.Advance(1.01);

        Assert.True(s.Now < due);
        Assert.Equal([Unpinned], s.Take().OfType<MeshAction.Dial>().Select(d => d.Address));
    }

    // Anybody can come: that makes the dial sooner once in the time that a dial may take.
    [Fact]
    public void Linked_ManyThatComeByThemselves_TheUnpinnedTargetIsDialledOnce()
    {
        MeshScript s = new(Self, AdmissionMode.Secret);
        Silence(s, Unpinned);
        int dials = 0;
        for (byte i = 0; i < 4; i++)
        {
            Come(s, Ids.Of((byte)(0x70 + i)));
            s.Advance(1.01);
            foreach (MeshAction.Dial dial in s.Take().OfType<MeshAction.Dial>())
            {
                dials++;
                s.Fail(dial.Connection, MesharaErrorCode.Full, byPeer: true, peer: Peer, retryAfter: 60);
            }
        }

        Assert.Equal(1, dials);
    }

    [Fact]
    public void Linked_UnderOpen_NoUnpinnedTargetIsDialledSooner()
    {
        MeshScript s = new(Self);
        Silence(s, Unpinned);

        Come(s, Ids.Of(0x70));
        s.Advance(1.01);

        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
    }

    // Nobody answers there, nor anywhere else, until all dials are more than ten seconds away. When the first of them is due.
    private static TimeSpan Silence(MeshScript s, PeerAddress address)
    {
        s.Mesh.HandleAdd(null, address, keepForever: true, s.Now);
        for (int i = 0; i < 1000; i++)
        {
            foreach (MeshAction.Dial dial in s.Take().OfType<MeshAction.Dial>())
            {
                s.Fail(dial.Connection, MesharaErrorCode.ConnectFailed);
            }

            if (s.Mesh.NextDeadline > s.Now + TimeSpan.FromSeconds(10))
            {
                return s.Mesh.NextDeadline.Value;
            }

            s.Advance(1);
        }

        throw new InvalidOperationException("never waits");
    }

    private static void Come(MeshScript s, NodeId id)
    {
        long connection = s.Accept(id, secret: true);
        s.Mesh.HandleReadyReceived(connection, s.Now);
    }
}
