using System.Globalization;
using Xunit;

namespace Meshara.Cli.Tests.Running;

/// <summary>Networks that change under running nodes: how long until they are linked again. Each in networks of its own, all at the same time.</summary>
public sealed class NetworkChangeTests(NetworkChanges changes, ITestOutputHelper output) : IClassFixture<NetworkChanges>
{
    // Measured on an idle machine: 0.3 to 1.5 s, and up to 5 s more where only the next look finds the change.
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    [Fact]
    public Task Cable_OutForTenSeconds_MessagesGoThroughSoonAfter() => JudgeAsync("cable out for 10 s, then a message", changes.ShortCut);

    [Fact]
    public Task Cable_OutForLongerThanTheHeartbeat_LinkIsBackSoonAfter() => JudgeAsync("cable out for 45 s, then the link", changes.LongCut);

    [Fact]
    public Task Address_OfTheDialerIsReplaced_LinkIsBackSoonAfter() => JudgeAsync("address of the dialer", changes.DialerMoves);

    [Fact]
    public Task Address_OfTheDialledIsReplacedAndTheDialerKnowsOnlyTheOldOne_LinkIsBackSoonAfter() => JudgeAsync("address of the dialled", changes.DialledMoves);

    [Fact]
    public Task Address_OnlyIPv6IsReplaced_LinkIsBackSoonAfter() => JudgeAsync("IPv6 address of the dialer", changes.V6Moves);

    [Fact]
    public Task Process_StandsStillForLongerThanTheHeartbeat_LinkIsBackSoonAfter() => JudgeAsync("process of the dialled still for 40 s", changes.Frozen);

    private async Task JudgeAsync(string what, Task<TimeSpan> measured)
    {
        TimeSpan time = await measured;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}: back after {time.TotalSeconds:0.00} s"));
        Assert.InRange(time, TimeSpan.Zero, Soon);
    }
}
