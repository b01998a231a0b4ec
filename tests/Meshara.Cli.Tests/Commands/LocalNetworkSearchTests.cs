using System.CommandLine;
using System.Net;
using System.Runtime.CompilerServices;
using Meshara.Cli.Commands;
using Meshara.Cli.Tests.Support;
using Meshara.Mdns;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

/// <summary><c>why ID</c> without a running node: where the local network announces it.</summary>
public sealed class LocalNetworkSearchTests
{
    [Fact]
    public async Task Why_IdThatIsAnnounced_DialsItThere()
    {
        using TempFolder folder = new();
        await using Node bob = await Node.StartAsync(new NodeOptions { Mesh = "test", Admission = Admission.Open, Listen = ["127.0.0.1:0"] });
        using NodeIdentity other = NodeIdentity.Create();
        TestTerminal terminal = new();
        Command why = WhyCommand.Create(terminal.Terminal, (type, ct) => BrowseAsync(type, [Added(other.PublicKey, 1), Added(bob.PublicKey, bob.Addresses[0].Port)], ct));

        int exit = await why.Parse([bob.Id.ToString()[..8], "--data", folder["none"]]).InvokeAsync(cancellationToken: TestContext.Current.CancellationToken).WaitAsync(CommandBed.Guard);

        Assert.True(exit == ExitCode.Done, terminal.Text + terminal.Error);
        Assert.Contains($"{bob.Id}@127.0.0.1:{bob.Addresses[0].Port}", terminal.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(other.Id.ToString(), terminal.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Find_ForgedGoneOrNowhere_IsNotFound()
    {
        using NodeIdentity one = NodeIdentity.Create(), other = NodeIdentity.Create();
        ServiceChange added = Added(one.PublicKey, 4040);
        ServiceInstance forged = added.Instance with { Txt = TxtRecord.Create(("version", "1"), ("node_id", one.Id.ToString()), ("pubkey", other.PublicKey.ToString())) };

        Assert.Equal([$"{one.Id}@127.0.0.1:4040"], await FindAsync(one.Id, added));
        Assert.Empty(await FindAsync(one.Id, added with { Instance = forged }));
        Assert.Empty(await FindAsync(one.Id, added, added with { Kind = ServiceChangeKind.Removed }));
        Assert.Empty(await FindAsync(other.Id, added));
        foreach (string address in (string[])["0.0.0.0", "::", "224.0.0.251", "ff02::fb", "255.255.255.255"])
        {
            Assert.Empty(await FindAsync(one.Id, Added(one.PublicKey, 4040, address)));
        }
    }

    [Fact]
    public async Task Find_NobodyAnswers_EndsAfterAWhile()
    {
        ManualTimeProvider clock = new();
        LocalNetworkSearch search = new(new TestTerminal(time: clock).Terminal, static (_, ct) => SilentAsync(ct));
        Task<IReadOnlyList<PeerAddress>> finding = search.FindAsync("00000000", TestContext.Current.CancellationToken);

        clock.Advance(TimeSpan.FromMilliseconds(999));
        Assert.False(finding.IsCompleted);
        clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Empty(await finding.WaitAsync(CommandBed.Guard));
    }

    private static async Task<string[]> FindAsync(NodeId id, params ServiceChange[] changes)
    {
        LocalNetworkSearch search = new(new TestTerminal().Terminal, (type, ct) => BrowseAsync(type, changes, ct));
        return [.. (await search.FindAsync(id.ToString(), TestContext.Current.CancellationToken)).Select(static address => address.ToString())];
    }

    private static ServiceChange Added(PublicKey key, int port, string address = "127.0.0.1") => new(
        ServiceChangeKind.Added,
        new ServiceInstance
        {
            InstanceName = $"meshara-{key.Id.ToShortString()}",
            ServiceType = "_meshara._tcp",
            HostName = "mdns-1.local",
            Port = port,
            Txt = TxtRecord.Create(("version", "1"), ("pubkey", key.ToString()), ("node_id", key.Id.ToString()), ("mesh", "test")),
            Addresses = [new ServiceAddress(new IPEndPoint(IPAddress.Parse(address), port), 1, IPAddress.Loopback)],
        });

    private static async IAsyncEnumerable<ServiceChange> BrowseAsync(string type, ServiceChange[] changes, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Assert.Equal("_meshara._tcp", type);
        foreach (ServiceChange change in changes)
        {
            await Task.Yield();
            yield return change;
        }

        // Only now: a machine that stands still for the second of the search loses none of them.
        cancellationToken.ThrowIfCancellationRequested();
    }

    private static async IAsyncEnumerable<ServiceChange> SilentAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        TaskCompletionSource never = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await never.Task.WaitAsync(cancellationToken);
        yield break;
    }
}
