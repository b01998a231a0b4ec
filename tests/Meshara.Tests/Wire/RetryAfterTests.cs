using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Wire;

public sealed class RetryAfterTests
{
    [Theory]
    [InlineData(null, null)]
    [InlineData(0.0, null)]
    [InlineData(-5.0, null)]
    [InlineData(0.0001, 1.0)]
    [InlineData(1.0, 1.0)]
    [InlineData(1500.5, 1501.0)]
    [InlineData(2_147_483_647.0, 2_147_483_647.0)]
    [InlineData(1e12, 2_147_483_647.0)]
    public void WriteAndRead_Milliseconds_RoundedUpAndCut(double? sent, double? expected)
    {
        byte[] bytes = new byte[Varint.MaxLength];
        WireWriter writer = new(bytes);
        RetryAfter.Write(ref writer, sent is { } ms ? TimeSpan.FromMilliseconds(ms) : null);
        WireReader reader = new(bytes.AsSpan(0, writer.Written));
        Assert.Equal(expected, RetryAfter.Read(ref reader)?.TotalMilliseconds);
        reader.End();
    }

    [Fact]
    public void Write_MaxValue_Cut()
    {
        byte[] bytes = new byte[Varint.MaxLength];
        WireWriter writer = new(bytes);
        RetryAfter.Write(ref writer, TimeSpan.MaxValue);
        WireReader reader = new(bytes.AsSpan(0, writer.Written));
        Assert.Equal(RetryAfter.Max, RetryAfter.Read(ref reader));
    }
}
