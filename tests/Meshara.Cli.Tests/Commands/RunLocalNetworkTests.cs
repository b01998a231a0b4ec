using System.Text.Json;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

/// <summary>Nodes on one cable that are told nothing but <c>--open</c>.</summary>
[Collection(nameof(Networks))]
public sealed class RunLocalNetworkTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task Run_OpenAndNothingElse_TheNodesOfOneCableLink(bool v4, bool v6)
    {
        await using NetworkNamespace left = await NetworkNamespace.CreateAsync();
        await using NetworkNamespace right = await NetworkNamespace.CreateAsync();
        await ConnectAsync(left, right, v4, v6);
        await using Child a = Run(left, "a", "--open");
        JsonElement listening = await a.EventAsync("listening");
        await using Child b = Run(right, "b", "--open");

        JsonElement linked = await b.EventAsync("peer-connected");
        Assert.Equal(listening.GetProperty("node_id").GetString(), linked.GetProperty("peer").GetString());
        await a.EventAsync("peer-connected");
        if (!v4)
        {
            // It knows the interface; whoever dialled says its name.
            Assert.Contains("%", linked.GetProperty("address").GetString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Run_TwoNodesOnOneHost_Link()
    {
        await using NetworkNamespace left = await NetworkNamespace.CreateAsync();
        await using NetworkNamespace right = await NetworkNamespace.CreateAsync();
        await ConnectAsync(left, right, v4: true, v6: true);
        await using Child a = Run(left, "a", "--open");
        JsonElement listening = await a.EventAsync("listening");
        await using Child b = Run(left, "b", "--open");

        Assert.Equal(listening.GetProperty("node_id").GetString(), (await b.EventAsync("peer-connected")).GetProperty("peer").GetString());
    }

    // Known peers only: shown, and linked when both have been told.
    [Fact]
    public async Task Run_KnownPeersOnly_TheStrangerIsShownWithItsKey_AndLinkedOnceTrusted()
    {
        await using NetworkNamespace left = await NetworkNamespace.CreateAsync();
        await using NetworkNamespace right = await NetworkNamespace.CreateAsync();
        await ConnectAsync(left, right, v4: true, v6: false);
        await using Child a = Run(left, "a");
        await a.EventAsync("listening");
        await using Child b = Run(right, "b");
        await b.EventAsync("listening");

        string keyOfB = (await a.EventAsync("peer-discovered")).GetProperty("public_key").GetString()!;
        string keyOfA = (await b.EventAsync("peer-discovered")).GetProperty("public_key").GetString()!;
        await Child.RunAsync("trust", "add", keyOfA, "--data", _folder["b"]);
        await Child.RunAsync("trust", "add", keyOfB, "--data", _folder["a"]);
        await a.EventAsync("peer-connected");
        await b.EventAsync("peer-connected");
    }

    private static async Task ConnectAsync(NetworkNamespace left, NetworkNamespace right, bool v4, bool v6)
    {
        await left.ConnectAsync(right);
        foreach ((NetworkNamespace network, string address) in new[] { (left, "10.9.0.1/24"), (right, "10.9.0.2/24") })
        {
            if (v4)
            {
                await network.AddAddressAsync("cable0", address);
            }

            if (!v6)
            {
                await network.SetAsync("net/ipv6/conf/all/disable_ipv6", "1");
            }
        }
    }

    private Child Run(NetworkNamespace network, string name, params string[] more) => Child.Start(network, ["run", "--json", "--data", _folder[name], .. more]);
}
