using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Wire;

/// <summary>A guard against regressions that is the same on every machine: the frames of messages and requests make no garbage.</summary>
public sealed class FrameAllocationTests
{
    [Theory]
    [InlineData("write DATA")]
    [InlineData("parse DATA")]
    [InlineData("write OPEN")]
    [InlineData("parse OPEN")]
    [InlineData("write WINDOW")]
    [InlineData("parse WINDOW")]
    [InlineData("write PING")]
    [InlineData("parse PING")]
    public async Task Codec_FrameOfALiveLink_AllocatesNothing(string part) => Assert.Equal(0, await Allocations.OfPartAsync(part));
}
