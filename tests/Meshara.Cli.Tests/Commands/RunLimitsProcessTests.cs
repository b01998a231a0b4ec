using System.Text.Json;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

/// <summary>Limits and the peer store of <c>meshara run</c>, as processes and their operators meet them.</summary>
[Collection(nameof(Child))]
public sealed class RunLimitsProcessTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Run_MaxPeersReached_WhoIsRefusedKnowsWhichLimitAndWhenToRetry()
    {
        await using Child alice = Run("alice", "--open", "--max-peers", "1");
        string address = (await alice.EventAsync("listening")).GetProperty("address").GetString()!;
        await using Child bob = Run("bob", "--open", "--bootstrap", address[65..]);
        string bobId = (await bob.EventAsync("listening")).GetProperty("node_id").GetString()!;
        Assert.Equal(address[..64], (await bob.EventAsync("peer-connected")).GetProperty("peer").GetString());
        await using Child carol = Run("carol", "--open", "--bootstrap", address);
        string carolId = (await carol.EventAsync("listening")).GetProperty("node_id").GetString()!;

        JsonElement atCarol = await carol.EventAsync("refused");
        Assert.Equal((true, "full"), (atCarol.GetProperty("by_peer").GetBoolean(), atCarol.GetProperty("reason").GetString()));

        // Alice asks for 60 s; Carol adds up to half of it, so that not all who were refused come back together.
        Assert.InRange(atCarol.GetProperty("retry_after").GetInt32(), 60, 91);
        Assert.Contains("max_peers: 1", atCarol.GetProperty("detail").GetString(), StringComparison.Ordinal);
        JsonElement atAlice = await alice.EventAsync("refused");
        Assert.Equal((false, "full", carolId), (atAlice.GetProperty("by_peer").GetBoolean(), atAlice.GetProperty("reason").GetString(), atAlice.GetProperty("peer").GetString()));
        Assert.Contains("max_peers is 1", atAlice.GetProperty("detail").GetString(), StringComparison.Ordinal);
        (int exitCode, string output, string error) = await OnAsync("carol", "add", address);
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Matches(@"^meshara: .*max_peers: 1.* Again in 60 s\.$", error);

        // Never one too many; and who is there is known when it is gone, too.
        Assert.Equal(bobId, Assert.Single(Child.Parse((await OnAsync("alice", "peers", "--json")).Output).GetProperty("peers").EnumerateArray()).GetProperty("peer").GetString());
        Assert.Contains("looks for 1 mesh peers, takes at most 1", (await OnAsync("alice", "info")).Output, StringComparison.Ordinal);
        await bob.SignalAsync("KILL");
        await alice.EventAsync("peer-disconnected");
        JsonElement gone = Child.Parse((await OnAsync("alice", "peers", "--explain", bobId, "--json")).Output);
        Assert.Equal(("mesh", false), (gone.GetProperty("class").GetString(), gone.TryGetProperty("link", out _)));
        Assert.True(gone.GetProperty("bytes_received").GetInt64() > 0);
    }

    [Fact]
    public async Task Run_Restarted_RemembersPeersThatAreNotLinked()
    {
        string bobId;
        await using (Child alice = Run("alice", "--open", "--max-peers", "4", "--target-peers", "0"))
        {
            string address = (await alice.EventAsync("listening")).GetProperty("address").GetString()!;
            await using Child bob = Run("bob", "--open", "--preset", "minimal", "--bootstrap", address);
            bobId = (await bob.EventAsync("listening")).GetProperty("node_id").GetString()!;
            await alice.EventAsync("peer-connected");
            JsonElement info = Child.Parse((await OnAsync("alice", "info", "--json")).Output);
            Assert.Equal((0, 4, 1), (Count(info, "target"), Count(info, "max"), Count(info, "inbound")));
            Assert.Equal(("file", Path.Combine(_folder["alice"], "peers.db")), (info.GetProperty("store").GetProperty("state").GetString(), info.GetProperty("store").GetProperty("path").GetString()));
            info = Child.Parse((await OnAsync("bob", "info", "--json")).Output);
            Assert.Equal((4, 8, 1), (Count(info, "target"), Count(info, "max"), Count(info, "outbound")));
            Assert.Equal(1, Count(info, "proven_addresses"));
            await bob.SignalAsync("TERM");
            await bob.ExitAsync();
            await alice.SignalAsync("TERM");
            Assert.Equal(0, await alice.ExitAsync());
            Assert.Equal("", alice.AllError() + bob.AllError());
        }

        await using Child again = Run("alice", "--open", "--max-peers", "4", "--target-peers", "0");
        await again.EventAsync("listening");
        (int exitCode, string output, string error) = await OnAsync("alice", "peers", "--explain", bobId);
        Assert.Equal((0, ""), (exitCode, error));
        Assert.Contains("link        none", output, StringComparison.Ordinal);
        Assert.Contains("named by the peer itself", output, StringComparison.Ordinal);
        Assert.Equal("no peers", (await OnAsync("alice", "peers")).Output);

        (exitCode, output, error) = await OnAsync("alice", "peers", "--explain", new string('7', 64));
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains($"Nothing is known of {new string('7', 64)}", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_StoreOfANewerVersion_SaysWhatToDoAndLeavesIt()
    {
        await using (Child node = Run("node", "--open"))
        {
            await node.EventAsync("listening");
            await node.SignalAsync("TERM");
            Assert.Equal(0, await node.ExitAsync());
        }

        // The version of the layout, user_version, is at offset 60 (SQLite file format, section 1.3).
        string path = Path.Combine(_folder["node"], "peers.db");
        byte[] file = await File.ReadAllBytesAsync(path);
        file[62] = 99;
        await File.WriteAllBytesAsync(path, file);

        await using Child later = Run("node", "--open");
        Assert.Equal(1, await later.ExitAsync());
        string error = Assert.Single(later.Error.ToArray());
        Assert.Contains(path, error, StringComparison.Ordinal);
        Assert.Contains("move the file away", error, StringComparison.Ordinal);
        Assert.Equal(file, await File.ReadAllBytesAsync(path));
    }

    [Fact]
    public async Task Run_StoreCannotBeUsed_GoesOnInMemoryAndInfoSaysWhy()
    {
        Directory.CreateDirectory(Path.Combine(_folder["node"], "peers.db", "in-the-way"));
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(_folder["node"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        await using Child node = Run("node", "--open");
        await node.EventAsync("listening");

        JsonElement store = Child.Parse((await OnAsync("node", "info", "--json")).Output).GetProperty("store");
        Assert.Equal("memory", store.GetProperty("state").GetString());
        string why = store.GetProperty("why").GetString()!;
        Assert.NotEqual("", why);
        Assert.Contains($"store       memory: {why}", (await OnAsync("node", "info")).Output, StringComparison.Ordinal);
        Assert.Contains("peers.db", Assert.Single(node.Error.ToArray()), StringComparison.Ordinal);
    }

    private static int Count(JsonElement info, string name) => info.GetProperty("counts").GetProperty(name).GetInt32();

    private Child Run(string name, params string[] more) =>
        Child.Start(["run", "--json", "--listen", "127.0.0.1:0", "--data", _folder[name], .. more]);

    private Task<(int ExitCode, string Output, string Error)> OnAsync(string name, params string[] args) =>
        Child.RunAsync([.. args, "--data", _folder[name]]);
}
