using Meshara.Core;
using Xunit;

namespace Meshara.Tests.Core;

/// <summary>What goes over to the key that takes the place of another: conduct, addresses, dials, older keys.</summary>
public sealed class MeshSuccessionMergeTests
{
    private static readonly NodeId Old = Ids.Of(0xA0), New = Ids.Of(0xB0), Newer = Ids.Of(0xB5), Other = Ids.Of(0x20);
    private static readonly PeerAddress AtOld = new("10.1.0.1", 4040, Old), AtNew = AtOld with { Id = New }, AtNewer = AtOld with { Id = Newer };

    [Fact]
    public void Hello_ChainFromAPeerOfBadConduct_TheNewKeyAnswersForIt()
    {
        MeshScript s = KnowingOld(AdmissionMode.Open);
        s.Mesh.HandleForgedRefusal(Old, s.Now);
        double conduct = s.Mesh.ReputationOf(Old, s.Now);
        Assert.True(conduct < 0);

        Accept(s, New, Old);

        Assert.Equal((0, conduct), (s.Mesh.ReputationOf(Old, s.Now), s.Mesh.ReputationOf(New, s.Now)));
    }

    [Fact]
    public void Hello_ChainFromAPeerInTheTable_ItsAddressesAreTheNewKeys()
    {
        MeshScript s = new(Ids.Middle);
        s.Learn(AtOld);
        s.Mesh.HandleTrust(Old, s.Now);
        Assert.Equal([AtOld], s.Mesh.Snapshot(Old, s.Now).Addresses.Select(a => a.Address));

        Accept(s, New, Old);

        Assert.Empty(s.Mesh.Snapshot(Old, s.Now).Addresses);
        Assert.Equal([AtNew], s.Mesh.Snapshot(New, s.Now).Addresses.Select(a => a.Address));
    }

    // A restart after this HELLO must not find the old key's conduct and addresses again.
    [Fact]
    public void Hello_Chain_BothKeysAreWrittenDown()
    {
        MeshScript s = KnowingOld();
        s.TakeKept();

        Accept(s, New, Old);

        Assert.Equal([Old, New], s.TakeKept().OfType<MeshAction.Keep>().Select(k => k.Peer));
    }

    [Fact]
    public void Trust_OneOfTwoOlderKeys_TheOtherStillLeadsToTheNewest()
    {
        MeshScript s = KnowingOld();
        s.Lose(Link(s, New, Old));
        s.Lose(Link(s, Newer, New));
        s.Take();

        s.Mesh.HandleTrust(Old, s.Now);

        Assert.Equal((Old, Newer), (s.Mesh.CurrentOf(Old), s.Mesh.CurrentOf(New)));
        Assert.Equal([New], DialOf(s, AtNewer).AlsoAccepted);
    }

    [Fact]
    public void Trust_TheOnlyOlderKey_IsNotAcceptedForTheNewKeyAnyMore()
    {
        MeshScript s = KnowingOld();
        s.Lose(Link(s, New, Old));
        s.Take();

        s.Mesh.HandleTrust(Old, s.Now);

        Assert.Empty(DialOf(s, AtNew).AlsoAccepted);
    }

    // The operator names the middle one of three keys: it has no older keys of its own any more.
    [Fact]
    public void Add_TheKeyItselfOfAnOlderKey_NoneBesideItIsAccepted()
    {
        MeshScript s = KnowingOld();
        s.Lose(Link(s, New, Old));
        s.Lose(Link(s, Newer, New));
        s.Take();

        s.Mesh.HandleAdd(null, AtNew, keepForever: true, s.Now, isKey: true);

        MeshAction.Dial dial = s.Single<MeshAction.Dial>();
        Assert.Equal(AtNew, dial.Address);
        Assert.Empty(dial.AlsoAccepted);
    }

    // Each older key is one of the four that are remembered, however often it was in a chain.
    [Fact]
    public void Hello_WholeChainAfterItsFirstHalf_EachOlderKeyIsRememberedOnce()
    {
        MeshScript s = KnowingOld();
        s.Lose(Link(s, New, Old));
        s.Lose(Link(s, Newer, Old, New));
        s.Take();

        Assert.Equal([Old, New], DialOf(s, AtNewer).AlsoAccepted);
    }

    [Fact]
    public void Hello_Chain_TargetsOfOthersStayTheirs()
    {
        MeshScript s = KnowingOld();
        PeerAddress atOther = new("10.2.0.1", 4040, Other), atAnybody = new("10.3.0.1", 4040);
        foreach (PeerAddress address in new[] { AtOld, atOther, atAnybody })
        {
            s.Fail(DialOf(s, address).Connection, MesharaErrorCode.ConnectFailed);
        }

        s.Take();
        s.Lose(Link(s, New, Old));
        s.Take();
        s.Advance(10);

        Assert.Equal(new[] { AtNew, atAnybody, atOther }.Select(a => a.ToString()).Order(), s.Take().OfType<MeshAction.Dial>().Select(d => d.Address.ToString()).Distinct().Order());
    }

    // The configuration names the new key, the file the old one: what the file takes back is only its own.
    [Fact]
    public void Hello_ConfiguredAndListed_TheFileTakesBackOnlyItsOwnWord()
    {
        MeshScript s = new(Ids.Middle, AdmissionMode.KnownPeers);
        s.Fail(DialOf(s, AtNew).Connection, MesharaErrorCode.ConnectFailed);
        s.Mesh.HandleNamed([AtOld], s.Now);
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
        s.Lose(Link(s, New, Old));

        s.Mesh.HandleNamed([], s.Now);
        s.Take();
        s.Advance(300);

        Assert.Contains(s.Take().OfType<MeshAction.Dial>(), d => d.Address == AtNew);
    }

    // Both keys are dialled at one address; the dial of the old one finds the new one.
    [Fact]
    public void Hello_DialOfTheOldKeyFindsTheNew_TheNewKeysOwnDialWaitsForIt()
    {
        MeshScript s = KnowingOld();
        s.Fail(DialOf(s, AtNew).Connection, MesharaErrorCode.ConnectFailed);
        long dialled = DialOf(s, AtOld).Connection;

        Hello(s, dialled, New, Old);
        s.Take();
        s.Advance(90);
        Assert.Empty(s.Take().OfType<MeshAction.Dial>());

        s.Mesh.HandleReadyReceived(dialled, s.Now);
        s.Take();
        s.Advance(300);
        Assert.Empty(s.Take().OfType<MeshAction.Dial>());

        // And its end is that of the new key's target: dialled anew, once.
        s.Lose(dialled);
        s.Take();
        s.Advance(5);
        Assert.Equal(AtNew, Assert.Single(s.Take().OfType<MeshAction.Dial>()).Address);
    }

    // Nobody waits and nothing is on its way: the new key's target keeps its own time.
    [Fact]
    public void Hello_BothKeysWait_TheNewKeysTargetGoesOnWaiting()
    {
        MeshScript s = KnowingOld();
        FailThrice(s, AtNew);
        s.Fail(DialOf(s, AtOld).Connection, MesharaErrorCode.ConnectFailed);
        s.Take();
        long theirs = Accept(s, New, Old);
        s.Take();

        s.Fail(theirs, MesharaErrorCode.LinkClosed);

        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
        s.Advance(300);
        Assert.Contains(s.Take().OfType<MeshAction.Dial>(), d => d.Address == AtNew);
    }

    // An operator waits at the old key's target; the new key comes by itself and fails: he is dialled for at once.
    [Fact]
    public void Hello_AnAddWaitsAtTheOldKey_TheEndOfTheNewKeysConnectionWakesIt()
    {
        MeshScript s = KnowingOld();
        FailThrice(s, AtNew);
        s.Mesh.HandleAdd(9, AtOld, keepForever: false, s.Now);
        s.Fail(s.Take().OfType<MeshAction.Dial>().Single().Connection, MesharaErrorCode.Duplicate, byPeer: true);
        Assert.Empty(s.Take().OfType<MeshAction.AddFailed>());
        long theirs = Accept(s, New, Old);
        s.Take();

        s.Fail(theirs, MesharaErrorCode.LinkClosed);

        MeshAction.Dial dial = s.Single<MeshAction.Dial>();
        Assert.Equal(AtNew, dial.Address);
        s.Answered(dial.Connection, New);
        Assert.Equal(9, s.Single<MeshAction.AddSucceeded>().AddId);
    }

    private static void FailThrice(MeshScript s, PeerAddress address)
    {
        s.Fail(DialOf(s, address).Connection, MesharaErrorCode.ConnectFailed);
        for (int i = 0; i < 2; i++)
        {
            while (s.Take().OfType<MeshAction.Dial>().FirstOrDefault() is var dial)
            {
                if (dial is not null)
                {
                    s.Fail(dial.Connection, MesharaErrorCode.ConnectFailed);
                    break;
                }

                s.Advance(1);
            }
        }

        s.Take();
    }

    private static MeshAction.Dial DialOf(MeshScript s, PeerAddress address)
    {
        s.Mesh.HandleAdd(null, address, keepForever: true, s.Now);
        return s.Single<MeshAction.Dial>();
    }

    private static MeshScript KnowingOld(AdmissionMode mode = AdmissionMode.KnownPeers)
    {
        MeshScript s = new(Ids.Middle, mode);
        s.Mesh.HandleTrust(Old, s.Now);
        return s;
    }

    private static void Hello(MeshScript s, long connection, NodeId id, params NodeId[] succeeds) =>
        s.Mesh.HandleHello(
            connection,
            new PeerFacts(id, 1) { Succeeds = [.. succeeds.Select(o => new Predecessor(o, new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero), s.Now + TimeSpan.FromSeconds(1000)))] },
            s.Now);

    private static long Accept(MeshScript s, NodeId id, params NodeId[] succeeds)
    {
        long connection = s.Mesh.HandleAccepted("10.0.0.1:1000");
        Hello(s, connection, id, succeeds);
        return connection;
    }

    private static long Link(MeshScript s, NodeId id, params NodeId[] succeeds)
    {
        long connection = Accept(s, id, succeeds);
        s.Mesh.HandleReadyReceived(connection, s.Now);
        return connection;
    }
}
