using Meshara.Net;
using Xunit;

namespace Meshara.Tests.Net;

public sealed class DialBackAddressTests
{
    private static readonly NodeId Id = NodeId.FromBytes(new byte[NodeId.Size]);

    [Theory]
    [InlineData("192.0.2.1", "192.0.2.1:4040", "192.0.2.1:4040")]
    [InlineData("192.0.2.1", "10.0.0.1:1 192.0.2.1:4041 192.0.2.1:4042", "192.0.2.1:4041")]
    [InlineData("2001:db8::1", "[2001:DB8:0::1]:4040", "[2001:db8::1]:4040")]
    [InlineData("192.0.2.1", "192.0.2.2:4040", null)]
    [InlineData("192.0.2.1", "localhost:4040 host.example:4040", null)]
    [InlineData("192.0.2.1", "192.0.2.1:0 192.0.2.1:99999 non:sense:", null)]
    [InlineData("node", "node:4040", null)]
    [InlineData("192.0.2.1", "", null)]
    public void Find_OnlyTheHostThatTheConnectionCameFrom(string remoteHost, string addresses, string? expected) =>
        Assert.Equal(expected, DialBackAddress.Find(remoteHost, Id, addresses.Split(' ', StringSplitOptions.RemoveEmptyEntries))?.HostAndPort);

    [Fact]
    public void Find_AddressNamesAnId_TheOneProvenIsExpected() =>
        Assert.Equal(Id, DialBackAddress.Find("192.0.2.1", Id, [$"{new string('1', 64)}@192.0.2.1:4040"])!.Id);
}
