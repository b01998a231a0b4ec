using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Models;

/// <summary>Rates: what a peer may send, and how often a stranger may connect.</summary>
public sealed class RateModelTests
{
    private const ulong Seed = 20_261_125;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 20)]
    [InlineData(1000, 2000)]
    [InlineData(RateMeter.MaxRate, 2 * RateMeter.MaxRate)]
    public void AnySpending_MeterIsTheBucketOfItsDefinition(long rate, long burst) => Of(() => new MeterModel(rate, burst)).Holds(Seed);

    [Fact]
    public void Fault_MeterLosesTime_IsFoundInAShortList() => Of(static () => new MeterModel(7, 20, losesTime: true)).Finds(Seed, atMost: 3);

    [Theory]
    [InlineData(3)]
    [InlineData(16)]
    public void AnyCallers_FewBucketsGiveNobodyMoreThanHisOwn(int capacity) => Of(() => new BucketModel(capacity)).Holds(Seed);

    [Fact]
    public void Fault_TokenNotTaken_IsFoundInAShortList() => Of(static () => new BucketModel(16, losesTokens: true)).Finds(Seed, atMost: 6);

    private static ModelCheck<MeterCommand> Of(Func<MeterModel> start) => new(MeterCommand.Any, start) { Runs = 100, Simpler = MeterCommand.Simpler };

    private static ModelCheck<BucketCommand> Of(Func<BucketModel> start) => new(BucketCommand.Any, start) { Runs = 200, Longest = 200, Simpler = BucketCommand.Simpler };
}
