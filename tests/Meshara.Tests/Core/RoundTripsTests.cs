using Meshara.Core;
using Xunit;

namespace Meshara.Tests.Core;

public sealed class RoundTripsTests
{
    // A way that has become longer is seen after eight PONGs.
    [Fact]
    public void Least_AShortRoundTripEightPongsAgo_IsForgotten()
    {
        RoundTrips trips = new();
        Measure(trips, 1, 5);
        for (int ping = 2; ping <= 8; ping++)
        {
            Measure(trips, ping, 50 + ping);
        }

        Assert.Equal(TimeSpan.FromMilliseconds(5), trips.Least);
        Measure(trips, 9, 90);
        Assert.Equal(TimeSpan.FromMilliseconds(52), trips.Least);
    }

    private static void Measure(RoundTrips trips, int ping, int milliseconds)
    {
        TimeSpan sent = TimeSpan.FromSeconds(ping);
        trips.Sent(ping, sent);
        trips.Answered(ping, sent + TimeSpan.FromMilliseconds(milliseconds));
    }
}
