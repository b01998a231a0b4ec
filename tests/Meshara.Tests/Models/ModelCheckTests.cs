using FsCheck;
using FsCheck.Fluent;
using Meshara.Tests.Support;
using Xunit;
using Xunit.Sdk;

namespace Meshara.Tests.Models;

public sealed class ModelCheckTests
{
    [Fact]
    public void Holds_NothingWrong_DoesEveryKindOfCommand() => new ModelCheck<Step>(Any, () => new Sum(most: 1_000_000)).Holds(seed: 1);

    [Fact]
    public void Holds_KindThatIsNeverDone_Fails()
    {
        XunitException error = Throws(() => new ModelCheck<Step>(Any.Where(static step => step is not Step.Less), () => new Sum(most: 1_000_000)).Holds(seed: 1));

        Assert.Contains("Less", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Holds_SumTooLarge_SaysTheSmallestListThatShowsIt()
    {
        XunitException error = Throws(() => new ModelCheck<Step>(Any, () => new Sum(most: 20)) { Simpler = Smaller }.Holds(seed: 1));

        // 21 is beyond, with as few and as small steps as there can be.
        Assert.Contains("21 is too much", error.Message, StringComparison.Ordinal);
        Assert.Contains("after 3 commands", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(nameof(Step.Less), error.Message, StringComparison.Ordinal);
        Assert.Contains(Seeded.Variable, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Finds_NoFault_Fails() => Assert.ThrowsAny<XunitException>(() => new ModelCheck<Step>(Any, () => new Sum(most: 1_000_000)).Finds(seed: 1, atMost: 5));

    private static readonly Gen<Step> Any = Gen.OneOf(
        Gen.Choose(1, 9).Select(static n => (Step)new Step.More(n)),
        Gen.Choose(1, 9).Select(static n => (Step)new Step.Less(n)));

    private static XunitException Throws(Action check) => Assert.ThrowsAny<XunitException>(check);

    private static IEnumerable<Step> Smaller(Step step) => step is Step.More { By: > 1 } more ? [new Step.More(more.By - 1)] : [];

    internal abstract record Step
    {
        internal sealed record More(int By) : Step;

        internal sealed record Less(int By) : Step;
    }

    private sealed class Sum(int most) : IModelled<Step>
    {
        private int _sum;

        public ValueTask<bool> TryDoAsync(Step step)
        {
            if (step is Step.Less less && less.By > _sum)
            {
                return ValueTask.FromResult(false);
            }

            _sum += step is Step.More more ? more.By : -((Step.Less)step).By;
            Assert.True(_sum <= most, $"{_sum} is too much");
            return ValueTask.FromResult(true);
        }
    }
}
