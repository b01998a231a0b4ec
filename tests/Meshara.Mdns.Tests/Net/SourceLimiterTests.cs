using System.Net;
using Meshara.Mdns.Net;
using Xunit;

namespace Meshara.Mdns.Tests.Net;

public sealed class SourceLimiterTests
{
    private static readonly IPAddress Honest = IPAddress.Parse("10.0.0.1");

    [Fact]
    public void TryTake_OneSender_HasItsBurstThenItsRate()
    {
        SourceLimiter limiter = new();

        Assert.Equal(SourceLimiter.Burst, Enumerable.Range(0, 1000).Count(_ => limiter.TryTake(Honest, TimeSpan.Zero)));
        Assert.Equal(SourceLimiter.PerSecond, Enumerable.Range(0, 1000).Count(_ => limiter.TryTake(Honest, TimeSpan.FromSeconds(1))));
    }

    // Whoever forges more senders than are told apart took the place of those who were there before him, since these are idle most of the time.
    [Theory]
    [InlineData(0)]
    [InlineData(29)]
    public void TryTake_FloodOfForgedSenders_WhoWasThereBeforeIsHeard(double quiet)
    {
        SourceLimiter limiter = new();
        Assert.True(limiter.TryTake(Honest, TimeSpan.Zero));
        Assert.True(limiter.TryTake(Honest, TimeSpan.FromSeconds(1.5)));
        TimeSpan begin = TimeSpan.FromSeconds(2 + quiet);
        uint forged = 0;
        for (int i = 0; i < 100_000; i++)
        {
            TimeSpan now = begin + TimeSpan.FromMilliseconds(i / 20.0);
            limiter.TryTake(Forged(forged++), now);
            if (i % 20_000 == 19_999)
                Assert.True(limiter.TryTake(Honest, now));
        }
    }

    // Two packets of each forged sender a second and a half apart kept every newcomer out for ten minutes.
    [Fact]
    public void TryTake_TableFullOfRegularSenders_HalfOfItIsForNewOnes()
    {
        SourceLimiter limiter = Full();

        TimeSpan soon = TimeSpan.FromSeconds(3);
        int places = SourceLimiter.MaxSources - SourceLimiter.MaxRegulars;
        Assert.Equal(places + SourceLimiter.Burst, Enumerable.Range(0, 2000).Count(i => limiter.TryTake(Forged(90_000 + (uint)i), soon)));

        // Of the regular ones those known longest have stayed: the others share with the newcomers.
        Assert.True(limiter.TryTake(Forged(0), soon));
        Assert.False(limiter.TryTake(Forged(SourceLimiter.MaxSources - 1), soon));
    }

    // A forger who repeats his senders every second is always the last one heard; he must not be the one who is kept for that.
    [Fact]
    public void TryTake_ForgerWhoRepeatsHisSendersBesideNewOnes_WhoWasThereBeforeIsHeard()
    {
        SourceLimiter limiter = new();
        Assert.True(limiter.TryTake(Honest, TimeSpan.Zero));
        Assert.True(limiter.TryTake(Honest, TimeSpan.FromSeconds(1.5)));
        uint fresh = 1_000_000;
        for (int second = 2; second < 62; second++)
        {
            for (uint i = 0; i < 1000; i++)
            {
                TimeSpan now = TimeSpan.FromSeconds(second) + TimeSpan.FromMilliseconds(i);
                limiter.TryTake(Forged(i % SourceLimiter.MaxRegulars), now);
                limiter.TryTake(Forged(fresh++), now);
            }
        }

        Assert.True(limiter.TryTake(Honest, TimeSpan.FromSeconds(62)));
    }

    // The place is not for ever: senders that are gone make room for new ones.
    [Fact]
    public void TryTake_RegularSendersAreGone_NewOnesTakeTheirPlace()
    {
        SourceLimiter limiter = Full();

        TimeSpan later = TimeSpan.FromSeconds(3) + SourceLimiter.Memory;
        Assert.Equal(1000, Enumerable.Range(0, 1000).Count(i => limiter.TryTake(Forged(90_000 + (uint)i), later)));
    }

    private static SourceLimiter Full()
    {
        SourceLimiter limiter = new();
        foreach (double at in (double[])[0, 1.5])
        {
            for (uint i = 0; i < SourceLimiter.MaxSources; i++)
                Assert.True(limiter.TryTake(Forged(i), TimeSpan.FromSeconds(at) + TimeSpan.FromTicks(i)));
        }

        return limiter;
    }

    private static IPAddress Forged(uint number) => new([11, (byte)(number >> 16), (byte)(number >> 8), (byte)number]);
}
