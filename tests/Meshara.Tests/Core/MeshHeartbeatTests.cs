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

    // One PING and its PONG serve both sides; a node with thousands of inbound links asks those of a second at once.
    [Theory]
    [InlineData(15, 15, 16)]
    [InlineData(2, 2, 2.5)]
    public void Silence_Accepted_AsksBeforeTheSideThatDialled(double pingAfter, double accepted, double dialled)
    {
        Assert.Equal(accepted, FirstPing(inbound: true));
        Assert.Equal(dialled, FirstPing(inbound: false));

        double FirstPing(bool inbound)
        {
            MeshScript s = new(timeouts: new NodeTimeouts { PingAfter = TimeSpan.FromSeconds(pingAfter) });
            if (inbound)
            {
                s.Link(Ids.High);
            }
            else
            {
                long connection = s.Add(PeerAddress.Parse($"{Ids.High}@10.0.0.1:1000"));
                s.Hello(connection, Ids.High);
                s.Mesh.HandleReadyReceived(connection, s.Now);
            }

            s.Take();
            TimeSpan start = s.Now;
            for (int tick = 1; tick <= 400; tick++)
            {
                s.Advance(0.1, _ => new LinkLiveness(start, null, null));
                if (s.Take().OfType<MeshAction.Ping>().Any())
                {
                    return Math.Round((s.Now - start).TotalSeconds, 1);
                }
            }

            return double.NaN;
        }
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
        s.Advance(36, _ => new LinkLiveness(start, null, null));
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

    // Every wake-up costs a laptop its sleep: the looks of all links are at the same moments, and only what has a deadline of its own is done in between.
    // With looks of its own for each link there were 1,922 wake-ups in ten minutes, whether idle or busy.
    [Theory]
    [InlineData(true, 120)]
    [InlineData(false, 120)]
    public void Looks_SixteenLinks_OneWakeUpInFiveSeconds_AndOneForThePingsOfASecond(bool busy, int looks)
    {
        MeshScript s = new();
        Dictionary<long, TimeSpan> heard = [];
        for (int i = 0; i < 16; i++)
        {
            s.Wait(0.37);
            heard.Add(s.Link(Ids.Of((byte)(0x60 + i)), from: $"10.0.{i}.1:1000"), s.Now);
        }

        int wakeUps = 0, wakeUpsToAsk = 0;
        List<TimeSpan> silences = [];
        TimeSpan end = s.Now + TimeSpan.FromMinutes(10);
        while (s.Mesh.NextDeadline is { } due && due <= end)
        {
            s.Wait((due - s.Now).TotalSeconds);
            s.Mesh.HandleDeadline(s.Now);
            wakeUps++;
            int askedBefore = silences.Count;
            Queue<MeshAction> actions = new(s.Take());
            while (actions.TryDequeue(out MeshAction? action))
            {
                if (action is MeshAction.Check check)
                {
                    heard[check.Connection] = busy ? s.Now : heard[check.Connection];
                    s.Mesh.HandleLiveness(check.Connection, new LinkLiveness(heard[check.Connection], null, null), s.Now);
                }
                else if (action is MeshAction.Ping ping)
                {
                    // Answered at once.
                    silences.Add(s.Now - heard[ping.Connection]);
                    heard[ping.Connection] = s.Now;
                    s.Mesh.HandlePong(ping.Connection, ping.Number, s.Now);
                }

                foreach (MeshAction next in s.Take())
                {
                    actions.Enqueue(next);
                }
            }

            wakeUpsToAsk += silences.Count > askedBefore ? 1 : 0;
        }

        // They began within six seconds, so a round of sixteen PINGs takes seven wake-ups at most, some of which are looks, too.
        TestContext.Current.TestOutputHelper?.WriteLine($"{wakeUps} wake-ups, {wakeUpsToAsk} with PINGs, {silences.Count} PINGs in 10 minutes");
        Assert.InRange(wakeUps, looks, looks + 1 + (busy ? 0 : wakeUpsToAsk));
        Assert.InRange(silences.Count, busy ? 16 * 9 : 16 * 39, busy ? 16 * 10 : 16 * 40);
        Assert.InRange(wakeUpsToAsk, 1, busy ? 16 * 10 : 7 * 40);
        Assert.All(silences, silence => Assert.InRange(silence, busy ? TimeSpan.Zero : TimeSpan.FromSeconds(14), busy ? TimeSpan.Zero : TimeSpan.FromSeconds(15)));
    }

    // Wherever between two looks it begins: what has a deadline is done at it.
    [Theory]
    [InlineData(0.001)]
    [InlineData(1.7)]
    [InlineData(2.5)]
    [InlineData(4.999)]
    public void Deadlines_LinkBeganBetweenTwoLooks_AreExact(double phase)
    {
        MeshScript s = new();
        s.Wait(phase);
        long silent = s.Link(Ids.Of(0x60), from: "10.1.0.1:1000"), framed = s.Link(Ids.Of(0x61), from: "10.2.0.1:1000"), written = s.Link(Ids.Of(0x62), from: "10.3.0.1:1000");
        TimeSpan start = s.Now, begun = start + TimeSpan.FromSeconds(0.3);
        List<(double At, MeshAction Action)> seen = [];
        while (s.Mesh.NextDeadline is { } due && due <= start + TimeSpan.FromSeconds(40))
        {
            s.AdvanceWith((due - s.Now).TotalSeconds, link => new LinkLiveness(
                link == silent ? start : s.Now,
                link == framed && s.Now >= begun ? begun : null,
                link == written && s.Now >= begun ? begun : null));
            seen.AddRange(s.Take().Select(a => (Math.Round((s.Now - start).TotalSeconds, 6), a)));
        }

        // Only the first PING is together with those of other links, at the full second before.
        double asked = Math.Round(Math.Floor((start + TimeSpan.FromSeconds(15)).TotalSeconds) - start.TotalSeconds, 6);
        Assert.Equal([asked, Math.Round(asked + 10, 6)], seen.Where(x => x.Action is MeshAction.Ping ping && ping.Connection == silent).Select(x => x.At));
        Assert.Equal(
            [(10.3, framed, DisconnectReason.FrameTimeout), (30.3, written, DisconnectReason.WriteTimeout), (Math.Round(asked + 20, 6), silent, DisconnectReason.PingTimeout)],
            seen.Select(x => (x.At, Close: x.Action as MeshAction.CloseLink)).Where(x => x.Close is not null).Select(x => (x.At, x.Close!.Connection, x.Close.Reason)));
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
