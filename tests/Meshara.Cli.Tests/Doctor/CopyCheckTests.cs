using Meshara.Cli.Control;
using Meshara.Cli.Doctor;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Doctor;

public sealed class CopyCheckTests
{
    [Fact]
    public async Task Doctor_CopiedDataDirectory_SaysSoAtTheCopy()
    {
        using TempFolder folder = new();
        Directory.CreateDirectory(folder["first"]);
        Directory.CreateDirectory(folder["copy"]);
        foreach (string name in (string[])[folder["first"], folder["copy"]])
        {
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(name, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }
        }

        using (NodeIdentity.LoadOrCreate(Path.Combine(folder["first"], "identity.pem")))
        {
            File.Copy(Path.Combine(folder["first"], "identity.pem"), Path.Combine(folder["copy"], "identity.pem"));
        }

        await using Child first = Child.Start("run", "--json", "--mesh", "test", "--open", "--listen", "127.0.0.1:0", "--data", folder["first"]);
        string address = (await first.EventAsync("listening")).GetProperty("address").GetString()!;
        await using Child copy = Child.Start("run", "--json", "--mesh", "test", "--open", "--listen", "127.0.0.1:0", "--peer", PeerAddress.Parse(address).HostAndPort, "--data", folder["copy"]);
        await copy.EventAsync("identity-shared");
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Failed, await terminal.RunAsync("doctor", "--data", folder["copy"]));

        Assert.Contains("Another live node has this node's key, a copy of its data directory: seen ", terminal.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_OwnKeyAnsweredAPinnedDial_IsAWarningUnlessTheAddressIsOurs()
    {
        await using CommandBed bed = new();
        using NodeIdentity shared = NodeIdentity.Create();
        Node alice = await bed.StartAsync("alice", o => o with { Identity = shared });
        await bed.StartAsync("copy", o => o with { Identity = shared });

        OwnKeyElsewhere copied = await DialAsync(alice, "copy:1"), itself = await DialAsync(alice, "alice:1");

        FindingLine finding = Assert.Single(await RunAsync(alice, copied));
        Assert.Equal(FindingLine.Warning, finding.State);
        Assert.Contains("another machine runs with a copy of its data directory", finding.Detail, StringComparison.Ordinal);
        Assert.Empty(await RunAsync(alice, itself));
        Assert.Empty(await RunAsync(alice, new OwnKeyElsewhere()));
    }

    [Fact]
    public async Task Run_CopySeenLongAgo_IsAWarning()
    {
        await using CommandBed bed = new();
        Node alice = await bed.StartAsync("alice");
        OwnKeyElsewhere seen = new();
        seen.Take(new IdentityShared(TimeProvider.System.GetUtcNow().AddHours(-2), alice.Id, "copy:1", null), alice.Id);

        Assert.Equal(FindingLine.Warning, Assert.Single(await RunAsync(alice, seen)).State);
    }

    [Fact]
    public void Take_KeyOfAnotherPeerIsShared_IsNotOurs()
    {
        using NodeIdentity own = NodeIdentity.Create(), other = NodeIdentity.Create();
        OwnKeyElsewhere seen = new();

        seen.Take(new IdentityShared(DateTimeOffset.UnixEpoch, other.Id, "b:1", "c:1"), own.Id);

        Assert.Null(seen.Proven);
    }

    private static async Task<IReadOnlyList<FindingLine>> RunAsync(Node node, OwnKeyElsewhere seen)
    {
        using NodeIdentity stranger = NodeIdentity.Create();
        return await CopyCheck.RunAsync(node, seen, ReachCheck.Stranger(node, stranger, TimeProvider.System), TestContext.Current.CancellationToken);
    }

    // Dials an address at which somebody else is expected, and feeds what the node says of it.
    private static async Task<OwnKeyElsewhere> DialAsync(Node node, string address)
    {
        OwnKeyElsewhere seen = new();
        using CancellationTokenSource guard = new(CommandBed.Guard, TimeProvider.System);
        IAsyncEnumerable<PeerEvent> events = node.WatchAsync(guard.Token);
        using NodeIdentity expected = NodeIdentity.Create();
        await Assert.ThrowsAsync<MesharaException>(() => node.AddPeerAsync($"{expected.Id}@{address}").WaitAsync(CommandBed.Guard));
        await foreach (PeerEvent happened in events)
        {
            seen.Take(happened, node.Id);
            if (happened is PeerRefused)
            {
                return seen;
            }
        }

        return seen;
    }
}
