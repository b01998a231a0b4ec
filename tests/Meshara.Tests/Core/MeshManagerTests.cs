using Meshara.Core;
using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core;

public sealed class MeshManagerTests
{
    [Fact]
    public void Learned_FewerPeersThanTheTarget_IsDialledWithItsPinAndOnce()
    {
        MeshScript s = Ready(target: 2, max: 4);

        s.Learn(Address(0x10));

        MeshAction.Dial dial = s.Single<MeshAction.Dial>();
        Assert.Equal((Address(0x10), false), (dial.Address, dial.Probe));
        s.Learn(Address(0x10));
        Assert.Empty(s.Take());
        s.Answered(dial.Connection, Ids.Of(0x10));
        Assert.Single(s.Take().OfType<MeshAction.LinkUp>());
        Assert.False(s.Mesh.IsKnown(Ids.Of(0x10)));
        Assert.True(Assert.Single(s.Mesh.Snapshot(Ids.Of(0x10), s.Now).Addresses).LastSuccess == s.Now);
    }

    [Fact]
    public void Learned_BeforeTheStartIsDone_WaitsForIt()
    {
        MeshScript s = new(Self, target: 2, maxPeers: 4);
        s.Learn(Address(0x10));
        s.Learn(Address(0x20));
        s.Mesh.HandleTrust(Ids.Of(0x10), s.Now);
        s.Advance(1);

        // The one is static by now, and dialled for the operator.
        Assert.Equal(Ids.Of(0x10), s.Single<MeshAction.Dial>().Address.Id);

        s.Mesh.HandleReady(s.Now);
        Assert.Equal(Ids.Of(0x20), s.Single<MeshAction.Dial>().Address.Id);
    }

    [Fact]
    public void Learned_KnownPeersOnly_NobodyIsDialled()
    {
        MeshScript s = new(Self, AdmissionMode.KnownPeers, maxPeers: 4, target: 4);
        s.Start();
        s.Learn(Address(0x10));
        s.Advance(3600);

        Assert.Empty(s.Take());
        Assert.Null(s.Mesh.NextDeadline);
    }

    [Fact]
    public void Learned_ManyMore_NoMoreAreDialledThanAreMissingAtFirst()
    {
        MeshScript s = Ready(target: 3, max: 6);
        Fill(s, 10);
        Assert.Equal(3, s.Take().OfType<MeshAction.Dial>().Count());

        // None has come to HELLO: one more each half second, and no more than 16 in all.
        s.Advance(0.5);
        Assert.Single(s.Take().OfType<MeshAction.Dial>());
        s.Advance(60);
        Assert.Equal(6, s.Take().OfType<MeshAction.Dial>().Count());
    }

    [Fact]
    public void Answered_TargetReached_DialsThatCameTooLateAreDroppedWithoutBlame()
    {
        MeshScript s = Ready(target: 2, max: 4);
        Fill(s, 4);
        s.Advance(0.5);
        MeshAction.Dial[] dials = [.. s.Take().OfType<MeshAction.Dial>()];
        Assert.Equal(3, dials.Length);

        s.Answered(dials[0].Connection, dials[0].Address.Id!.Value);
        s.Take();
        s.Answered(dials[1].Connection, dials[1].Address.Id!.Value);

        Assert.Equal(dials[2].Connection, Assert.Single(s.Take().OfType<MeshAction.Abort>()).Connection);
        Assert.Equal(0, Assert.Single(s.Mesh.Snapshot(dials[2].Address.Id!.Value, s.Now).Addresses).Failures);
    }

    [Fact]
    public void PeerLost_AnotherAddressIsKnown_IsReplacedAtOnce()
    {
        MeshScript s = Ready(target: 1, max: 2);
        Fill(s, 2);
        MeshAction.Dial first = s.Single<MeshAction.Dial>();
        s.Answered(first.Connection, first.Address.Id!.Value);
        s.Take();
        s.Advance(30);
        s.Take();

        s.Lose(first.Connection);

        MeshAction.Dial next = s.Single<MeshAction.Dial>();
        Assert.NotEqual(first.Address, next.Address);
    }

    [Fact]
    public void Candidate_WrongKey_OnlyThatAddressIsBlamed()
    {
        MeshScript s = Ready(target: 1, max: 2);
        s.Learn(Address(0x10));
        long dial = s.Single<MeshAction.Dial>().Connection;

        s.Fail(dial, MesharaErrorCode.PinMismatch, transient: false);

        // It was never there: hearsay that was wrong.
        Assert.Empty(s.Mesh.Snapshot(Ids.Of(0x10), s.Now).Addresses);
        Assert.Equal(0, s.Mesh.ReputationOf(Ids.Of(0x10), s.Now));
        s.Take();

        // Another address of the same id is not held back by it.
        s.Learn(new PeerAddress("10.99.0.1", 7, Ids.Of(0x10)));
        Assert.Equal("10.99.0.1", s.Single<MeshAction.Dial>().Address.Host);
    }

    [Fact]
    public void Candidate_OwnAddress_IsNeverDialledAgain()
    {
        MeshScript s = Ready(target: 1, max: 2);
        s.Learn(Address(0x10));
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.Self, transient: false);
        s.Learn(Address(0x10));
        s.Advance(7200);

        Assert.DoesNotContain(s.Take(), a => a is MeshAction.Dial);
    }

    [Fact]
    public void Candidate_AnswersThatTheIdentityIsInUse_NobodyIsAlarmed()
    {
        MeshScript s = Ready(target: 1, max: 2);
        s.Learn(Address(0x10));
        long dial = s.Single<MeshAction.Dial>().Connection;

        s.Mesh.HandleConnectionFailed(
            dial, new ConnectionFailure(MesharaErrorCode.IdentityInUse, "", ByPeer: true, Peer: Ids.Of(0x10)) { SharedWith = "10.0.0.9:1" }, s.Now);

        Assert.DoesNotContain(s.Take(), a => a is MeshAction.Shared);
        Assert.Equal(1, Assert.Single(s.Mesh.Snapshot(Ids.Of(0x10), s.Now).Addresses).Failures);
    }

    [Fact]
    public void Candidate_PeerSaysEvicted_IsLeftInPeaceForFiveMinutes()
    {
        MeshScript s = Ready(target: 1, max: 2);
        s.Learn(Address(0x10));
        long dial = s.Single<MeshAction.Dial>().Connection;
        s.Answered(dial, Ids.Of(0x10));
        s.Advance(100);
        s.Take();

        s.Lose(dial, DisconnectReason.Evicted);

        s.Advance(299);
        Assert.DoesNotContain(s.Take(), a => a is MeshAction.Dial { Probe: false });
        s.Advance(60);
        Assert.Contains(s.Take(), a => a is MeshAction.Dial { Probe: false });
    }

    [Fact]
    public void Add_CandidateOfTheSameIdIsUnderWay_TheOperatorsDialTakesOver()
    {
        MeshScript s = Ready(target: 1, max: 2);
        s.Learn(Address(0x10));
        long candidate = s.Single<MeshAction.Dial>().Connection;

        s.Mesh.HandleAdd(1, new PeerAddress("elsewhere", 1, Ids.Of(0x10)), keepForever: false, s.Now);

        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.Equal(candidate, Assert.Single(actions.OfType<MeshAction.Abort>()).Connection);
        MeshAction.Dial dial = Assert.Single(actions.OfType<MeshAction.Dial>());
        Assert.Equal("elsewhere", dial.Address.Host);
        s.Answered(dial.Connection, Ids.Of(0x10));
        s.Take();
        Assert.Equal((1, 0), (s.Mesh.Counts.Static, s.Mesh.Counts.Mesh));
        Assert.Equal(Address(0x10), Assert.Single(s.Mesh.Snapshot(Ids.Of(0x10), s.Now).Addresses).Address);
    }

    [Fact]
    public void Caller_SaysWhereItListens_ThatAddressIsLearnedAndDialledAfterTheLinkIsGone()
    {
        MeshScript s = Ready(target: 1, max: 2);
        long link = s.Mesh.HandleAccepted("11.1.0.1:50000");
        s.Mesh.HandleHello(link, new PeerFacts(Ids.Of(0x10), 1) { Back = new PeerAddress("11.1.0.1", 4040, Ids.Of(0x10)) }, s.Now);
        s.Mesh.HandleReadyReceived(link, s.Now);
        s.Take();

        AddressRecord learned = Assert.Single(s.Mesh.Snapshot(Ids.Of(0x10), s.Now).Addresses);
        Assert.Equal((AddressSource.Hello, "11.1.0.0/16"), (learned.Source, learned.SourceGroup.ToString()));
        s.Advance(20);
        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
        s.Lose(link);
        s.Advance(61);
        Assert.Contains(s.Take(), a => a is MeshAction.Dial { Probe: false, Address.Host: "11.1.0.1" });
    }

    [Fact]
    public void Feeler_EveryTwoMinutes_TestsOneAddressAndTakesNoPlace()
    {
        MeshScript s = Ready(target: 1, max: 1);
        Fill(s, 3);
        MeshAction.Dial first = s.Single<MeshAction.Dial>();
        s.Answered(first.Connection, first.Address.Id!.Value);
        s.Take();

        s.Advance(119);
        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
        s.Advance(1);
        MeshAction.Dial feeler = s.Single<MeshAction.Dial>();
        Assert.True(feeler.Probe);
        s.Answered(feeler.Connection, feeler.Address.Id!.Value);
        IReadOnlyList<MeshAction> actions = s.Take();
        Assert.True(Assert.Single(actions.OfType<MeshAction.LinkUp>()).Probe);
        Assert.Equal(DisconnectReason.ProbeDone, Assert.Single(actions.OfType<MeshAction.CloseLink>()).Reason);
        Assert.NotNull(Assert.Single(s.Mesh.Snapshot(feeler.Address.Id!.Value, s.Now).Addresses).LastSuccess);
        Assert.Equal(1, s.Mesh.Counts.Mesh);
        s.Lose(feeler.Connection, DisconnectReason.ProbeDone);
        s.Advance(120);
        Assert.True(s.Single<MeshAction.Dial>().Probe);
    }

    [Fact]
    public void Anchors_AreTheOldestOutboundOfTwoGroupsAndAreDialledFirstAfterAStart()
    {
        MeshScript before = Ready(target: 3, max: 6);
        List<PeerAddress> kept = [];
        foreach (byte id in (byte[])[0x10, 0x20, 0x30])
        {
            before.Learn(Address(id));
            before.Answered(before.Single<MeshAction.Dial>().Connection, Ids.Of(id));
            kept = [.. before.TakeKept().OfType<MeshAction.KeepAnchors>().LastOrDefault()?.Anchors ?? kept];
            before.Advance(1);
        }

        Assert.Equal([Address(0x10), Address(0x20)], kept);
        StoredMesh stored = new()
        {
            Anchors = kept,
            Addresses = [.. Enumerable.Range(1, 100).Select(i => Record((byte)i)), .. kept.SelectMany(a => before.Mesh.Snapshot(a.Id!.Value, before.Now).Addresses)],
        };

        MeshScript after = new(Self, target: 3, maxPeers: 6);
        after.Start(stored);

        Assert.Equal(kept, after.Take().OfType<MeshAction.Dial>().Select(d => d.Address).Take(2));
    }

    [Fact]
    public void Bootstrap_WithoutAnId_WhoAnswersIsAPeerLikeAnyOther()
    {
        MeshScript s = new(Self, target: 2, maxPeers: 4, bootstrap: [new PeerAddress("boot", 4040)]);
        s.Start();
        MeshAction.Dial dial = s.Single<MeshAction.Dial>();
        Assert.Null(dial.Address.Id);

        s.Answered(dial.Connection, Ids.Of(0x10));

        Assert.Single(s.Take().OfType<MeshAction.LinkUp>());
        Assert.False(s.Mesh.IsKnown(Ids.Of(0x10)));
        s.Advance(60);
        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
    }

    [Fact]
    public void Bootstrap_DownWhileNobodyIsThere_IsDialledEachHalfMinute()
    {
        MeshScript s = new(Self, target: 2, maxPeers: 4, bootstrap: [new PeerAddress("boot", 4040)]);
        s.Start();

        Assert.InRange(LongestPause(s), TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(31));
    }

    [Fact]
    public void Bootstrap_DownWhileAPeerIsThere_KeepsTheLongWait()
    {
        MeshScript s = new(Self, target: 2, maxPeers: 4, bootstrap: [new PeerAddress("boot", 4040)]);
        s.Start();
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
        s.Link(Ids.Of(0x20));

        Assert.InRange(LongestPause(s), TimeSpan.FromSeconds(60), TimeSpan.FromMinutes(6));
    }

    [Fact]
    public void Bootstrap_LastPeerLostDuringTheLongWait_IsDialledWithinHalfAMinute()
    {
        MeshScript s = new(Self, target: 2, maxPeers: 4, bootstrap: [new PeerAddress("boot", 4040)]);
        s.Start();
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
        long link = s.Link(Ids.Of(0x20));
        LongestPause(s);

        s.Lose(link);
        s.Advance(31);

        Assert.Contains(s.Take().OfType<MeshAction.Dial>(), static d => d.Address.Host == "boot");
    }

    [Theory]
    [InlineData(MesharaErrorCode.Full)]
    [InlineData(MesharaErrorCode.Banned)]
    public void Bootstrap_RefusedWhileNobodyIsThere_WaitsAsLongAsItSaid(MesharaErrorCode code)
    {
        MeshScript s = new(Self, target: 2, maxPeers: 4, bootstrap: [new PeerAddress("boot", 4040)]);
        s.Start();
        long dial = s.Single<MeshAction.Dial>().Connection;
        s.Hello(dial, Ids.Of(0x10));

        s.Fail(dial, code, byPeer: true, peer: Ids.Of(0x10), retryAfter: 600);
        s.Advance(599);

        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
    }

    // Of an hour in which every dial fails at once; the links that there are stay alive.
    private static TimeSpan LongestPause(MeshScript s)
    {
        TimeSpan longest = TimeSpan.Zero, last = s.Now, end = s.Now + TimeSpan.FromHours(1);
        while (s.Now < end)
        {
            s.Advance(0.5);
            foreach (MeshAction.Dial dial in s.Take().OfType<MeshAction.Dial>().ToArray())
            {
                longest = s.Now - last > longest ? s.Now - last : longest;
                last = s.Now;
                s.Fail(dial.Connection, MesharaErrorCode.ConnectFailed);
            }
        }

        return longest;
    }

    [Fact]
    public void TenThousandAddressesThatRefuseAtOnce_AreNotDialledInAFlood()
    {
        MeshScript s = Ready(target: 16, max: 32);
        for (int i = 0; i < 10_000; i++)
        {
            s.Learn(new PeerAddress($"{20 + (i / 250 % 40)}.{i / 250 / 40}.{i % 250}.1", 4040, NodeIds.At(i)));
        }

        int dials = 0;
        for (int step = 0; step < 600; step++)
        {
            foreach (MeshAction.Dial dial in s.Take().OfType<MeshAction.Dial>().ToArray())
            {
                dials++;
                s.Fail(dial.Connection, MesharaErrorCode.ConnectFailed);
            }

            s.Advance(0.1);
        }

        Assert.InRange(dials, 100, 160);
    }

    [Fact]
    public void ManyAddressesThatAnswer_TheTargetIsReachedAtOnce()
    {
        MeshScript s = Ready(target: 64, max: 128);
        for (int i = 0; i < 200; i++)
        {
            s.Learn(new PeerAddress($"{20 + (i % 40)}.{i / 40}.0.1", 4040, NodeIds.At(i)));
        }

        TimeSpan from = s.Now;
        while (s.Mesh.Counts.Mesh < 64 && s.Now - from < TimeSpan.FromMinutes(1))
        {
            foreach (MeshAction.Dial dial in s.Take().OfType<MeshAction.Dial>().ToArray())
            {
                s.Answered(dial.Connection, dial.Address.Id!.Value);
            }

            s.Advance(0.01);
        }

        Assert.True(s.Now - from < TimeSpan.FromSeconds(1), $"{s.Now - from}");
    }

    [Fact]
    public void OnlyPeerRefusesForEver_DialsStayFew()
    {
        MeshScript s = Ready(target: 2, max: 2);
        for (byte id = 0x10; id < 0x60; id += 0x10)
        {
            s.Learn(Address(id));
        }

        int dials = 0;
        for (int minute = 0; minute < 6 * 60; minute++)
        {
            s.Advance(60);
            foreach (MeshAction.Dial dial in s.Take().OfType<MeshAction.Dial>().ToArray())
            {
                dials++;
                s.Fail(dial.Connection, MesharaErrorCode.Full, byPeer: true, peer: dial.Address.Id, retryAfter: 60);
            }
        }

        // Each of four at most every five minutes, and a feeler every two.
        Assert.InRange(dials, 100, 6 * ((5 * 12) + 30));
    }

    [Fact]
    public void NetworkChanged_BackoffIsForgotten_WhatOthersAskedForIsNot()
    {
        MeshScript s = Ready(target: 2, max: 2);
        s.Learn(Address(0x10));
        s.Learn(Address(0x20));
        MeshAction.Dial[] dials = [.. s.Take().OfType<MeshAction.Dial>()];
        for (int i = 0; i < 8; i++)
        {
            foreach (MeshAction.Dial dial in dials)
            {
                bool refuses = dial.Address == Address(0x20);
                s.Fail(dial.Connection, refuses ? MesharaErrorCode.Full : MesharaErrorCode.ConnectFailed, byPeer: refuses, peer: refuses ? Ids.Of(0x20) : null);
            }

            s.Take();
            s.Mesh.HandleNetworkChanged(s.Now);
            dials = [.. s.Take().OfType<MeshAction.Dial>()];
            Assert.Equal([Address(0x10)], dials.Select(d => d.Address));
        }
    }

    private static NodeId Self { get; } = Ids.Of(0x01);

    private static MeshScript Ready(int target, int max)
    {
        MeshScript s = new(Self, target: target, maxPeers: max);
        s.Start();
        return s;
    }

    private static PeerAddress Address(byte id) => new($"10.{id}.0.1", 4040, Ids.Of(id));

    private static AddressRecord Record(byte id) => new(new PeerAddress($"12.{id}.0.1", 4040, Ids.Of(id)), AddressSource.PeerExchange, default) { LastSuccess = TimeSpan.Zero };

    private static void Fill(MeshScript s, int count)
    {
        for (int i = 1; i <= count; i++)
        {
            s.Learn(Address((byte)(i * 0x11)));
        }
    }
}

/// <summary>As many ids as a test needs.</summary>
internal static class NodeIds
{
    public static NodeId At(int number)
    {
        byte[] bytes = new byte[NodeId.Size];
        bytes[0] = 0x77;
        BitConverter.TryWriteBytes(bytes.AsSpan(1), number);
        return NodeId.FromBytes(bytes);
    }
}
