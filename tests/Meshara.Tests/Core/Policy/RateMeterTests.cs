using FsCheck;
using FsCheck.Fluent;
using Meshara.Core.Policy;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Core.Policy;

public sealed class RateMeterTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    [Theory]
    [InlineData(1, 2)]
    [InlineData(7, 20)]
    [InlineData(10_000, 20_000)]
    [InlineData(RateMeter.MaxRate, 2 * RateMeter.MaxRate)]
    public void Spend_TheBurst_PassesAndOneMoreWaitsForItsToken(long rate, long burst)
    {
        RateMeter meter = new(rate, burst, Patience, TimeSpan.Zero);
        Assert.Equal(burst, meter.Left);

        meter.Spend(burst / 2, TimeSpan.Zero);
        meter.Spend(burst - (burst / 2), TimeSpan.Zero);
        Assert.Equal((TimeSpan.Zero, 0L), (meter.Wait, meter.Left));

        meter.Spend(1, TimeSpan.Zero);
        Assert.Equal(Math.Ceiling(1e7 / rate), meter.Wait.Ticks);
        meter.Spend(0, meter.Wait);
        Assert.Equal(TimeSpan.Zero, meter.Wait);
    }

    [Fact]
    public void Spend_AtTheRateForAHundredYears_IsNeverSlowed()
    {
        RateMeter meter = new(7, 7, Patience, TimeSpan.Zero);
        for (int day = 0; day < 36_500; day++)
        {
            // A seventh of a second is no whole number of ticks: what is left of one must not be lost.
            for (int i = 1; i <= 7; i++)
            {
                meter.Spend(1, TimeSpan.FromDays(day) + new TimeSpan((i * TimeSpan.TicksPerSecond / 7) + 1));
                Assert.Equal(TimeSpan.Zero, meter.Wait);
            }
        }
    }

    [Fact]
    public void Spend_AfterAYearOfSilence_NoMoreThanTheBurst()
    {
        RateMeter meter = new(RateMeter.MaxRate, RateMeter.MaxRate, Patience, TimeSpan.Zero);
        meter.Spend(RateMeter.MaxRate, TimeSpan.Zero);
        meter.Spend(0, TimeSpan.FromDays(365));

        Assert.Equal(RateMeter.MaxRate, meter.Left);
    }

    [Fact]
    public void Spend_ClockThatStandsOrGoesBack_AddsNothing()
    {
        RateMeter meter = new(10, 10, Patience, TimeSpan.FromSeconds(5));
        meter.Spend(10, TimeSpan.FromSeconds(5));
        meter.Spend(0, TimeSpan.FromSeconds(4));

        Assert.Equal(0, meter.Left);
    }

    [Fact]
    public void Spend_AnySequence_NeverMoreThanRateTimesWindowPlusBurstPassUnslowed() =>
        Prop.ForAll<(NonNegativeInt Wait, NonNegativeInt Amount)[], PositiveInt, NonNegativeInt>((steps, rate, more) =>
        {
            long burst = rate.Get + more.Get;
            RateMeter meter = new(rate.Get, burst, Patience, TimeSpan.Zero);
            TimeSpan now = TimeSpan.Zero;
            List<(TimeSpan At, long Amount)> passed = [];
            foreach ((NonNegativeInt wait, NonNegativeInt amount) in steps)
            {
                now += TimeSpan.FromMilliseconds(wait.Get * 37 % 1500);
                meter.Spend(amount.Get, now);
                if (meter.Wait == TimeSpan.Zero)
                {
                    passed.Add((now, amount.Get));
                }
            }

            Assert.True(Keeps(passed, rate.Get, burst));
        }).Check(Seeded.Config.WithMaxTest(500).WithEndSize(80));

    [Fact]
    public void Spend_SenderThatKeepsToRateTimesWindowPlusBurst_IsNeverSlowed() =>
        Prop.ForAll<(NonNegativeInt Wait, NonNegativeInt Amount)[], PositiveInt, NonNegativeInt>((steps, rate, more) =>
        {
            long burst = rate.Get + more.Get;
            RateMeter meter = new(rate.Get, burst, Patience, TimeSpan.Zero);
            TimeSpan now = TimeSpan.Zero;
            List<(TimeSpan At, long Amount)> sent = [];
            foreach ((NonNegativeInt wait, NonNegativeInt amount) in steps)
            {
                now += TimeSpan.FromMilliseconds(wait.Get * 37 % 1500);

                // As much as every window leaves, by the definition and not by a bucket.
                long most = amount.Get;
                long sum = 0;
                for (int i = sent.Count - 1; i >= 0; i--)
                {
                    sum += sent[i].Amount;
                    most = Math.Min(most, burst + (rate.Get * (now - sent[i].At).Ticks / TimeSpan.TicksPerSecond) - sum);
                }

                most = Math.Clamp(most, 0, burst);
                sent.Add((now, most));
                meter.Spend(most, now);
                Assert.Equal(TimeSpan.Zero, meter.Wait);
            }
        }).Check(Seeded.Config.WithMaxTest(500).WithEndSize(80));

    [Fact]
    public void Slow_WithoutABreak_BlamedAfterEachPatience()
    {
        RateMeter meter = new(10, 20, Patience, TimeSpan.Zero);
        meter.Spend(21, TimeSpan.Zero);
        List<double> blamed = [];
        for (int tenth = 0; tenth <= 300; tenth++)
        {
            // A little over the rate: the wait is repaid, and overdrawn again.
            meter.Spend(tenth % 2 == 0 ? 3 : 0, TimeSpan.FromSeconds(tenth / 10.0));
            if (meter.Wait > TimeSpan.Zero && meter.Slow())
            {
                blamed.Add(meter.SlowedFor.TotalSeconds);
            }
        }

        Assert.Equal([10, 20, 30], blamed);
    }

    [Fact]
    public void Slow_ASecondBelowTheRateInBetween_BeginsAnew()
    {
        RateMeter meter = new(10, 20, Patience, TimeSpan.Zero);
        for (int second = 0; second < 100; second += 9)
        {
            meter.Spend(60, TimeSpan.FromSeconds(second));
            Assert.False(meter.Slow());

            // 9 s give 90 tokens: at the end the bucket is full, which is a break.
        }
    }

    private static bool Keeps(List<(TimeSpan At, long Amount)> passed, long rate, long burst)
    {
        for (int from = 0; from < passed.Count; from++)
        {
            long sum = 0;
            for (int to = from; to < passed.Count; to++)
            {
                sum += passed[to].Amount;
                if ((sum - burst) * TimeSpan.TicksPerSecond > rate * (passed[to].At - passed[from].At).Ticks)
                {
                    return false;
                }
            }
        }

        return true;
    }
}
