using Xunit;

namespace Meshara.Tests;

public sealed class ReputationOptionsTests
{
    [Fact]
    public void FindWrong_Defaults_NoneIs() => Assert.Null(new ReputationOptions().FindWrong());

    public static TheoryData<string, ReputationOptions> Wrong { get; } = new()
    {
        { "HalfLife", new() { HalfLife = TimeSpan.Zero } },
        { "UsefulExchange", new() { UsefulExchange = double.NaN } },
        { "MostGainPerMinute", new() { MostGainPerMinute = 11 } },
        { "Timeout", new() { Timeout = -1 } },
        { "Rate", new() { Rate = double.PositiveInfinity } },
        { "ProtocolViolation", new() { ProtocolViolation = -25 } },
        { "ForgedSignature", new() { ForgedSignature = 101 } },
        { "BanAt", new() { BanAt = -101 } },
        { "DisconnectAt", new() { DisconnectAt = -76 } },
        { "DiscourageAt", new() { DiscourageAt = 0 } },
        { "TimeoutFloor", new() { TimeoutFloor = -50 } },
        { "RateFloor", new() { RateFloor = -75 } },
        { "LongestBan", new() { LongestBan = TimeSpan.FromDays(31) } },
        { "FirstBan", new() { FirstBan = TimeSpan.FromDays(2) } },
        { "BanMemory", new() { BanMemory = TimeSpan.FromSeconds(-1) } },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void FindWrong_OneOutOfRange_NamesIt(string name, ReputationOptions options)
    {
        (string Name, string What)? wrong = options.FindWrong();

        Assert.Equal($"Reputation.{name}", wrong?.Name);
        Assert.EndsWith("is allowed", wrong?.What, StringComparison.Ordinal);
    }
}
