using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core.Policy;

public sealed class ReputationTests
{
    [Fact]
    public void AfterViolation_Repeated_SinksToTheBan()
    {
        Reputation reputation = default;
        for (int i = 0; i < 9; i++)
        {
            reputation = reputation.AfterViolation(TimeSpan.FromSeconds(i));
        }

        Assert.True(reputation.ValueAt(TimeSpan.FromSeconds(9)) > Reputation.BanBelow);
        Assert.True(reputation.AfterViolation(TimeSpan.FromSeconds(9)).ValueAt(TimeSpan.FromSeconds(9)) <= Reputation.BanBelow);
    }

    [Theory]
    [InlineData(0, -10)]
    [InlineData(60, -5)]
    [InlineData(120, -2.5)]
    [InlineData(240, 0)]
    public void ValueAt_TimePasses_IsForgottenByHalves(int minutes, double expected) =>
        Assert.Equal(expected, default(Reputation).AfterViolation(TimeSpan.Zero).ValueAt(TimeSpan.FromMinutes(minutes)), 6);

    [Fact]
    public void AfterViolation_WithoutEnd_HasABound()
    {
        Reputation reputation = default;
        for (int i = 0; i < 10_000; i++)
        {
            reputation = reputation.AfterViolation(TimeSpan.Zero);
        }

        Assert.Equal(-1000, reputation.Value);
    }
}
