using System.Net;
using Meshara.Core;
using Xunit;

namespace Meshara.Tests.Core;

/// <summary>Peers that the operator named, and that say to be somewhere else.</summary>
public sealed class MeshMovesTests
{
    private static readonly NodeId Peer = Ids.Of(0x10);
    private static readonly PeerAddress Old = new("10.0.0.1", 4040, Peer), New = new("10.0.0.1", 5050, Peer);
    private static readonly IPAddress Near = IPAddress.Parse("10.0.0.1");

    private readonly MeshScript _s = new(Ids.Of(0x01), AdmissionMode.KnownPeers, exchanges: true);

    public MeshMovesTests() => _s.Start();

    [Fact]
    public void Record_OfALinkedPeerElsewhere_IsProbed_AndTheTargetMovesOnlyWhenItsKeyHasAnswered()
    {
        Want(Old);
        _s.Link(Peer);
        Tell("10.0.0.1:5050");

        MeshAction.Dial dial = _s.Single<MeshAction.Dial>();
        Assert.Equal((New, true), (dial.Address, dial.Probe));
        _s.Hello(dial.Connection, Peer);
        Assert.Empty(_s.Take().OfType<MeshAction.Moved>());

        _s.Mesh.HandleReadyReceived(dial.Connection, _s.Now);

        MeshAction.Moved moved = _s.Single<MeshAction.Moved>();
        Assert.Equal((Peer, Old, New), (moved.Peer, moved.Old, moved.Proven));
        Assert.Equal(["10.0.0.1"], _s.Mesh.PinnedHosts().Distinct());
    }

    [Fact]
    public void Record_OfAMissingPeer_IsProbedAndDialledThere_AndNotAtTheOldAddressAnyMore()
    {
        Want(Old);
        Tell("10.0.0.1:5050");
        MeshAction.Dial probe = _s.Single<MeshAction.Dial>();
        Prove(probe);

        MeshAction.Dial dial = _s.Single<MeshAction.Dial>();
        Assert.Equal((New, false), (dial.Address, dial.Probe));
        _s.Fail(dial.Connection, MesharaErrorCode.ConnectFailed);
        _s.Advance(300);
        Assert.All(_s.Take().OfType<MeshAction.Dial>(), d => Assert.Equal(New, d.Address));
    }

    [Fact]
    public void Record_AnotherKeyAnswersThere_NothingChanges()
    {
        Want(Old);
        Tell("10.0.0.1:5050");
        MeshAction.Dial probe = _s.Single<MeshAction.Dial>();

        _s.Fail(probe.Connection, MesharaErrorCode.PinMismatch, transient: false);
        _s.Advance(600);

        IReadOnlyList<MeshAction> all = _s.Take();
        Assert.Empty(all.OfType<MeshAction.Moved>());
        Assert.Contains(all.OfType<MeshAction.Dial>(), d => d.Address == Old);
    }

    [Fact]
    public void Record_NobodyAnswersAtFirst_TriedAFewTimesAndThenLeft()
    {
        Want(Old);
        _s.Link(Peer);
        Tell("10.0.0.1:5050");
        int probes = 0;
        for (int i = 0; i < 20; i++)
        {
            foreach (MeshAction.Dial dial in _s.Take().OfType<MeshAction.Dial>())
            {
                probes++;
                _s.Fail(dial.Connection, MesharaErrorCode.ConnectFailed);
            }

            _s.Advance(30);
        }

        Assert.Equal(5, probes);
    }

    [Fact]
    public void Record_SeveralAddresses_TriedOneAfterTheOther()
    {
        Want(Old);
        _s.Link(Peer);
        Tell("10.0.0.2:1", "10.0.0.3:2", "10.0.0.4:3");

        MeshAction.Dial first = _s.Single<MeshAction.Dial>();
        _s.Fail(first.Connection, MesharaErrorCode.ConnectFailed);
        MeshAction.Dial second = _s.Single<MeshAction.Dial>();
        Assert.Equal(("10.0.0.2", "10.0.0.3"), (first.Address.Host, second.Address.Host));
        Prove(second);

        Assert.Equal("10.0.0.3", _s.Take().OfType<MeshAction.Moved>().Single().Proven.Host);
        _s.Advance(60);
        Assert.Empty(_s.Take().OfType<MeshAction.Dial>());
    }

    // Peers with several networks name many addresses, all the time.
    [Fact]
    public void Record_NamesTheTargetStill_NothingIsTriedWhileItIsLinked()
    {
        Want(Old);
        _s.Link(Peer);

        Tell("10.0.0.1:4040", "10.0.0.2:4040");

        Assert.Empty(_s.Take());
    }

    // What a peer tells depends on where it is asked from: silence about a local address says nothing.
    [Fact]
    public void Record_NamesOnlyPublicAddresses_ALocalTargetStays()
    {
        Want(Old);
        _s.Link(Peer);

        Tell("203.0.113.5:4040");

        Assert.Empty(_s.Take());
    }

    [Fact]
    public void Record_TheTargetIsLinkedRightNow_ItIsNotOutdated()
    {
        Want(Old);
        _s.Take();
        MeshScript s = new(Ids.Of(0x01), AdmissionMode.KnownPeers);
        s.Start();
        s.Mesh.HandleAdd(null, Old, keepForever: true, s.Now);
        s.Answered(s.Single<MeshAction.Dial>().Connection, Peer);
        s.Take();

        s.Mesh.HandleRecord(Peer, [New], Peer, Near, s.Now);

        Assert.Empty(s.Take());
    }

    [Fact]
    public void Record_TargetWithAName_OnlyItsPortIsTried()
    {
        Want(new PeerAddress("peer.example", 4040, Peer));
        _s.Link(Peer);
        Tell("10.0.0.9:5050");

        MeshAction.Dial probe = _s.Single<MeshAction.Dial>();
        Assert.Equal("peer.example:5050", probe.Address.HostAndPort);
        Prove(probe);

        MeshAction.Moved moved = _s.Take().OfType<MeshAction.Moved>().Single();
        Assert.Equal(("peer.example:4040", "peer.example:5050"), (moved.Old!.HostAndPort, moved.Proven.HostAndPort));
    }

    [Fact]
    public void Record_TrustedWithoutAnAddress_GetsOne()
    {
        _s.Mesh.HandleTrust(Peer, _s.Now);
        Tell("10.0.0.1:5050");
        Prove(_s.Single<MeshAction.Dial>());

        IReadOnlyList<MeshAction> after = _s.Take();
        Assert.Null(after.OfType<MeshAction.Moved>().Single().Old);
        Assert.Equal(New, after.OfType<MeshAction.Dial>().Single().Address);
    }

    [Fact]
    public void Record_OfAStranger_MovesNobody()
    {
        Want(Old);
        _s.Take();

        _s.Mesh.HandleRecord(Ids.Of(0x20), [New with { Id = Ids.Of(0x20) }], Peer, Near, _s.Now);

        Assert.Empty(_s.Take());
    }

    [Fact]
    public void Record_FromAPublicPeer_NamesNoLocalAddress()
    {
        Want(Old);
        _s.Take();

        _s.Mesh.HandleRecord(Peer, [New], Ids.Of(0x20), IPAddress.Parse("198.51.100.9"), _s.Now);

        Assert.Empty(_s.Take());
    }

    [Fact]
    public void Removed_WhileItIsProbed_NothingMoves()
    {
        Want(Old);
        _s.Link(Peer);
        Tell("10.0.0.1:5050");
        MeshAction.Dial probe = _s.Single<MeshAction.Dial>();
        _s.Mesh.HandleRemove(Peer, _s.Now);
        _s.Take();

        Prove(probe);

        Assert.DoesNotContain(_s.Take(), a => a is MeshAction.Moved or MeshAction.Dial);
        Assert.False(_s.Mesh.IsKnown(Peer));
    }

    [Fact]
    public void Record_ManyPeersAtOnce_FourProbesAtATime()
    {
        for (byte i = 0; i < 10; i++)
        {
            NodeId id = Ids.Of((byte)(0x10 + i));
            _s.Mesh.HandleAdd(null, new PeerAddress($"10.0.1.{i}", 4040, id), keepForever: true, _s.Now);
            _s.Fail(_s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
            _s.Mesh.HandleRecord(id, [new PeerAddress($"10.0.1.{i}", 5050, id)], Peer, Near, _s.Now);
            _s.TakeProbes();
        }

        Assert.Equal(4, _s.Probes.Count);
        _s.Fail(_s.Probes[0].Connection, MesharaErrorCode.ConnectFailed);
        _s.TakeProbes();
        Assert.Equal(5, _s.Probes.Count);
    }

    // It may have told before it listened: after one second, two, four, eight.
    [Fact]
    public void Record_NobodyAnswers_TheRoundsAreTwiceAsFarApartEachTime()
    {
        Want(Old);
        _s.Link(Peer);
        Tell("10.0.0.1:5050");
        foreach (double wait in new[] { 1, 2, 4, 8 })
        {
            _s.Fail(_s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
            _s.Advance(wait - 0.01);
            Assert.Empty(_s.Take().OfType<MeshAction.Dial>());
            _s.Advance(0.02);
        }

        _s.Fail(_s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
        _s.Advance(600);
        Assert.Empty(_s.Take().OfType<MeshAction.Dial>());

        // Until its next record.
        Tell("10.0.0.1:5051");
        Assert.Equal(5051, _s.Single<MeshAction.Dial>().Address.Port);
    }

    [Fact]
    public void Record_TwentyAddresses_SixteenAreTried()
    {
        Want(Old);
        _s.Link(Peer);
        Tell([.. Enumerable.Range(10, 20).Select(i => $"10.0.0.{i}:5050")]);
        for (int i = 0; i < 16; i++)
        {
            MeshAction.Dial dial = _s.Single<MeshAction.Dial>();
            Assert.Equal($"10.0.0.{10 + i}", dial.Address.Host);
            _s.Fail(dial.Connection, MesharaErrorCode.ConnectFailed);
        }

        Assert.Empty(_s.Take().OfType<MeshAction.Dial>());
    }

    // Only what it said last is tried, and what is under way for an older word counts for nothing.
    [Fact]
    public void Record_AnotherOneMeanwhile_TheNewerCounts()
    {
        Want(Old);
        _s.Link(Peer);
        Tell("10.0.0.1:5050");
        MeshAction.Dial first = _s.Single<MeshAction.Dial>();
        Tell("10.0.0.1:5050");
        Assert.Empty(_s.Take().OfType<MeshAction.Dial>());
        Tell("10.0.0.1:6060");
        MeshAction.Dial second = _s.Single<MeshAction.Dial>();
        Prove(first);
        Assert.Empty(_s.Take().OfType<MeshAction.Moved>());
        Prove(second);
        Assert.Equal(6060, _s.Single<MeshAction.Moved>().Proven.Port);
    }

    [Fact]
    public void Record_NamesTheTargetAgain_NothingMoves()
    {
        Want(Old);
        _s.Link(Peer);
        Tell("10.0.0.1:5050");
        MeshAction.Dial probe = _s.Single<MeshAction.Dial>();
        Tell("10.0.0.1:4040");
        Prove(probe);
        Assert.Empty(_s.Take().OfType<MeshAction.Moved>());
        _s.Advance(600);
        Assert.Empty(_s.Take().OfType<MeshAction.Dial>());
    }

    [Fact]
    public void Record_FailsForAnOlderWord_TheNewerOneIsTriedOn()
    {
        Want(Old);
        _s.Link(Peer);
        Tell("10.0.0.1:5050");
        MeshAction.Dial first = _s.Single<MeshAction.Dial>();
        Tell("10.0.0.1:6060");
        MeshAction.Dial second = _s.Single<MeshAction.Dial>();
        _s.Fail(first.Connection, MesharaErrorCode.ConnectFailed);
        Assert.Empty(_s.Take().OfType<MeshAction.Dial>());
        Prove(second);
        Assert.Equal(6060, _s.Single<MeshAction.Moved>().Proven.Port);
    }

    // It is linked there already, as the local network said: nothing needs to be tried.
    [Fact]
    public void Record_NamesWhereItIsLinked_MovesAtOnce()
    {
        _s.Mesh.HandleNearbyInterfaces([Policy.LanBed.Eth], Policy.LanBed.OwnPorts);
        PeerAddress old = new("10.0.0.7", 4041, Peer);
        Want(old);
        _s.Mesh.HandleNearby([Policy.LanBed.Found(Peer, "10.0.0.7", 5050)], _s.Now);
        MeshAction.Dial near = _s.Take().OfType<MeshAction.Dial>().Single(d => d.Address.Port == 5050);
        Prove(near);
        _s.Take();
        Tell("10.0.0.7:5050");
        IReadOnlyList<MeshAction> actions = _s.Take();
        Assert.Empty(actions.OfType<MeshAction.Dial>());
        MeshAction.Moved moved = Assert.Single(actions.OfType<MeshAction.Moved>());
        Assert.Equal((old, 5050), (moved.Old, moved.Proven.Port));
    }

    // The file named it, so the file may take it back; the operator did, so it is for ever.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Moved_WhoeverNamedTheOldAddress_MeansTheNewOne(bool byFile)
    {
        if (byFile)
        {
            _s.Mesh.HandleNamed([Old], _s.Now);
            _s.Fail(_s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
        }
        else
        {
            Want(Old);
        }

        Tell("10.0.0.1:5050");
        Prove(_s.Take().OfType<MeshAction.Dial>().Single(d => d.Probe));
        MeshAction.Dial dial = _s.Take().OfType<MeshAction.Dial>().Single();
        Assert.Equal(New, dial.Address);
        _s.Fail(dial.Connection, MesharaErrorCode.ConnectFailed);
        _s.Mesh.HandleNamed([], _s.Now);
        _s.Take();
        _s.Advance(300);
        Assert.Equal(!byFile, _s.Take().OfType<MeshAction.Dial>().Any(d => d.Address == New));
        Assert.Equal(!byFile, _s.Mesh.IsKnown(Peer));
    }

    // A fifth waits for one of four, also where that one is found.
    [Fact]
    public void Record_OneOfFourIsFound_TheNextIsTried()
    {
        for (byte i = 0; i < 6; i++)
        {
            NodeId id = Ids.Of((byte)(0x10 + i));
            _s.Mesh.HandleAdd(null, new PeerAddress($"10.0.1.{i}", 4040, id), keepForever: true, _s.Now);
            _s.Fail(_s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
            _s.Mesh.HandleRecord(id, [new PeerAddress($"10.0.1.{i}", 5050, id)], Peer, Near, _s.Now);
            _s.TakeProbes();
        }

        Assert.Equal(4, _s.Probes.Count);
        _s.Hello(_s.Probes[1].Connection, Ids.Of(0x11));
        _s.Mesh.HandleReadyReceived(_s.Probes[1].Connection, _s.Now);
        _s.TakeProbes();
        Assert.Equal(5, _s.Probes.Count);
    }

    private void Want(PeerAddress address)
    {
        _s.Mesh.HandleAdd(null, address, keepForever: true, _s.Now);
        _s.Fail(_s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
        _s.Take();
    }

    private void Tell(params string[] addresses)
    {
        _s.Take();
        _s.Mesh.HandleRecord(Peer, [.. addresses.Select(a => PeerAddress.Parse(a) with { Id = Peer })], Peer, Near, _s.Now);
    }

    private void Prove(MeshAction.Dial probe)
    {
        _s.Hello(probe.Connection, Peer);
        _s.Mesh.HandleReadyReceived(probe.Connection, _s.Now);
    }
}
