using FsCheck;
using FsCheck.Fluent;
using Meshara.Core;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Core;

/// <summary>What the mesh does when the network has changed or the machine has slept.</summary>
public sealed class MeshNetworkTests
{
    private static readonly PeerAddress Pinned = new("host", 4040, Ids.High);
    private static readonly TimeSpan Check = new NodeTimeouts().CheckAfterChange;

    [Fact]
    public void Change_LinkAnswers_OnePingAndNothingElse()
    {
        MeshScript s = new();
        long link = s.Link(Ids.High);

        s.Mesh.HandleNetworkChanged(s.Now);
        MeshAction.Ping ping = Assert.IsType<MeshAction.Ping>(Assert.Single(s.Take()));
        Assert.Equal(link, ping.Connection);
        s.Mesh.HandlePong(link, ping.Number, s.Now);
        TimeSpan heard = s.Now;
        s.Advance(14.9, _ => new LinkLiveness(heard, null, null));

        Assert.Empty(s.Take());
    }

    [Fact]
    public void Change_LinkIsSilent_ClosedAtTheDeadlineAndDialledAtOnce()
    {
        MeshScript s = new();
        long link = Wanted(s);
        TimeSpan start = s.Now;

        s.Mesh.HandleNetworkChanged(s.Now);
        s.Advance(2.9, _ => new LinkLiveness(start, null, null));
        Assert.Empty(s.Take().OfType<MeshAction.CloseLink>());
        s.Advance(0.1, _ => new LinkLiveness(start, null, null));

        Assert.Equal(
            new MeshAction.CloseLink(link, DisconnectReason.PingTimeout, "nothing was heard for 3 s after the network had changed"), s.Single<MeshAction.CloseLink>());
        s.Lose(link, DisconnectReason.PingTimeout);
        s.Advance(0.1);
        Assert.Equal(Pinned, s.Single<MeshAction.Dial>().Address);
    }

    [Fact]
    public void Change_TwoYoungLinksLostToChanges_BothAreDialledAtOnce()
    {
        MeshScript s = new();
        long link = Wanted(s);
        for (int i = 0; i < 3; i++)
        {
            TimeSpan start = s.Now;
            s.Mesh.HandleNetworkChanged(s.Now);
            s.Advance(3, _ => new LinkLiveness(start, null, null));
            s.Lose(link, DisconnectReason.PingTimeout);
            s.Take();
            s.Advance(0.1);
            link = s.Single<MeshAction.Dial>().Connection;
            s.Answered(link, Ids.High);
            s.Take();
        }
    }

    [Fact]
    public void Change_FramesButNoPongYet_LinkIsLeftAloneAndClosedOnceTheyStop()
    {
        MeshScript s = new();
        s.Link(Ids.High);
        s.Mesh.HandleNetworkChanged(s.Now);
        s.Advance(20);
        Assert.Empty(s.Take().OfType<MeshAction.CloseLink>());

        TimeSpan last = s.Now;
        s.Advance(6, _ => new LinkLiveness(last, null, null));

        Assert.Equal(DisconnectReason.PingTimeout, s.Single<MeshAction.CloseLink>().Reason);
    }

    [Fact]
    public void Change_LookComesLate_SaysNothingOfThePeer()
    {
        MeshScript s = new();
        s.Link(Ids.High);
        TimeSpan start = s.Now;
        s.Mesh.HandleNetworkChanged(s.Now);

        // The process stands still for 10 s: the PONG may lie in the socket unread.
        s.Wait(10);
        s.Advance(0, _ => new LinkLiveness(start, null, null));
        Assert.Empty(s.Take().OfType<MeshAction.CloseLink>());

        s.Advance(3, _ => new LinkLiveness(start, null, null));
        Assert.Single(s.Take().OfType<MeshAction.CloseLink>());
    }

    [Fact]
    public void Change_AgainDuringTheCheck_OneCheckMoreAfterThePong()
    {
        MeshScript s = new();
        long link = s.Link(Ids.High);
        for (int i = 0; i < 5; i++)
        {
            s.Mesh.HandleNetworkChanged(s.Now);
        }

        long number = s.Single<MeshAction.Ping>().Number;
        s.Mesh.HandlePong(link, number, s.Now);
        MeshAction.Ping second = s.Single<MeshAction.Ping>();
        s.Mesh.HandlePong(link, second.Number, s.Now);
        Assert.Empty(s.Take());
    }

    [Fact]
    public void Change_TargetsWait_AreDialledAtOnceAndBackOffAnew()
    {
        MeshScript s = new();
        s.Mesh.HandleAdd(null, Pinned, keepForever: true, s.Now);
        for (int i = 0; i < 12; i++)
        {
            s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
            s.Advance(60);
        }

        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
        s.Mesh.HandleNetworkChanged(s.Now);
        s.Advance(0.1);

        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
        Assert.InRange(s.Mesh.NextDeadline!.Value - s.Now, TimeSpan.Zero, TimeSpan.FromSeconds(1));
    }

    [Fact]
    public void Change_OtherSideAskedToWait_IsHeeded()
    {
        MeshScript s = new();
        s.Mesh.HandleAdd(null, Pinned, keepForever: true, s.Now);
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.Full, byPeer: true, retryAfter: 20);

        s.Mesh.HandleNetworkChanged(s.Now);
        s.Advance(19.9);
        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
        s.Advance(0.2);
        Assert.Single(s.Take().OfType<MeshAction.Dial>());
    }

    [Fact]
    public void Change_HundredsWait_SixteenDialsAtATime()
    {
        MeshScript s = new();
        for (int i = 0; i < 200; i++)
        {
            s.Mesh.HandleAdd(null, new PeerAddress("host", 1000 + i), keepForever: true, s.Now);
        }

        s.Mesh.HandleNetworkChanged(s.Now);
        s.Advance(1);

        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Equal(16, actions.OfType<MeshAction.Dial>().Count() - actions.OfType<MeshAction.Abort>().Count());
    }

    [Fact]
    public void Change_DialUnderWay_IsBegunAnewOnceInItsDeadline()
    {
        MeshScript s = new();
        s.Mesh.HandleAdd(null, Pinned, keepForever: true, s.Now);
        long first = s.Single<MeshAction.Dial>().Connection;
        s.Advance(1);

        s.Mesh.HandleNetworkChanged(s.Now);
        Assert.Equal([new MeshAction.Abort(first)], s.Take());
        s.Advance(0.1);
        long second = s.Single<MeshAction.Dial>().Connection;
        s.Mesh.HandleNetworkChanged(s.Now);
        s.Advance(4.8);
        Assert.Empty(s.Take());

        s.Advance(0.2);
        s.Mesh.HandleNetworkChanged(s.Now);
        Assert.Equal([new MeshAction.Abort(second)], s.Take());
    }

    [Fact]
    public void Change_AddIsUnderWay_EndsWithTheSecondDial()
    {
        MeshScript s = new();
        s.Add(Pinned, addId: 3);
        s.Mesh.HandleNetworkChanged(s.Now);
        s.Advance(0.1);

        s.Answered(s.Single<MeshAction.Dial>().Connection, Ids.High);

        Assert.Equal(3, s.Single<MeshAction.AddSucceeded>().AddId);
    }

    [Fact]
    public void Change_WithoutEnd_ActsAtAPace()
    {
        MeshScript s = new();
        s.Mesh.HandleAdd(null, Pinned, keepForever: true, s.Now);
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.PinMismatch);
        int dials = 0;
        for (int i = 0; i < 1000; i++)
        {
            s.Mesh.HandleNetworkChanged(s.Now);
            s.Advance(0.1);
            foreach (MeshAction.Dial dial in s.Take().OfType<MeshAction.Dial>())
            {
                dials++;
                s.Fail(dial.Connection, MesharaErrorCode.PinMismatch);
            }
        }

        // Ten in a row and one in 5 s of 100 s, and the slow redials between.
        Assert.InRange(dials, 20, 34);
    }

    [Fact]
    public void Change_BeyondThePace_HasItsEffectLater()
    {
        MeshScript s = new();
        long link = s.Link(Ids.High);
        for (int i = 0; i < 10; i++)
        {
            s.Mesh.HandleNetworkChanged(s.Now);
            s.Mesh.HandlePong(link, s.Single<MeshAction.Ping>().Number, s.Now);
        }

        s.Mesh.HandleNetworkChanged(s.Now);
        Assert.Empty(s.Take());
        s.Advance(5);
        Assert.Single(s.Take().OfType<MeshAction.Ping>());
    }

    [Fact]
    public void Change_AfterStop_DoesNothing()
    {
        MeshScript s = new();
        s.Link(Ids.High);
        s.Mesh.HandleStop(s.Now);
        s.Take();

        s.Mesh.HandleNetworkChanged(s.Now);

        Assert.Empty(s.Take());
        Assert.Null(s.Mesh.NextDeadline);
    }

    [Fact]
    public void AddressGone_LiveLink_ClosedAndDialledAtOnce()
    {
        MeshScript s = new();
        long link = Wanted(s);

        s.Mesh.HandleAddressGone(link, "10.0.0.1", s.Now);

        Assert.Equal(new MeshAction.CloseLink(link, DisconnectReason.ConnectionLost, "this machine has no longer the address 10.0.0.1"), s.Single<MeshAction.CloseLink>());
        s.Lose(link);
        s.Advance(0.1);
        Assert.Single(s.Take().OfType<MeshAction.Dial>());
    }

    [Fact]
    public void AddressGone_BeforeTheLinkLives_ConnectionIsAbortedAndDialledAgain()
    {
        MeshScript s = new(Ids.High);
        s.Mesh.HandleAdd(null, new PeerAddress("host", 4040, Ids.Low), keepForever: true, s.Now);
        long dial = s.Single<MeshAction.Dial>().Connection;
        s.Hello(dial, Ids.Low);

        s.Mesh.HandleAddressGone(dial, "10.0.0.1", s.Now);
        Assert.Equal(dial, s.Single<MeshAction.Abort>().Connection);
        s.Mesh.HandleNetworkChanged(s.Now);
        s.Advance(0.1);
        Assert.Single(s.Take().OfType<MeshAction.Dial>());
    }

    [Fact]
    public void DialBack_KnownPeerThatDialledUs_IsDialledWhenTheLinkIsLostToAChange()
    {
        MeshScript s = new(Ids.Middle, AdmissionMode.KnownPeers);
        s.Mesh.HandleTrust(Ids.High, s.Now);
        long link = LinkFrom(s, Ids.High);

        s.Mesh.HandleAddressGone(link, "10.0.0.1", s.Now);
        s.Lose(link);
        s.Take();
        s.Advance(0.1);

        Assert.Equal(Pinned, s.Single<MeshAction.Dial>().Address);
    }

    [Fact]
    public void DialBack_LinkWasLostBeforeTheChange_IsDialledAtTheChange()
    {
        MeshScript s = new(Ids.Middle, AdmissionMode.KnownPeers);
        s.Mesh.HandleTrust(Ids.High, s.Now);
        s.Lose(LinkFrom(s, Ids.High), DisconnectReason.RemoteTimeout);
        s.Advance(100);
        Assert.Empty(s.Take().OfType<MeshAction.Dial>());

        s.Mesh.HandleNetworkChanged(s.Now);
        s.Advance(0.1);

        Assert.Equal(Pinned, s.Single<MeshAction.Dial>().Address);
    }

    [Fact]
    public void DialBack_Stranger_IsNotDialled()
    {
        MeshScript s = new();
        long link = LinkFrom(s, Ids.High);
        s.Mesh.HandleAddressGone(link, "10.0.0.1", s.Now);
        s.Lose(link);
        s.Mesh.HandleNetworkChanged(s.Now);
        s.Advance(100);

        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
    }

    [Fact]
    public void DialBack_NobodyAnswers_EndsAfterAMinute()
    {
        MeshScript s = new(Ids.Middle, AdmissionMode.KnownPeers);
        s.Mesh.HandleTrust(Ids.High, s.Now);
        s.Lose(LinkFrom(s, Ids.High));
        s.Mesh.HandleNetworkChanged(s.Now);
        TimeSpan start = s.Now;
        TimeSpan last = s.Now;
        for (int i = 0; i < 4000; i++)
        {
            s.Advance(0.1);
            foreach (MeshAction.Dial dial in s.Take().OfType<MeshAction.Dial>())
            {
                last = s.Now;
                s.Fail(dial.Connection, MesharaErrorCode.ConnectFailed);
            }
        }

        Assert.InRange(last - start, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(120));
        Assert.Null(s.Mesh.NextDeadline);
    }

    [Fact]
    public void DialBack_AnotherKeyAnswers_EndsAtOnce()
    {
        MeshScript s = new(Ids.Middle, AdmissionMode.KnownPeers);
        s.Mesh.HandleTrust(Ids.High, s.Now);
        s.Lose(LinkFrom(s, Ids.High));
        s.Mesh.HandleNetworkChanged(s.Now);
        s.Advance(0.1);

        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.PinMismatch, transient: false);

        Assert.Null(s.Mesh.NextDeadline);
    }

    [Fact]
    public void DialBack_Succeeded_TheAddressIsNotKept()
    {
        MeshScript s = new(Ids.Middle, AdmissionMode.KnownPeers);
        s.Mesh.HandleTrust(Ids.High, s.Now);
        s.Lose(LinkFrom(s, Ids.High));
        s.Mesh.HandleNetworkChanged(s.Now);
        s.Advance(0.1);
        long link = s.Single<MeshAction.Dial>().Connection;
        s.Answered(link, Ids.High);
        s.Advance(100);
        s.Take();

        s.Lose(link, DisconnectReason.RemoteShutdown);
        s.Advance(100);

        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
    }

    [Fact]
    public void DialBack_PeerWasRemoved_IsNotDialled()
    {
        MeshScript s = new(Ids.Middle, AdmissionMode.KnownPeers);
        s.Mesh.HandleTrust(Ids.High, s.Now);
        s.Lose(LinkFrom(s, Ids.High));
        s.Mesh.HandleNetworkChanged(s.Now);
        s.Mesh.HandleRemove(Ids.High, s.Now);
        s.Mesh.HandleNetworkChanged(s.Now);
        s.Advance(100);

        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
    }

    // A step: how long to wait, in 10 ms, and what happens then.
    [Fact]
    public void AnyChangesAndDelays_LinkThatAnswersEachPingInTime_IsNeverClosed() =>
        Prop.ForAll(Gen.Choose(0, 2999).ArrayOf().ToArbitrary(), Gen.Choose(0, 28).ArrayOf().ToArbitrary(), (steps, delays) =>
        {
            MeshScript s = new();
            long link = s.Link(Ids.High);
            PriorityQueue<long, TimeSpan> pongs = new();
            int answered = 0;
            bool closed = false;
            TimeSpan heard = s.Now;
            foreach (int step in steps)
            {
                TimeSpan until = s.Now + TimeSpan.FromMilliseconds(step % 1000 * 10);
                while (true)
                {
                    foreach (MeshAction action in s.Take())
                    {
                        closed |= action is MeshAction.CloseLink;
                        if (action is MeshAction.Ping ping)
                        {
                            pongs.Enqueue(ping.Number, s.Now + TimeSpan.FromMilliseconds(100 * (delays.Length == 0 ? 1 : delays[answered++ % delays.Length])));
                        }
                    }

                    // To the next PONG or deadline, whichever is first.
                    TimeSpan next = pongs.TryPeek(out _, out TimeSpan at) && at < until ? at : until;
                    next = s.Mesh.NextDeadline is { } due && due > s.Now && due < next ? due : next;
                    s.Advance((next - s.Now).TotalSeconds, _ => new LinkLiveness(heard, null, null));
                    bool pong = pongs.TryPeek(out long number, out at) && at <= s.Now;
                    if (pong)
                    {
                        pongs.Dequeue();
                        heard = s.Now;
                        s.Mesh.HandlePong(link, number, s.Now);
                    }
                    else if (next == until)
                    {
                        break;
                    }
                }

                if (step >= 1000)
                {
                    s.Mesh.HandleNetworkChanged(s.Now);
                }
            }

            return !closed;
        }).Check(Seeded.With(20_260_301).WithMaxTest(500));

    [Fact]
    public void AnyChanges_LinkThatDiesBeforeOne_IsClosedOnceWithinTwoDeadlines() =>
        Prop.ForAll(Gen.Choose(0, 5000).NonEmptyListOf().ToArbitrary(), waits =>
        {
            MeshScript s = new();
            s.Link(Ids.High);
            TimeSpan death = s.Now;
            int pings = 0, closes = 0;
            s.Mesh.HandleNetworkChanged(s.Now);
            foreach (int wait in waits)
            {
                s.Advance(wait / 1000.0, _ => new LinkLiveness(death, null, null));
                s.Mesh.HandleNetworkChanged(s.Now);
                Count();
            }

            s.Advance(Check.TotalSeconds, _ => new LinkLiveness(death, null, null));
            Count();
            return closes == 1 && pings == 1;

            void Count()
            {
                IReadOnlyList<MeshAction> actions = s.Take();
                closes += actions.OfType<MeshAction.CloseLink>().Count();
                pings += actions.OfType<MeshAction.Ping>().Count();
            }
        }).Check(Seeded.With(20_260_302).WithMaxTest(200));

    // A live link that the peer has dialled; it listens where Pinned says.
    private static long LinkFrom(MeshScript s, NodeId peer)
    {
        long connection = s.Mesh.HandleAccepted("host:1000");
        s.Mesh.HandleHello(connection, new PeerFacts(peer, default) { Back = new PeerAddress(Pinned.Host, Pinned.Port, peer) }, s.Now);
        s.Mesh.HandleReadyReceived(connection, s.Now);
        s.Take();
        return connection;
    }

    // A wanted peer with a live link that this side has dialled.
    private static long Wanted(MeshScript s)
    {
        s.Mesh.HandleAdd(null, Pinned, keepForever: true, s.Now);
        long link = s.Single<MeshAction.Dial>().Connection;
        s.Answered(link, Ids.High);
        s.Advance(1);
        s.Take();
        return link;
    }
}
