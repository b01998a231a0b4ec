using Meshara.Core;
using Xunit;

namespace Meshara.Tests.Core;

public sealed class WhereaboutsTests
{
    [Fact]
    public void Remember_NothingIsKnownNow_KeepsWhatWasKnown()
    {
        Whereabouts whereabouts = new();
        PeerAddress address = new("10.0.0.1", 4040, Ids.High);
        whereabouts.Remember(Ids.High, address);

        whereabouts.Remember(Ids.High, null);
        whereabouts.Remember(Ids.Low, null);

        Assert.Equal((address, null), (whereabouts.Find(Ids.High), whereabouts.Find(Ids.Low)));
    }
}
