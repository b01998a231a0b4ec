using System.Text.Json;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

public sealed class WatchCommandTests
{
    [Fact]
    public async Task Watch_TextAndJson_TellEventsAsTheyCome()
    {
        await using CommandBed bed = new();
        (Node alice, Node bob) = await bed.StartPairAsync();
        TestTerminal text = new();
        TestTerminal json = new();
        using CancellationTokenSource stop = new();

        Task<int> watching = bed.RunAsync("alice", text, stop.Token, "watch");
        Task<int> watchingJson = bed.RunAsync("alice", json, stop.Token, "watch", "--json");
        Node carol = await bed.StartAsync("carol");

        // A watch begins some time after its command: whoever joins is seen by both at last.
        for (int i = 0; !(text.Text.Contains("connected", StringComparison.Ordinal) && json.Json.Contains("peer-connected", StringComparison.Ordinal)); i++)
        {
            Assert.True(i < 1000);
            await carol.AddPeerAsync(alice.Addresses[0]).WaitAsync(CommandBed.Guard);
            await carol.RemovePeerAsync(alice.Id).WaitAsync(CommandBed.Guard);
        }

        await stop.CancelAsync();
        Assert.Equal((ExitCode.Done, ExitCode.Done), (await watching, await watchingJson));
        Assert.Contains($"connected     {carol.Id.ToShortString()} at ", text.Text, StringComparison.Ordinal);
        JsonElement[] lines = [.. json.Json.TrimEnd().Split('\n').Select(Child.Parse)];
        Assert.Contains(lines, line => line.GetProperty("event").GetString() == "peer-connected" && line.GetProperty("peer").GetString() == carol.Id.ToString());
        Assert.DoesNotContain(lines, line => line.GetProperty("peer").GetString() == bob.Id.ToString());
    }

    [Fact]
    public async Task Watch_NodeEnds_EndsWithIt()
    {
        TestTerminal terminal = new();
        Task<int> watching;
        await using (CommandBed bed = new())
        {
            await bed.StartAsync("alice");
            Node bob = await bed.StartAsync("bob");
            watching = bed.RunAsync("bob", terminal, "watch");
            for (int i = 0; terminal.Text.Length == 0; i++)
            {
                Assert.True(i < 1000);
                NodeId alice = await bob.AddPeerAsync("alice:1").WaitAsync(CommandBed.Guard);
                await bob.RemovePeerAsync(alice).WaitAsync(CommandBed.Guard);
            }
        }

        Assert.Equal(ExitCode.Done, await watching);
        Assert.Contains("the node has stopped", terminal.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Watch_NobodyReadsTheOutput_EndsAlthoughNothingHappens()
    {
        await using CommandBed bed = new();
        await bed.StartAsync("alice");
        TestTerminal terminal = new(outputIsBroken: static () => true);

        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", terminal, "watch"));
    }
}
