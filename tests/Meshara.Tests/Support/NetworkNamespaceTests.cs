using Xunit;

namespace Meshara.Tests.Support;

/// <summary>The helper itself: what other tests build on.</summary>
public sealed class NetworkNamespaceTests
{
    [Fact]
    public async Task Connect_TwoNamespaces_ReachEachOtherAndNothingElse()
    {
        string name;
        await using (NetworkNamespace left = await NetworkNamespace.CreateAsync())
        await using (NetworkNamespace right = await NetworkNamespace.CreateAsync())
        {
            name = left.Name;
            (string here, string there) = await left.ConnectAsync(right, "cable0");
            Assert.NotEqual(here, there);
            Assert.StartsWith("fe80::", here, StringComparison.Ordinal);
            await left.AddAddressAsync("cable0", "10.9.0.1/24");
            await left.AddAddressAsync("cable0", "fd00:9::1/64");

            string addresses = await left.RunAsync("ip", "-o", "addr");
            string routes = await right.IpAsync("-6", "route");

            Assert.Contains("10.9.0.1/24", addresses, StringComparison.Ordinal);
            Assert.Contains("fd00:9::1/64", addresses, StringComparison.Ordinal);
            Assert.Equal(["lo", "cable0"], addresses.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split(' ')[1]).Distinct());
            Assert.DoesNotContain("default", routes, StringComparison.Ordinal);
        }

        Assert.DoesNotContain(name, System.Text.Encoding.UTF8.GetString(await Tool.OutputOfAsync("ip", "netns", "list")), StringComparison.Ordinal);
    }
}
