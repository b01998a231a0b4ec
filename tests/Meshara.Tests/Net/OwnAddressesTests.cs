using System.Net;
using System.Net.Sockets;
using Meshara.Net;
using Xunit;

namespace Meshara.Tests.Net;

public sealed class OwnAddressesTests
{
    private readonly OwnAddresses _own = new()
    {
        Current = [new PeerAddress("10.0.0.1", 4040), new PeerAddress("10.0.0.2", 4040), new PeerAddress("fe80::1%2", 4040)],
        Everywhere = [(4040, AddressFamily.InterNetwork)],
    };

    [Theory]
    [InlineData(null, "10.0.0.1:4040 10.0.0.2:4040")]
    [InlineData("10.0.0.2", "10.0.0.2:4040 10.0.0.1:4040")]
    [InlineData("10.0.0.9", "10.0.0.9:4040 10.0.0.1:4040 10.0.0.2:4040")]
    [InlineData("2001:db8::1", "10.0.0.1:4040 10.0.0.2:4040")]
    [InlineData("fe80::1%2", "10.0.0.1:4040 10.0.0.2:4040")]
    public void On_Connection_ItsOwnAddressComesFirstWhereItIsListenedOn(string? local, string expected) =>
        Assert.Equal(expected.Split(' '), _own.On(local is null ? null : IPAddress.Parse(local)));

    [Fact]
    public void On_Advertised_NothingIsAdded()
    {
        OwnAddresses advertised = new() { Current = [new PeerAddress("public.example", 4040)] };

        Assert.Equal(["public.example:4040"], advertised.On(IPAddress.Parse("10.0.0.9")));
    }
}
