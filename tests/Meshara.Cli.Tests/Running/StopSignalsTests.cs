using Meshara.Cli.Running;
using Xunit;

namespace Meshara.Cli.Tests.Running;

public sealed class StopSignalsTests
{
    [Fact]
    public void Heed_SaidTwiceWithinASecond_IsOneWordAndLaterOnesEndAtOnce()
    {
        ManualTimeProvider clock = new();
        clock.Advance(TimeSpan.FromSeconds(5));
        using StopSignals signals = new(clock, CancellationToken.None);

        Assert.False(signals.Token.IsCancellationRequested);
        Assert.True(signals.Heed());
        Assert.True(signals.Token.IsCancellationRequested);
        clock.Advance(TimeSpan.FromSeconds(0.9));
        Assert.True(signals.Heed());
        clock.Advance(TimeSpan.FromSeconds(0.2));
        Assert.False(signals.Heed());
    }
}
