using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Net;

/// <summary>A guard against regressions that is the same on every machine: what every message goes through makes no garbage.</summary>
public sealed class LinkAllocationTests
{
    [Fact]
    public async Task SendAsync_64BytesWithRoomAndCredit_AllocatesNothing() => Assert.Equal(0, await Allocations.OfPartAsync("send 64 B"));

    [Fact]
    public async Task SendAsync_16KiBThatWaitsForRoom_AllocatesNothing() => Assert.Equal(0, await Allocations.OfPartAsync("send 16 KiB that waits for room"));

    [Fact]
    public async Task Dispatch_WindowOfAStream_AllocatesNothing() => Assert.Equal(0, await Allocations.OfPartAsync("receive WINDOW"));

    [Fact]
    public async Task Dispatch_PingThatIsAnswered_AllocatesNothing() => Assert.Equal(0, await Allocations.OfPartAsync("answer PING"));
}
