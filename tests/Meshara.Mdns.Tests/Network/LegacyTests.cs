using Meshara.Mdns.Tests.Support;
using Meshara.Tests.Tidy;
using Xunit;

namespace Meshara.Mdns.Tests.Network;

/// <summary>Clients of ordinary DNS that ask port 5353 from a port of their own (RFC 6762 section 6.7).</summary>
public sealed class LegacyTests
{
    [Theory]
    [InlineData("4")]
    [InlineData("6")]
    public async Task Publish_OrdinaryDnsClientAsks_IsAnsweredFrom5353AsDnsAnswers(string family)
    {
        await using BridgedLan lan = await BridgedLan.CreateAsync(2, family);
        await using MdnsHost publisher = await MdnsHost.StartAsync(lan.Hosts[0], family, "publish=Printer,_ipp._tcp,631");
        await publisher.SaysAsync("published", "Printer");

        string answer = await lan.Hosts[1].RunAsync("python3", "-B", Repository.Absolute("tests/interop/ordinary_dns_query.py"), "_ipp._tcp", BridgedLan.Cable, family);

        string[] parts = answer.Trim().Split('\t');
        Assert.Equal(["5353", "same id", "1", "1"], parts[..4]);
        // No TTL above 10 s, and no cache-flush bit, which ordinary DNS does not know.
        Assert.True(int.Parse(parts[5]) is > 0 and <= 10, answer);
        Assert.Equal("no flush", parts[6]);
    }
}
