using System.Net;
using System.Net.Sockets;
using Meshara.Net;
using Xunit;

namespace Meshara.Tests.Net;

public sealed class TcpErrorsTests
{
    // What a node's accept limits look like from outside: a reset, before or while the socket is made ready.
    [Theory]
    [InlineData(SocketError.ConnectionReset)]
    [InlineData(SocketError.ConnectionAborted)]
    [InlineData(SocketError.NotConnected)]
    public void ConnectFailed_ClosedAtOnce_NamesTheLimitsOfTheOtherNode(SocketError error)
    {
        MesharaException e = TcpErrors.ConnectFailed("192.0.2.1", 4040, [(new IPEndPoint(IPAddress.Parse("192.0.2.1"), 4040), new SocketException((int)error))]);

        Assert.Equal(
            "Cannot connect to 192.0.2.1:4040: the connection was closed at once. The other node may refuse connections from here for a while (its accept limits), or another program listens there.",
            e.Message);
        Assert.True(e.IsTransient);
    }
}
