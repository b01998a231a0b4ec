using Meshara.Core;
using Xunit;

namespace Meshara.Tests.Core;

/// <summary>When a wanted peer is dialled again, and what is remembered of addresses that lead back to this node.</summary>
public sealed class MeshRedialTests
{
    private static readonly PeerAddress Wanted = new("10.0.0.2", 4040, Ids.High);

    // Who shuts down is expected back as after any failure: at first within a second.
    [Fact]
    public void Lost_TheOtherSideShutsDown_IsDialledWithinASecond_ThenMoreSlowly()
    {
        MeshScript s = new(Ids.Low);
        s.Mesh.HandleAdd(null, Wanted, keepForever: true, s.Now);
        s.Answered(s.Single<MeshAction.Dial>().Connection, Ids.High);
        s.Advance(60);
        s.Take();
        long link = s.Mesh.LinkOf(Ids.High)!.Value;
        s.Lose(link, DisconnectReason.RemoteShutdown, retryAfter: 3600);
        s.Advance(1.01);
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
        s.Advance(2.01);
        s.Fail(s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
        s.Advance(4.01);
        Assert.Single(s.Take().OfType<MeshAction.Dial>());
    }

    // Where a person has to act, or nobody is wanted, the next dial is long in coming; a link that broke comes back at once.
    [Theory]
    [InlineData(DisconnectReason.RemoteRemoved, true)]
    [InlineData(DisconnectReason.ProtocolError, true)]
    [InlineData(DisconnectReason.RemoteProtocolError, true)]
    [InlineData(DisconnectReason.Evicted, true)]
    [InlineData(DisconnectReason.IdentityInUse, true)]
    [InlineData(DisconnectReason.Replaced, false)]
    [InlineData(DisconnectReason.ConnectionLost, false)]
    [InlineData(DisconnectReason.PingTimeout, false)]
    [InlineData(DisconnectReason.WriteTimeout, false)]
    [InlineData(DisconnectReason.FrameTimeout, false)]
    [InlineData(DisconnectReason.DrainTimeout, false)]
    [InlineData(DisconnectReason.RemoteTimeout, false)]
    [InlineData(DisconnectReason.InternalError, false)]
    [InlineData(DisconnectReason.RemoteError, false)]
    public void Lost_ByWhatAPersonMustMend_IsDialledAfterHalfTheLongestBackoff(DisconnectReason reason, bool isSlow)
    {
        MeshScript s = new(Ids.Low);
        s.Mesh.HandleAdd(null, Wanted, keepForever: true, s.Now);
        s.Answered(s.Single<MeshAction.Dial>().Connection, Ids.High);
        s.Advance(60);
        s.Take();

        s.Lose(s.Mesh.LinkOf(Ids.High)!.Value, reason);
        s.Advance(29.9);

        Assert.Equal(!isSlow, s.Take().OfType<MeshAction.Dial>().Any());
        if (isSlow)
        {
            s.Advance(30.2);
            Assert.Single(s.Take().OfType<MeshAction.Dial>());
        }
    }

    // The other side still believes in a link that has ended here: it is asked again soon, a few times, not before it wants to be.
    [Fact]
    public void Add_RefusedAsDuplicateOfNothing_IsTriedFourTimes_WhenTheOtherAllows()
    {
        MeshScript s = new(Ids.Low);
        long dial = s.Add(Wanted);
        for (int i = 0; i < 4; i++)
        {
            s.Fail(dial, MesharaErrorCode.Duplicate, byPeer: true, retryAfter: 5);
            s.Advance(4.99);
            Assert.DoesNotContain(s.Take(), a => a is MeshAction.Dial or MeshAction.AddFailed);
            s.Advance(5);
            dial = s.Single<MeshAction.Dial>().Connection;
        }

        s.Fail(dial, MesharaErrorCode.Duplicate, byPeer: true, retryAfter: 5);
        Assert.Equal(MesharaErrorCode.Duplicate, s.Single<MeshAction.AddFailed>().Failure.Code);
        Assert.Null(s.Mesh.NextDeadline);
    }

    [Fact]
    public void Self_MoreAddressesThanAreRemembered_TheFirstIsDialledAgain()
    {
        MeshScript s = new(Ids.Low);
        for (int i = 0; i <= 1024; i++)
        {
            s.Fail(s.Add(Numbered(i)), MesharaErrorCode.Self, transient: false);
            Assert.Equal(MesharaErrorCode.Self, s.Single<MeshAction.AddFailed>().Failure.Code);
        }

        s.Mesh.HandleAdd(1, Numbered(1), keepForever: false, s.Now);
        Assert.Equal(MesharaErrorCode.Self, s.Single<MeshAction.AddFailed>().Failure.Code);
        s.Mesh.HandleAdd(1, Numbered(0), keepForever: false, s.Now);
        Assert.Equal(Numbered(0), s.Single<MeshAction.Dial>().Address);
    }

    // Found twice to be this node's own it counts once.
    [Fact]
    public void Self_TheSameAddressTwiceAtOnce_IsRememberedOnce()
    {
        MeshScript s = new(Ids.Low);
        long first = s.Add(Numbered(0)), second = s.Add(Numbered(0) with { Id = Ids.High });
        s.Fail(first, MesharaErrorCode.Self, transient: false);
        s.Fail(second, MesharaErrorCode.Self, transient: false);
        s.Take();
        for (int i = 1; i < 1024; i++)
        {
            s.Fail(s.Add(Numbered(i)), MesharaErrorCode.Self, transient: false);
            s.Take();
        }

        s.Mesh.HandleAdd(1, Numbered(0), keepForever: false, s.Now);
        Assert.Equal(MesharaErrorCode.Self, s.Single<MeshAction.AddFailed>().Failure.Code);
    }

    // The caller has given up, and another dial of that peer waited for this one.
    [Fact]
    public void CancelAdd_AnotherAddressOfThePeerWaits_ItIsDialled()
    {
        MeshScript s = new(Ids.Low);
        PeerAddress other = new("10.0.0.3", 4040, Ids.High);
        s.Add(other, addId: 5);
        s.Mesh.HandleAdd(null, Wanted, keepForever: true, s.Now);
        Assert.Empty(s.Take());
        s.Mesh.HandleCancelAdd(5, s.Now);
        Assert.Equal(Wanted, s.Single<MeshAction.Dial>().Address);
    }

    private static PeerAddress Numbered(int number) => new($"10.{1 + (number / 200)}.{number % 200}.1", 4040);
}
