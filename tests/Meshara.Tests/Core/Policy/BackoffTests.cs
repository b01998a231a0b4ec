using FsCheck;
using FsCheck.Fluent;
using Meshara.Core.Policy;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Core.Policy;

public sealed class BackoffTests
{
    private static readonly TimeSpan Max = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(0, 1.0, 1)]
    [InlineData(1, 1.0, 2)]
    [InlineData(2, 0.5, 2)]
    [InlineData(5, 1.0, 32)]
    [InlineData(6, 1.0, 60)]
    [InlineData(50, 1.0, 60)]
    [InlineData(int.MaxValue, 1.0, 60)]
    [InlineData(3, 0.0, 0)]
    public void Delay_NothingAsked_DoublesUpToTheBound(int attempt, double random, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), Backoff.Delay(attempt, Max, retryAfter: null, random));

    [Theory]
    [InlineData(0, 0.5, 10, 10)]
    [InlineData(5, 1.0, 10, 32)]
    [InlineData(0, 0.0, 86400, 60)]
    public void Delay_RetryAfterSaid_IsTheLeastButClamped(int attempt, double random, double asked, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), Backoff.Delay(attempt, Max, TimeSpan.FromSeconds(asked), random));

    [Fact]
    public void Delay_AnyInput_StaysWithinTheBound() =>
        Prop.ForAll<NonNegativeInt, NonNegativeInt, NonNegativeInt>((attempt, asked, random) =>
        {
            TimeSpan delay = Backoff.Delay(attempt.Get, Max, TimeSpan.FromMilliseconds(asked.Get), random.Get % 1000 / 1000.0);
            return delay >= TimeSpan.Zero && delay <= Max;
        }).Check(Seeded.Config);

    [Theory]
    [InlineData(0.0, 30)]
    [InlineData(1.0, 60)]
    public void Slow_Any_IsFromHalfToAll(double random, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), Backoff.Slow(Max, random));

    [Theory]
    [InlineData(-5, 1.0, 0)]
    [InlineData(0.4, 1.0, 0.4)]
    [InlineData(300, 1.0, 1)]
    [InlineData(300, 0.25, 0.25)]
    public void AfterStart_WhatWasLeft_IsAtMostASecond(double left, double random, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), Backoff.AfterStart(TimeSpan.FromSeconds(left), random));

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, 1)]
    [InlineData(5, 32)]
    [InlineData(int.MaxValue, 60)]
    public void Ceiling_Attempt_DoublesUpToTheBound(int attempt, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), Backoff.Ceiling(attempt, Max));
}
