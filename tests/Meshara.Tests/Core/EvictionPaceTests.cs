using Meshara.Core;
using Xunit;

namespace Meshara.Tests.Core;

public sealed class EvictionPaceTests
{
    [Fact]
    public void After_OneAfterTheOther_EachWaitIsTwiceAsLongUpToAnHourAndIsForgotten()
    {
        EvictionPace pace = default;
        Assert.Null(pace.Last);
        TimeSpan now = TimeSpan.FromMinutes(5);
        List<double> waits = [];
        for (int i = 0; i < 8; i++)
        {
            pace = pace.After(now);
            TimeSpan next = pace.Last!.Value + TimeSpan.FromMinutes(1);
            waits.Add((next - now).TotalMinutes);
            now = next;
        }

        Assert.Equal([1.0, 2, 4, 8, 16, 32, 64, 64], waits);
        Assert.Equal(now + TimeSpan.FromHours(3), pace.After(now + TimeSpan.FromHours(3)).Last);
    }
}
