using FsCheck;
using FsCheck.Fluent;
using Meshara.Core;
using Meshara.Tests.Support;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Core;

/// <summary>Peers that the static peers file names, as a whole and again.</summary>
public sealed class MeshNamedTests
{
    private static readonly PeerAddress High = new("host", 4040, Ids.High);
    private static readonly PeerAddress HighMoved = new("host", 4041, Ids.High);
    private static readonly PeerAddress Low = new("low", 4040, Ids.Low);

    [Fact]
    public void HandleNamed_New_IsKnownStaticAndDialled()
    {
        MeshScript s = new(admission: AdmissionMode.KnownPeers);

        Name(s, High, Low);

        Assert.Equal([High, Low], s.Take().OfType<MeshAction.Dial>().Select(static d => d.Address));
        Assert.True(s.Mesh.IsKnown(Ids.High));
        Assert.True(s.Mesh.IsStatic(Ids.Low));
        Assert.Equal(["host", "low"], s.Mesh.PinnedHosts().Order(StringComparer.Ordinal));
    }

    // Nobody names it any more: it is an address as any other, and may be dialled as one.
    [Fact]
    public void HandleNamed_TakenOutOfAnOpenMesh_IsALearnedAddressNow()
    {
        MeshScript s = new(target: 4, maxPeers: 8);
        s.Start();
        PeerAddress address = new("10.0.0.9", 4040, Ids.High);
        Name(s, address);
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
        s.TakeKept();
        Name(s);
        Assert.False(s.Mesh.IsKnown(Ids.High));
        IReadOnlyList<MeshAction> actions = s.TakeKept();
        Assert.Contains(new MeshAction.Keep(Ids.High), actions);
        Assert.Equal([address], actions.OfType<MeshAction.Dial>().Select(d => d.Address));
        Assert.Equal(AddressSource.StaticFile, Assert.Single(s.Mesh.Snapshot(Ids.High, s.Now).Addresses).Source);
    }

    // It has another place in the file: the old one is nobody's.
    [Fact]
    public void HandleNamed_OnlyAtAnotherAddress_TheOldOneIsNotLearned()
    {
        MeshScript s = new(target: 4, maxPeers: 8);
        s.Start();
        Name(s, new PeerAddress("10.0.0.9", 4040, Ids.High));
        s.Take();
        Name(s, new PeerAddress("10.0.0.8", 4040, Ids.High));
        Assert.Empty(s.Mesh.Snapshot(Ids.High, s.Now).Addresses);
    }

    // Where only known ones may be: also one that is only greeting is sent away.
    [Fact]
    public void HandleNamed_TakenOutWhileItGreets_IsRefused()
    {
        MeshScript s = new(admission: AdmissionMode.KnownPeers);
        s.Start();
        Name(s, Low);
        s.Take();
        long newcomer = s.Accept(Ids.Low);
        s.Take();
        Name(s);
        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Contains(actions, a => a is MeshAction.SendRefuse { Code: RefuseCode.NotAdmitted } r ? r.Connection == newcomer : a is MeshAction.SendGoodbye { Code: GoodbyeCode.Removed } g && g.Connection == newcomer);
        s.Mesh.HandleReadyReceived(newcomer, s.Now);
        Assert.Empty(s.Take().OfType<MeshAction.LinkUp>());
        Assert.Equal(0, s.Mesh.Sizes.Peers);
    }

    // What its record had said of a peer that was named without an address is given up with it.
    [Fact]
    public void HandleUnwanted_OfOneWhoseAddressWasLearned_IsNotDialledThereAnyMore()
    {
        MeshScript s = new(Ids.Of(0x01), AdmissionMode.KnownPeers, exchanges: true);
        s.Start();
        s.Mesh.HandleTrust(Ids.High, s.Now);
        s.Mesh.HandleTrust(Ids.Low, s.Now);
        System.Net.IPAddress near = System.Net.IPAddress.Parse("10.0.0.1");
        foreach (NodeId id in new[] { Ids.High, Ids.Low })
        {
            s.Mesh.HandleRecord(id, [new PeerAddress("10.0.0.1", id == Ids.High ? 5050 : 6060, id)], Ids.Middle, near, s.Now);
            long probe = s.Single<MeshAction.Dial>().Connection;
            s.Hello(probe, id);
            s.Mesh.HandleReadyReceived(probe, s.Now);
            s.Fail(s.Take().OfType<MeshAction.Dial>().Single().Connection, MesharaErrorCode.ConnectFailed);
        }

        s.Mesh.HandleUnwanted(new PeerAddress("10.0.0.77", 1, Ids.High), isPinned: false, s.Now);
        s.Take();
        s.Advance(300);
        Assert.Equal([6060], s.Take().OfType<MeshAction.Dial>().Select(d => d.Address.Port).Distinct());
        Assert.Equal((false, true), (s.Mesh.IsKnown(Ids.High), s.Mesh.IsKnown(Ids.Low)));
    }

    [Fact]
    public void HandleNamed_AfterTheStop_NothingIsNamed()
    {
        MeshScript s = new(admission: AdmissionMode.KnownPeers);
        s.Start();
        s.Mesh.HandleStop(s.Now);
        Name(s, Low);
        Assert.False(s.Mesh.IsKnown(Ids.Low));
        Assert.Empty(s.Take());
    }

    [Fact]
    public void HandleNamed_SameAgain_ChangesNothing()
    {
        MeshScript s = new(admission: AdmissionMode.KnownPeers);
        Name(s, High);
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
        s.Take();

        Name(s, High);

        Assert.Empty(s.Take());
        Assert.True(s.Mesh.IsKnown(Ids.High));
    }

    [Fact]
    public void HandleNamed_OwnId_IsPassedOver()
    {
        MeshScript s = new(Ids.Middle, AdmissionMode.KnownPeers);

        Name(s, new PeerAddress("here", 4040, Ids.Middle));

        Assert.Empty(s.Take());
        Assert.False(s.Mesh.IsKnown(Ids.Middle));
    }

    [Fact]
    public void HandleNamed_TakenOutWhileItIsDialled_TheDialIsGivenUp()
    {
        MeshScript s = new(admission: AdmissionMode.KnownPeers);
        Name(s, High);
        long dial = s.Single<MeshAction.Dial>().Connection;

        Name(s);

        Assert.Equal(dial, s.Single<MeshAction.Abort>().Connection);
        s.Advance(600);
        Assert.Empty(s.Take());
    }

    [Theory]
    [InlineData(AdmissionMode.KnownPeers)]
    [InlineData(AdmissionMode.Open)]
    public void HandleNamed_AddressChanged_LinkStaysAndTheNewOneIsDialledAfterIt(object mode)
    {
        MeshScript s = new(admission: (AdmissionMode)mode);
        Name(s, High);
        long link = s.Single<MeshAction.Dial>().Connection;
        s.Answered(link, Ids.High);
        s.Take();

        Name(s, HighMoved);
        Assert.Empty(s.Take());

        s.Advance(20);
        s.Lose(link);
        s.Advance(1);
        Assert.Equal(HighMoved, s.Single<MeshAction.Dial>().Address);
    }

    [Fact]
    public void HandleNamed_AddressChangedWhileItIsDialled_TheNewOneIsDialledAtOnce()
    {
        MeshScript s = new(admission: AdmissionMode.KnownPeers);
        Name(s, High);
        long dial = s.Single<MeshAction.Dial>().Connection;

        Name(s, HighMoved);

        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Contains(actions, a => a is MeshAction.Abort { Connection: var c } && c == dial);
        Assert.Equal(HighMoved, actions.OfType<MeshAction.Dial>().Single().Address);
    }

    [Fact]
    public void HandleNamed_TakenOutUnderKnownPeers_LinkIsClosedAndItMayNotJoin()
    {
        MeshScript s = new(Ids.Of(0xFF), AdmissionMode.KnownPeers);
        Name(s, High, Low);
        s.Take();
        long link = s.Link(Ids.High);

        Name(s, Low);

        Assert.Equal((link, DisconnectReason.LocalRemoved), s.Take().OfType<MeshAction.CloseLink>().Select(static c => (c.Connection, c.Reason)).Single());
        s.Lose(link, DisconnectReason.LocalRemoved);
        Assert.False(s.Mesh.IsKnown(Ids.High));
        s.Take();
        s.Accept(Ids.High);
        Assert.Contains(s.Take(), static a => a is MeshAction.SendRefuse { Code: RefuseCode.NotAdmitted });
        s.Advance(600);
        Assert.DoesNotContain(s.Take(), static a => a is MeshAction.Dial { Address.Host: "host" });
    }

    [Fact]
    public void HandleNamed_TakenOutButTrustedToo_NothingEnds()
    {
        MeshScript s = new(Ids.Of(0xFF), AdmissionMode.KnownPeers);
        s.Mesh.HandleTrust(Ids.High, s.Now);
        Name(s, High);
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
        s.Link(Ids.High);

        Name(s);

        Assert.Empty(s.Take());
        Assert.True(s.Mesh.IsKnown(Ids.High));
    }

    [Fact]
    public void HandleNamed_TakenOutButConfiguredToo_IsStillDialled()
    {
        MeshScript s = new(admission: AdmissionMode.KnownPeers);
        s.Mesh.HandleAdd(null, High, keepForever: true, s.Now);
        Name(s, High);
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);

        Name(s);
        s.Advance(60);

        Assert.True(s.Mesh.IsKnown(Ids.High));
        Assert.Contains(s.Take(), static a => a is MeshAction.Dial);
    }

    // A failed add of what the file names must not outlive the file.
    [Fact]
    public void HandleNamed_AddFailsMeanwhileAndThenTakenOut_IsForgotten()
    {
        MeshScript s = new(admission: AdmissionMode.KnownPeers);
        Name(s, High);
        s.Mesh.HandleAdd(7, High, keepForever: false, s.Now);
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed, transient: false);
        s.Take();

        Name(s);
        s.Advance(600);

        Assert.False(s.Mesh.IsKnown(Ids.High));
        Assert.Empty(s.Take());
    }

    [Fact]
    public void HandleNamed_TakenOutUnderOpen_LinkStaysAsAMeshPeers()
    {
        MeshScript s = new(Ids.Of(0xFF), AdmissionMode.Open, target: 4);
        s.Start();
        Name(s, High);
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
        s.Link(Ids.High);
        Assert.Equal(1, s.Mesh.Counts.Static);

        Name(s);

        Assert.Empty(s.Take());
        Assert.Equal((0, 1), (s.Mesh.Counts.Static, s.Mesh.Counts.Mesh));
        Assert.False(s.Mesh.IsStatic(Ids.High));
    }

    [Fact]
    public void HandleNamed_ByAnOlderKey_MeansTheNewestOne()
    {
        MeshScript s = new(admission: AdmissionMode.KnownPeers);
        s.Mesh.HandleSuccession(new Predecessor(Ids.Low, default, TimeSpan.FromDays(30)), Ids.High);

        Name(s, Low);

        Assert.Equal(Low with { Id = Ids.High }, s.Single<MeshAction.Dial>().Address);
        Assert.True(s.Mesh.IsKnown(Ids.High));
        Name(s);
        Assert.False(s.Mesh.IsKnown(Ids.High));
    }

    // The name leads nowhere, and then to somebody else each time.
    [Fact]
    public void T5_NameThatDoesNotResolveOrResolvesElsewhere_BackedOffAndThePinUnchanged()
    {
        MeshScript s = new(admission: AdmissionMode.KnownPeers, timeouts: new NodeTimeouts { MaxBackoff = TimeSpan.FromSeconds(60) });
        Name(s, High);
        int dials = 0;
        for (TimeSpan end = s.Now + TimeSpan.FromMinutes(30); s.Now < end; s.Advance(0.5))
        {
            foreach (MeshAction.Dial dial in s.Take().OfType<MeshAction.Dial>())
            {
                Assert.Equal(High, dial.Address);
                if (dials++ % 2 == 0)
                {
                    s.Fail(dial.Connection, MesharaErrorCode.NameNotResolved);
                }
                else
                {
                    s.Fail(dial.Connection, MesharaErrorCode.PinMismatch, transient: false, peer: Ids.Of((byte)dials));
                }
            }
        }

        Assert.InRange(dials, 30, 120);
        Assert.True(s.Mesh.IsKnown(Ids.High));
        Assert.False(s.Mesh.IsKnown(Ids.Of(2)));
    }

    // Whatever was named, dialled, linked and lost: in the end exactly those of the last file are known and dialled, and no link ended but those of peers taken out.
    [Theory]
    [InlineData(AdmissionMode.KnownPeers)]
    [InlineData(AdmissionMode.Open)]
    public void HandleNamed_AnyHistory_OnlyTheLastFileCounts(object mode) =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ArrayOf().ToArbitrary(), script =>
        {
            NamedModel model = new((AdmissionMode)mode);
            foreach (int step in script)
            {
                model.Step(step);
            }

            model.Check();
        }).Check(Seeded.Config.WithMaxTest(300));

    private static void Name(MeshScript s, params PeerAddress[] addresses) => s.Mesh.HandleNamed(addresses, s.Now);

    private sealed class NamedModel(AdmissionMode admission)
    {
        // A file that gives one address to two ids is wrong.
        private static readonly PeerAddress[] All = [.. new[] { Ids.Low, Ids.High, Ids.Of(0x77) }.SelectMany(static (id, i) => Enumerable.Range(1, 3).Select(port => new PeerAddress($"host{i}", port, id)))];

        private readonly MeshScript _s = new(admission: admission);
        private readonly SortedDictionary<long, PeerAddress> _dials = [];
        private readonly SortedDictionary<long, NodeId> _links = [];
        private readonly List<string> _trace = [];
        private PeerAddress[] _named = [];

        public void Step(int step)
        {
            int which = step / 8;
            _trace.Add($"{_s.Now.TotalSeconds} step {step % 8} {which}");
            switch (step % 8)
            {
                case 0 or 1 or 2:
                    _named = [.. All.Where((_, i) => (which >> i & 1) != 0)];
                    Name(_s, _named);
                    break;
                case 3 or 4 when _dials.Count > 0:
                    (long answered, PeerAddress at) = _dials.ElementAt(which % _dials.Count);
                    _dials.Remove(answered);
                    _s.Answered(answered, at.Id!.Value);
                    break;
                case 5 when _dials.Count > 0:
                    long failed = _dials.Keys.ElementAt(which % _dials.Count);
                    _dials.Remove(failed);
                    _s.Fail(failed, MesharaErrorCode.ConnectFailed);
                    break;
                case 6 when _links.Count > 0:
                    long lost = _links.Keys.ElementAt(which % _links.Count);
                    _links.Remove(lost);
                    _s.Lose(lost);
                    break;
                default:
                    _s.Advance(which % 70);
                    break;
            }

            Follow();
        }

        public void Check()
        {
            HashSet<PeerAddress> dialled = [.. _dials.Values];
            for (int i = 0; i < 400; i++)
            {
                while (_dials.Count > 0)
                {
                    long dial = _dials.Keys.First();
                    _dials.Remove(dial);
                    _s.Fail(dial, MesharaErrorCode.ConnectFailed);
                    Follow();
                    dialled.UnionWith(_dials.Values);
                }

                _s.Advance(1);
                Follow();
                dialled.UnionWith(_dials.Values);
            }

            IEnumerable<PeerAddress> wanted = _named.Where(a => !_links.ContainsValue(a.Id!.Value));
            Assert.True(!wanted.Except(dialled).Any(), $"not dialled: {string.Join(' ', wanted.Except(dialled))}\n{string.Join('\n', _trace)}");
            if (admission == AdmissionMode.KnownPeers)
            {
                Assert.Empty(dialled.Except(wanted));
                Assert.Empty(_links.Values.Except(_named.Select(static a => a.Id!.Value)));
            }

            Assert.All(All, a => Assert.Equal(_named.Any(n => n.Id == a.Id), _s.Mesh.IsKnown(a.Id!.Value)));
        }

        private void Follow()
        {
            foreach (MeshAction action in _s.Take())
            {
                _trace.Add($"{_s.Now.TotalSeconds} {action}");
                switch (action)
                {
                    case MeshAction.Dial dial:
                        _dials.Add(dial.Connection, dial.Address);
                        break;
                    case MeshAction.Abort abort:
                        _dials.Remove(abort.Connection);
                        break;
                    case MeshAction.LinkUp up:
                        _links.Add(up.Connection, up.Peer);
                        break;
                    case MeshAction.CloseLink close:
                        Assert.True(_links.Remove(close.Connection, out NodeId peer));
                        Assert.True(admission == AdmissionMode.KnownPeers && !_named.Any(a => a.Id == peer), $"The link to {peer} was closed");
                        _s.Lose(close.Connection, close.Reason);
                        break;
                }
            }
        }
    }
}
