using System.Text.Json;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

public sealed class AddCommandTests
{
    [Fact]
    public async Task Add_LinkedAlready_SaysSoAndIsDone()
    {
        await using CommandBed bed = new();
        Node alice = await bed.StartAsync("alice");
        Node bob = await bed.StartAsync("bob");
        TestTerminal first = new(), second = new(), json = new(), other = new();

        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", first, "add", bob.Addresses[0].ToString()));
        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", second, "add", bob.Addresses[0].ToString()));
        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", json, "add", bob.Addresses[0].ToString(), "--json"));
        await Eventually.TrueAsync(() => bob.ListPeers().Count == 1);

        // The way back has another address, without an id: only the handshake shows who is there.
        Assert.Equal(ExitCode.Done, await bed.RunAsync("bob", other, "add", alice.Addresses[0].HostAndPort));

        Assert.Equal("", first.Error);
        Assert.Contains("already linked", second.Error, StringComparison.Ordinal);
        Assert.Contains("already linked", other.Error, StringComparison.Ordinal);
        Assert.Equal((bob.Id.ToString(), alice.Id.ToString()), (second.Text.Trim(), other.Text.Trim()));
        JsonElement line = Child.Parse(json.Json);
        Assert.Equal((true, ""), (line.GetProperty("already_linked").GetBoolean(), json.Error));
    }
}
