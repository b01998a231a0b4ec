using Meshara.Net;
using Xunit;

namespace Meshara.Tests.Net;

public sealed class PingNumbersTests
{
    private ulong _next = 1;
    private int _room = 2;

    [Fact]
    public void Settle_OnePong_IsOfItsPingAndAllEarlierOnes()
    {
        PingNumbers pings = new(Send);
        pings.Send(1);
        pings.Send(2);

        Assert.Equal(2, pings.Settle(2));
        Assert.Null(pings.Settle(2));
    }

    // The latest that was out stood for it: its PONG may have been on the way already, and proved what nobody had asked.
    [Fact]
    public void Send_NoRoom_WaitsForAPongAndIsNotSettledByThat()
    {
        PingNumbers pings = new(Send);
        pings.Send(1);
        _room = 0;
        pings.Send(2);
        pings.Send(3);

        Assert.Equal(1, pings.Settle(1));
        Assert.Null(pings.Settle(1));
        _room = 1;

        // The application's PONG makes room as well; the latest number is that of all that waited.
        Assert.Null(pings.Settle(1));
        Assert.Equal(3UL, _next);
        Assert.Equal(3, pings.Settle(2));
    }

    private ulong? Send() => _room-- > 0 ? _next++ : null;
}
