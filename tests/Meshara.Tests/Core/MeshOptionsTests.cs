using FsCheck;
using FsCheck.Fluent;
using Meshara.Core;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Core;

public sealed class MeshOptionsTests
{
    private static readonly NodeOptions Options = new() { Mesh = "m", Admission = Admission.Open };

    [Fact]
    public void Options_FewerPeersThanThereAre_AllStayAndNobodyNewComesUntilThereAreFewer()
    {
        MeshScript s = new(maxPeers: 8);
        s.Start();
        long[] links = [.. Enumerable.Range(1, 6).Select(i => s.Link(Ids.Of((byte)i), from: $"10.{i}.0.1:1"))];
        s.Advance(120);
        s.Take();

        s.Mesh.HandleOptions(With(target: 0, max: 4), s.Now);
        s.Advance(600);

        Assert.Empty(s.Take().OfType<MeshAction.CloseLink>());
        Assert.Equal(6, s.Mesh.Counts.Mesh);
        Assert.Equal(("max_peers", 4L), Refused(s, 0xF0));

        // Five, then four: still full. Somebody may give way only now, as on any full node.
        s.Lose(links[0]);
        Assert.Equal(("max_peers", 4L), Refused(s, 0xF1));
        s.Lose(links[1]);
        s.Lose(links[2]);
        s.Take();
        s.Link(Ids.Of(0xF2), from: "10.99.0.1:1");
        Assert.Equal(4, s.Mesh.Counts.Mesh);
    }

    [Fact]
    public void Options_AfterFewerPeersHaveGone_AMaximumIsOneAgain()
    {
        MeshScript s = new(maxPeers: 8);
        s.Start();
        long[] links = [.. Enumerable.Range(1, 4).Select(i => s.Link(Ids.Of((byte)i), from: $"10.{i}.0.1:1"))];
        s.Mesh.HandleTrust(Ids.High, s.Now);
        s.Link(Ids.High, from: "10.9.0.1:1");
        s.Mesh.HandleOptions(With(target: 0, max: 2), s.Now);
        s.Lose(links[0]);
        s.Lose(links[1]);
        s.Take();
        Assert.Equal((2, 1), (s.Mesh.Counts.Mesh, s.Mesh.Counts.Static));

        // Whom the options name no more is one too many, and stays as those did.
        s.Mesh.HandleUnwanted(new PeerAddress("10.9.0.1", 1, Ids.High), isPinned: false, s.Now);

        Assert.Empty(s.Take().OfType<MeshAction.CloseLink>());
        Assert.Equal((3, 0), (s.Mesh.Counts.Mesh, s.Mesh.Counts.Static));
    }

    [Fact]
    public void Options_AnyTargetAndMaximum_NoLinkIsClosed() =>
        Prop.ForAll(
            Gen.Choose(0, 12).Three().Zip(Gen.Choose(1, 12), (a, b) => (Links: a.Item1, Target: a.Item2, Before: a.Item3, Max: b)).ToArbitrary(),
            c =>
            {
                MeshScript s = new(maxPeers: Math.Max(c.Links, Math.Max(1, c.Before)), target: 0);
                s.Start();
                for (int i = 1; i <= c.Links; i++)
                {
                    s.Link(Ids.Of((byte)i), from: $"10.{i}.0.1:1");
                }

                s.Advance(100);
                s.Mesh.HandleOptions(With(Math.Min(c.Target, c.Max), c.Max), s.Now);
                s.Advance(1000);
                return s.Take().All(a => a is not (MeshAction.CloseLink or MeshAction.Abort)) && s.Mesh.Counts.Mesh == c.Links;
            }).QuickCheckThrowOnFailure();

    [Fact]
    public void Options_HigherTarget_MoreAreDialledAtOnce()
    {
        MeshScript s = new(target: 0);
        s.Start();
        s.Learn(new PeerAddress("10.1.0.1", 1, Ids.Low));
        s.Advance(60);
        Assert.Empty(s.Take());

        s.Mesh.HandleOptions(With(target: 4, max: 8), s.Now);

        Assert.Equal("10.1.0.1:1", s.Single<MeshAction.Dial>().Address.HostAndPort);
    }

    // A shorter longest wait holds for those that wait already; a longer one, or the same, does not make them come sooner.
    [Theory]
    [InlineData(10, true)]
    [InlineData(300, false)]
    [InlineData(900, false)]
    public void Options_ShorterBackoff_WhatWaitsIsDialledAtOnce(int seconds, bool dialled)
    {
        MeshScript s = new(target: 4, maxPeers: 8);
        s.Start();
        s.Learn(new PeerAddress("10.1.0.1", 1, Ids.Low));
        for (int i = 0; i < 8; i++)
        {
            s.Fail(s.Take().OfType<MeshAction.Dial>().First(d => !d.Probe).Connection, MesharaErrorCode.ConnectFailed);
            s.Advance(300);
        }

        foreach (MeshAction.Dial dial in s.Take().OfType<MeshAction.Dial>())
        {
            s.Fail(dial.Connection, MesharaErrorCode.ConnectFailed);
        }

        NodeOptions options = With(target: 4, max: 8);
        s.Mesh.HandleOptions(options with { Discovery = options.Discovery with { MaxBackoff = TimeSpan.FromSeconds(seconds) } }, s.Now);
        Assert.Equal(dialled, s.Take().OfType<MeshAction.Dial>().Any());
    }

    [Fact]
    public void Options_FeelersMoreOften_TheNextOneComesSoonerToo()
    {
        MeshScript s = new(target: 1, maxPeers: 4);
        s.Start();
        s.Learn(new PeerAddress("10.1.0.1", 1, Ids.Low));
        s.Answered(s.Single<MeshAction.Dial>().Connection, Ids.Low);
        s.Learn(new PeerAddress("30.1.0.1", 1, Ids.High));
        s.Advance(10);
        s.Take();
        NodeOptions options = With(target: 1, max: 4);
        s.Mesh.HandleOptions(options with { Discovery = options.Discovery with { FeelerInterval = TimeSpan.FromMinutes(10) } }, s.Now);
        s.Mesh.HandleOptions(options with { Discovery = options.Discovery with { FeelerInterval = TimeSpan.FromSeconds(30) } }, s.Now);
        s.Advance(29);
        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
        s.Advance(2);
        Assert.True(s.Take().OfType<MeshAction.Dial>().Single().Probe);
    }

    [Fact]
    public void Options_OtherBootstraps_TheNewAreDialledAndTheOldForgotten()
    {
        PeerAddress old = new("10.1.0.1", 1), added = new("10.2.0.1", 1);
        MeshScript s = new(target: 4, maxPeers: 8, bootstrap: [old]);
        s.Start();
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
        s.Take();

        s.Mesh.HandleOptions(With(target: 4, max: 8, added), s.Now);
        s.Advance(600);

        PeerAddress[] dialled = [.. s.Take().OfType<MeshAction.Dial>().Select(d => d.Address)];
        Assert.Contains(added, dialled);
        Assert.DoesNotContain(old, dialled);
    }

    [Fact]
    public void Options_MethodBootstrapIsOff_BootstrapsAreForgotten()
    {
        PeerAddress old = new("10.1.0.1", 1);
        MeshScript s = new(target: 4, maxPeers: 8, bootstrap: [old]);
        s.Start();
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
        NodeOptions off = With(target: 4, max: 8, old);

        s.Mesh.HandleOptions(off with { Discovery = off.Discovery with { EnabledMethods = DiscoveryMethods.All & ~DiscoveryMethods.Bootstrap } }, s.Now);
        s.Take();
        s.Advance(600);

        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
    }

    [Fact]
    public void Options_MethodPeerExchangeIsTurnedOnAndOff_PeersAreAskedWhileItIsOn()
    {
        MeshScript s = new(target: 4, maxPeers: 8);
        s.Start();
        s.Link(Ids.Low);
        s.Advance(60);
        Assert.Empty(s.Take().OfType<MeshAction.AskPeers>());

        s.Mesh.HandleOptions(With(target: 4, max: 8), s.Now);
        s.Advance(60);
        Assert.NotEmpty(s.Take().OfType<MeshAction.AskPeers>());

        NodeOptions off = With(target: 4, max: 8);
        s.Mesh.HandleOptions(off with { Discovery = off.Discovery with { EnabledMethods = DiscoveryMethods.Bootstrap } }, s.Now);
        s.Take();
        s.Advance(3600);
        Assert.Empty(s.Take().OfType<MeshAction.AskPeers>());
    }

    [Fact]
    public void Options_ShorterBackoff_AWaitingPeerIsDialledWithinIt()
    {
        MeshScript s = new(timeouts: new NodeTimeouts { MaxBackoff = TimeSpan.FromDays(1) });
        s.Start();
        s.Mesh.HandleAdd(null, new PeerAddress("h", 1, Ids.Low), keepForever: true, s.Now);
        for (int i = 0; i < 16; i++)
        {
            s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
            if (i < 15)
            {
                s.Advance(86400);
            }
        }

        s.Take();
        s.Mesh.HandleOptions(Options with { Timeouts = new NodeTimeouts { MaxBackoff = TimeSpan.FromSeconds(2) } }, s.Now);
        s.Advance(2);

        Assert.NotEmpty(s.Take().OfType<MeshAction.Dial>());
    }

    [Theory]
    [InlineData(nameof(AdmissionMode.Open), false, true)]
    [InlineData(nameof(AdmissionMode.KnownPeers), true, true)]
    [InlineData(nameof(AdmissionMode.KnownPeers), false, false)]
    public void Unwanted_LinkedPeer_StaysWhereItMayBe(string admission, bool isPinned, bool stays)
    {
        PeerAddress address = new("10.1.0.1", 1, Ids.Low);
        MeshScript s = new(admission: Enum.Parse<AdmissionMode>(admission), maxPeers: 4);
        s.Start();
        s.Mesh.HandleAdd(null, address, keepForever: true, s.Now);
        long link = s.Single<MeshAction.Dial>().Connection;
        s.Answered(link, Ids.Low);
        s.Take();
        Assert.True(s.Mesh.IsStatic(Ids.Low));

        s.Mesh.HandleUnwanted(address, isPinned, s.Now);

        Assert.Equal(stays ? [] : [(link, DisconnectReason.LocalRemoved)], s.Take().OfType<MeshAction.CloseLink>().Select(c => (c.Connection, c.Reason)));
        Assert.Equal(isPinned, s.Mesh.IsStatic(Ids.Low));
        if (!stays)
        {
            return;
        }

        // It is not dialled for ever any more.
        s.Lose(link);
        s.Advance(600);
        Assert.Empty(s.Take().OfType<MeshAction.Dial>());
    }

    [Fact]
    public void Unwanted_DialUnderWay_IsGivenUp()
    {
        PeerAddress address = new("10.1.0.1", 1);
        MeshScript s = new();
        s.Start();
        s.Mesh.HandleAdd(null, address, keepForever: true, s.Now);
        long dial = s.Single<MeshAction.Dial>().Connection;

        s.Mesh.HandleUnwanted(address, isPinned: false, s.Now);

        Assert.Equal(dial, s.Single<MeshAction.Abort>().Connection);
        s.Advance(600);
        Assert.Empty(s.Take());
    }

    private static NodeOptions With(int target, int max, params PeerAddress[] bootstraps) =>
        Options with { Discovery = new DiscoveryOptions { TargetPeers = target, MaxPeers = max, BootstrapNodes = bootstraps } };

    private static (string?, long?) Refused(MeshScript s, byte id)
    {
        s.Accept(Ids.Of(id), from: "10.99.0.1:1");
        MeshAction.SendRefuse refuse = s.Single<MeshAction.SendRefuse>();
        Assert.Equal(RefuseCode.Full, refuse.Code);
        return (refuse.Limit, refuse.Value);
    }
}
