using System.Text.Json;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

/// <summary><c>meshara run</c> on machines that have a network of their own.</summary>
[Collection(nameof(Networks))]
public sealed class RunNetworkTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // By the name of the interface and by its number.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Run_LinkLocal_LinksAndShowsTheScope(bool byNumber)
    {
        await using NetworkNamespace left = await NetworkNamespace.CreateAsync();
        await using NetworkNamespace right = await NetworkNamespace.CreateAsync();
        (string leftAddress, string rightAddress) = await left.ConnectAsync(right, "cable0");
        string number = (await left.RunAsync("cat", "/sys/class/net/cable0/ifindex")).Trim();
        string rightNumber = (await right.RunAsync("cat", "/sys/class/net/cable0/ifindex")).Trim();
        await using Child alice = Run(left, "alice", "--open", "--listen", $"[{leftAddress}%{(byNumber ? number : "cable0")}]:4040");
        JsonElement listening = await alice.EventAsync("listening");
        Assert.Equal($"[{leftAddress}%{number}]:4040", listening.GetProperty("address").GetString()![65..]);

        await using Child bob = Run(right, "bob", "--open", "--listen", "[::]", "--peer", $"[{leftAddress}%{(byNumber ? rightNumber : "cable0")}]:4040");

        JsonElement atAlice = await alice.EventAsync("peer-connected");
        Assert.StartsWith($"[{rightAddress}%cable0]:", atAlice.GetProperty("address").GetString(), StringComparison.Ordinal);
        JsonElement atBob = await bob.EventAsync("peer-connected");
        Assert.Equal(listening.GetProperty("node_id").GetString(), atBob.GetProperty("peer").GetString());

        // Bob has nothing better than a link-local address, so that one is shown.
        Assert.Equal($"[{rightAddress}%{rightNumber}]:4040", (await bob.EventAsync("listening")).GetProperty("address").GetString()![65..]);
        Assert.Equal(0, (await Child.RunAsync("send", listening.GetProperty("node_id").GetString()!, "hello", "--data", _folder["bob"])).ExitCode);
        Assert.Equal("hello", (await alice.EventAsync("message")).GetProperty("text").GetString());
    }

    [Fact]
    public async Task Run_NoIPv6_StartsWithTheDefaultsAndRefusesAnExplicitOne()
    {
        await using NetworkNamespace network = await NetworkNamespace.CreateAsync();
        await network.SetAsync("net/ipv6/conf/all/disable_ipv6", "1");
        await using (Child node = Run(network, "node"))
        {
            Assert.Equal("127.0.0.1:4040", (await node.EventAsync("listening")).GetProperty("address").GetString()![65..]);
        }

        await using (Child node = Run(network, "node", "--listen", "localhost"))
        {
            Assert.Equal("127.0.0.1:4040", (await node.EventAsync("listening")).GetProperty("address").GetString()![65..]);
        }

        foreach (string listen in (string[])["[::]", "[::]:4040", "[::1]:4040", "::1"])
        {
            await using Child refused = Run(network, "node", "--listen", listen);
            Assert.Equal(1, await refused.ExitAsync());
            Assert.Contains("no IPv6", Assert.Single(refused.Error.ToArray()), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Run_Defaults_ListensOnBothFamiliesAndAgainOnTheSamePort()
    {
        await using NetworkNamespace left = await NetworkNamespace.CreateAsync();
        await using NetworkNamespace right = await NetworkNamespace.CreateAsync();
        await left.ConnectAsync(right, "cable0");
        foreach ((NetworkNamespace end, string host) in ((NetworkNamespace, string)[])[(left, "1"), (right, "2")])
        {
            await end.AddAddressAsync("cable0", $"10.9.0.{host}/24");
            await end.AddAddressAsync("cable0", $"fd00:9::{host}/64");
        }

        await using Child squatter = Run(left, "squatter");
        Assert.Equal(["10.9.0.1:4040", "[fd00:9::1]:4040"], await AddressesAsync(squatter, 2));
        await using (Child first = Run(left, "alice"))
        {
            Assert.Equal(["10.9.0.1:4041", "[fd00:9::1]:4041"], await AddressesAsync(first, 2));
        }

        await squatter.SignalAsync("TERM");
        Assert.Equal(0, await squatter.ExitAsync());
        await using Child alice = Run(left, "alice", "--open");
        Assert.Equal(["10.9.0.1:4041", "[fd00:9::1]:4041"], await AddressesAsync(alice, 2));
        await using Child six = Run(right, "six", "--open", "--listen", "[::]:5000", "--peer", "[fd00:9::1]:4041");
        await using Child four = Run(right, "four", "--open", "--listen", "0.0.0.0:5001", "--listen", "[fd00:9::2]:5001", "--peer", "10.9.0.1:4041");

        Assert.Equal("[fd00:9::1]:4041", (await six.EventAsync("peer-connected")).GetProperty("address").GetString());
        Assert.Equal("10.9.0.1:4041", (await four.EventAsync("peer-connected")).GetProperty("address").GetString());
    }

    [Fact]
    public async Task Run_Advertise_IsWhatIsShown()
    {
        await using Child node = Child.Start(
            "run", "--json", "--data", _folder["node"], "--listen", "127.0.0.1:0", "--advertise", "Example.org:7", "--advertise", "[2001:db8::1]:4040");

        Assert.Equal(["example.org:7", "[2001:db8::1]:4040"], await AddressesAsync(node, 2));
    }

    private static async Task<string[]> AddressesAsync(Child child, int count)
    {
        List<string> addresses = [];
        for (int i = 0; i < count; i++)
        {
            addresses.Add((await child.EventAsync("listening", i)).GetProperty("address").GetString()![65..]);
        }

        return [.. addresses];
    }

    private Child Run(NetworkNamespace network, string name, params string[] more) =>
        Child.Start(network, ["run", "--json", "--no-mdns", "--data", _folder[name], .. more]);
}
