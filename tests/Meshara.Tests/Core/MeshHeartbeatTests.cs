using Meshara.Core;
using Xunit;

namespace Meshara.Tests.Core;

public sealed class MeshHeartbeatTests
{
    [Fact]
    public void Silence_NothingAnswers_PingsTwiceThenCloses()
    {
        MeshScript s = new();
        long link = s.Link(Ids.High);
        TimeSpan start = s.Now;
        LinkLiveness Silent(TimeSpan now) => new(start, null, null);
        List<(double At, MeshAction Action)> seen = [];
        for (int tick = 1; tick <= 400; tick++)
        {
            s.Advance(0.1, Silent);
            seen.AddRange(s.Take().Select(a => (Math.Round((s.Now - start).TotalSeconds, 1), a)));
        }

        Assert.Equal([15, 25], seen.Where(x => x.Action is MeshAction.Ping).Select(x => x.At));
        (double at, MeshAction action) = Assert.Single(seen, x => x.Action is MeshAction.CloseLink);
        Assert.Equal(35, at);
        Assert.Equal(new MeshAction.CloseLink(link, DisconnectReason.PingTimeout, "nothing was heard for 35 s"), action);
    }

    [Fact]
    public void Silence_AnyFrameAfterThePing_StartsAnew()
    {
        MeshScript s = new();
        s.Link(Ids.High);
        TimeSpan start = s.Now;
        s.Advance(20, _ => new LinkLiveness(start, null, null));
        TimeSpan heard = s.Now;
        s.Take();

        s.Advance(14.9, _ => new LinkLiveness(heard, null, null));
        Assert.Empty(s.Take().OfType<MeshAction.Ping>());
        s.Advance(0.2, _ => new LinkLiveness(heard, null, null));
        Assert.Single(s.Take().OfType<MeshAction.Ping>());
    }

    [Fact]
    public void B3_PongJustPastTheDeadline_ClosedOnceWithOneReason()
    {
        MeshScript s = new();
        long link = s.Link(Ids.High);
        TimeSpan start = s.Now;
        s.Advance(35, _ => new LinkLiveness(start, null, null));
        long last = s.Take().OfType<MeshAction.Ping>().Last().Number;

        s.Mesh.HandlePong(link, last, s.Now);
        s.Advance(60);
        Assert.Empty(s.Take());

        s.Lose(link, DisconnectReason.PingTimeout);
        s.Lose(link, DisconnectReason.ConnectionLost);
        Assert.Equal(DisconnectReason.PingTimeout, s.Single<MeshAction.LinkDown>().Reason);
    }

    [Fact]
    public void Frame_BegunAtAnyTime_ClosesAtItsDeadline()
    {
        for (double begun = 0.1; begun < 40; begun += 1.3)
        {
            MeshScript s = new();
            s.Link(Ids.High);
            TimeSpan since = s.Now + TimeSpan.FromSeconds(begun);
            LinkLiveness Half(TimeSpan now) => new(now < since ? now : since, now >= since ? since : null, null);
            s.Advance(begun + 9.9, Half);
            Assert.Empty(s.Take().OfType<MeshAction.CloseLink>());

            s.Advance(0.11, Half);
            Assert.Equal(DisconnectReason.FrameTimeout, s.Single<MeshAction.CloseLink>().Reason);
        }
    }

    [Fact]
    public void Write_NotTaken_ClosesAtItsDeadline()
    {
        MeshScript s = new();
        s.Link(Ids.High);
        TimeSpan since = s.Now + TimeSpan.FromSeconds(3);
        LinkLiveness Stuck(TimeSpan now) => new(now, null, now >= since ? since : null);
        s.Advance(32.9, Stuck);
        Assert.Empty(s.Take().OfType<MeshAction.CloseLink>());

        s.Advance(0.1, Stuck);
        Assert.Equal(DisconnectReason.WriteTimeout, s.Single<MeshAction.CloseLink>().Reason);
    }

    [Fact]
    public void Ping_NoPongEver_NeverMoreThanFourOutstanding()
    {
        MeshScript s = new(Ids.Low);
        s.Link(Ids.High);
        int pings = 0;
        for (int i = 0; i < 20; i++)
        {
            long newcomer = s.Accept(Ids.High);
            s.Advance(0.3);
            s.Fail(newcomer, MesharaErrorCode.HelloTimeout);
            pings += s.Take().OfType<MeshAction.Ping>().Count();
        }

        Assert.Equal(4, pings);
    }
}
