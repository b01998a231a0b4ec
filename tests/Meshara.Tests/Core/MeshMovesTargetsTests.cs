using System.Net;
using Meshara.Core;
using Xunit;

namespace Meshara.Tests.Core;

/// <summary>Peers that say to be somewhere else: when the trying ends, and which of their targets move.</summary>
public sealed class MeshMovesTargetsTests
{
    private static readonly NodeId Peer = Ids.Of(0x10);
    private static readonly PeerAddress Old = new("10.0.0.1", 4040, Peer), New = new("10.0.0.1", 5050, Peer), Named = new("peer.example", 4040, Peer);
    private static readonly IPAddress Near = IPAddress.Parse("10.0.0.1");

    private readonly MeshScript _s = new(Ids.Of(0x01), AdmissionMode.KnownPeers, exchanges: true);

    public MeshMovesTargetsTests() => _s.Start();

    [Fact]
    public void Removed_BetweenTwoRounds_IsNotTriedAgain()
    {
        Want(Old);
        _s.Link(Peer);
        _s.Fail(Tell("10.0.0.1:5050").Single().Connection, MesharaErrorCode.ConnectFailed);

        _s.Mesh.HandleRemove(Peer, _s.Now);
        _s.Take();
        _s.Advance(60);

        Assert.Empty(Probes());
    }

    [Fact]
    public void Record_TakesBackWhatItSaid_TheOtherAddressIsNotTriedAgain()
    {
        Want(Old);
        _s.Fail(Tell("10.0.0.1:5050").Single().Connection, MesharaErrorCode.ConnectFailed);

        Assert.Empty(Tell("10.0.0.1:4040"));
        _s.Advance(60);

        Assert.Empty(Probes());
    }

    // Five rounds of one record, and five more when it says the same later.
    [Fact]
    public void Record_SaysTheSameAfterAllRounds_IsTriedAgain()
    {
        Want(Old);
        _s.Link(Peer);
        MeshAction.Dial[] probes = Tell("10.0.0.1:5050");
        for (int i = 0; i < 5; i++)
        {
            _s.Fail(Assert.Single(probes).Connection, MesharaErrorCode.ConnectFailed);
            _s.Advance(20);
            probes = Probes();
        }

        Assert.Empty(probes);
        Assert.Equal(New, Assert.Single(Tell("10.0.0.1:5050")).Address);
    }

    // It still names the old address: the new one is tried for a minute, and the target stays.
    [Fact]
    public void Proven_TheOldAddressIsNamedToo_BothAreDialledAndTheNewOneForAMinute()
    {
        Want(Old);
        Prove(Tell("10.0.0.1:4040", "10.0.0.1:5050").Single());
        List<(TimeSpan At, PeerAddress Address)> dialled = [];
        TimeSpan proven = _s.Now;
        for (int i = 0; i < 300; i++)
        {
            IReadOnlyList<MeshAction> actions = _s.Take();
            Assert.Empty(actions.OfType<MeshAction.Moved>());
            foreach (MeshAction.Dial dial in actions.OfType<MeshAction.Dial>())
            {
                dialled.Add((_s.Now - proven, dial.Address));
                _s.Fail(dial.Connection, MesharaErrorCode.ConnectFailed);
            }

            _s.Advance(1);
        }

        TimeSpan[] atNew = [.. dialled.Where(d => d.Address == New).Select(d => d.At)];
        Assert.True(atNew.Length > 1, "the new address was dialled once only");
        Assert.True(atNew[^1] < TimeSpan.FromSeconds(130), $"the new address was dialled after {atNew[^1]}");
        Assert.Contains(dialled, d => d.Address == Old && d.At > TimeSpan.FromSeconds(150));
    }

    [Fact]
    public void Proven_TheOldAddressIsNamedTooAndThePeerHasCome_NothingIsDialled()
    {
        Want(Old);
        MeshAction.Dial probe = Tell("10.0.0.1:4040", "10.0.0.1:5050").Single();
        _s.Link(Peer);
        _s.Take();

        Prove(probe);
        _s.Advance(10);

        Assert.DoesNotContain(_s.Take(), a => a is MeshAction.Moved or MeshAction.Dial);
    }

    [Fact]
    public void Proven_TheOperatorDialsThereAlready_IsNotDialledTwice()
    {
        Want(Old);
        MeshAction.Dial probe = Tell("10.0.0.1:5050").Single();
        _s.Mesh.HandleAdd(7, New, keepForever: false, _s.Now);
        long his = _s.Take().OfType<MeshAction.Dial>().Single(d => !d.Probe).Connection;

        Prove(probe);

        Assert.Empty(_s.Take().OfType<MeshAction.Dial>());
        _s.Answered(his, Peer);
        Assert.Equal(7, _s.Single<MeshAction.AddSucceeded>().AddId);
    }

    // A number that has answered says nothing of a name, which moves with the machine.
    [Fact]
    public void Proven_ByNumber_OnlyTheTargetWithANumberMoves()
    {
        Want(Named);
        Want(Old);
        MeshAction.Dial probe = Tell("10.0.0.1:5050").Single();
        Assert.Equal(New, probe.Address);

        Prove(probe);

        MeshAction.Moved moved = Assert.Single(_s.Take().OfType<MeshAction.Moved>());
        Assert.Equal((Old, New), (moved.Old, moved.Proven));
        Assert.Contains("peer.example", _s.Mesh.PinnedHosts());
    }

    [Fact]
    public void Proven_OneOfTwoTargetsIsNamedStill_OnlyTheOtherMoves()
    {
        PeerAddress second = new("10.0.0.2", 4040, Peer);
        Want(Old);
        Want(second);

        Prove(Tell("10.0.0.2:4040", "10.0.0.1:5050").Single());

        MeshAction.Moved moved = Assert.Single(_s.Take().OfType<MeshAction.Moved>());
        Assert.Equal((Old, New), (moved.Old, moved.Proven));
        Assert.Contains("10.0.0.2", _s.Mesh.PinnedHosts());
    }

    private void Want(PeerAddress address)
    {
        _s.Mesh.HandleAdd(null, address, keepForever: true, _s.Now);
        foreach (MeshAction.Dial dial in _s.Take().OfType<MeshAction.Dial>().ToArray())
        {
            _s.Fail(dial.Connection, MesharaErrorCode.ConnectFailed);
        }

        _s.Take();
    }

    private MeshAction.Dial[] Tell(params string[] addresses)
    {
        _s.Take();
        _s.Mesh.HandleRecord(Peer, [.. addresses.Select(a => PeerAddress.Parse(a) with { Id = Peer })], Peer, Near, _s.Now);
        return Probes();
    }

    private MeshAction.Dial[] Probes() => [.. _s.Take().OfType<MeshAction.Dial>().Where(d => d.Probe)];

    private void Prove(MeshAction.Dial probe)
    {
        _s.Hello(probe.Connection, Peer);
        _s.Mesh.HandleReadyReceived(probe.Connection, _s.Now);
    }
}
