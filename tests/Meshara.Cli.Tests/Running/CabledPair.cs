using System.Text.Json;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Running;

/// <summary>Two linked processes, each in a network of its own, with a cable between. Alice has dialled Bob.</summary>
internal sealed class CabledPair : IAsyncDisposable
{
    public const string Cable = "cable0";

    private readonly TempFolder _folder = new();
    private readonly NetworkNamespace _alice;
    private readonly NetworkNamespace _bob;
    private Child? _atAlice;
    private Child? _atBob;

    private CabledPair(NetworkNamespace alice, NetworkNamespace bob) => (_alice, _bob) = (alice, bob);

    public NetworkNamespace AliceNetwork => _alice;

    public NetworkNamespace BobNetwork => _bob;

    public Child Alice => _atAlice!;

    public Child Bob => _atBob!;

    /// <summary>Makes the networks, starts both processes and waits until they are linked.</summary>
    /// <param name="alice">Her address with its length, for example <c>10.0.0.1/24</c>.</param>
    /// <param name="bob">His.</param>
    /// <param name="known">Whether each is a known peer of the other; else both are open and only Alice knows Bob.</param>
    public static async Task<CabledPair> StartAsync(string alice, string bob, bool known)
    {
        NetworkNamespace left = await NetworkNamespace.CreateAsync();
        CabledPair pair = new(left, await NetworkNamespace.CreateAsync());
        try
        {
            await pair.LinkAsync(alice, bob, known);
            return pair;
        }
        catch
        {
            await pair.DisposeAsync();
            throw;
        }
    }

    /// <summary>How long after <paramref name="change"/> both sides report a new link.</summary>
    public async Task<TimeSpan> TimeToLinkAsync(Func<Task> change)
    {
        (int alice, int bob) = (Alice.Output.ToArray().Length, Bob.Output.ToArray().Length);
        await change();
        long from = TimeProvider.System.GetTimestamp();
        await Task.WhenAll(Alice.EventAsync("peer-connected", alice), Bob.EventAsync("peer-connected", bob));
        return TimeProvider.System.GetElapsedTime(from);
    }

    /// <summary>How long until Bob has handled a message of Alice's. As her program would, she sends again when the link dies.</summary>
    public async Task<TimeSpan> TimeToMessageAsync()
    {
        string bob = Id(await Bob.EventAsync("listening"));
        long from = TimeProvider.System.GetTimestamp();
        string error = "";
        while (TimeProvider.System.GetElapsedTime(from) < TimeSpan.FromSeconds(60))
        {
            (int exitCode, _, error) = await OnAsync("alice", "send", bob, "still there?");
            if (exitCode == 0)
            {
                return TimeProvider.System.GetElapsedTime(from);
            }
        }

        Assert.Fail(error);
        return default;
    }

    /// <summary>Moves an end of the cable to another address: the new one comes, the old one goes.</summary>
    public static async Task MoveAsync(NetworkNamespace network, string from, string to)
    {
        await network.AddAddressAsync(Cable, to);
        await network.IpAsync("addr", "del", from, "dev", Cable);

        // The kernel takes addresses of the same subnet along with the first of them.
        if (!(await network.IpAsync("-o", "addr", "show", "dev", Cable)).Contains(to, StringComparison.Ordinal))
        {
            await network.AddAddressAsync(Cable, to);
        }
    }

    /// <summary>The node's own addresses, as it believes them now.</summary>
    public async Task<string> AddressesOfAsync(string name) =>
        Child.Parse((await OnAsync(name, "info", "--json")).Output).GetProperty("addresses").ToString();

    public async ValueTask DisposeAsync()
    {
        foreach (Child? child in (Child?[])[_atAlice, _atBob])
        {
            if (child is not null)
            {
                await child.DisposeAsync();
            }
        }

        await _alice.DisposeAsync();
        await _bob.DisposeAsync();
        _folder.Dispose();
    }

    private async Task LinkAsync(string alice, string bob, bool known)
    {
        await _alice.ConnectAsync(_bob, Cable);
        await _alice.AddAddressAsync(Cable, alice);
        await _bob.AddAddressAsync(Cable, bob);
        string host = bob.Split('/')[0];
        bool v6 = host.Contains(':', StringComparison.Ordinal);
        string[] listen = ["--no-mdns", "--listen", v6 ? "[::]:4040" : "0.0.0.0:4040", .. known ? [] : (string[])["--open"]];
        _atBob = Child.Start(_bob, ["run", "--json", "--data", _folder["bob"], .. listen]);
        JsonElement atBob = await Bob.EventAsync("listening");
        string address = $"{Id(atBob)}@{(v6 ? $"[{host}]" : host)}:4040";
        _atAlice = Child.Start(_alice, ["run", "--json", "--data", _folder["alice"], .. listen, .. known ? [] : (string[])["--peer", address]]);
        if (known)
        {
            Assert.Equal(0, (await OnAsync("bob", "trust", "add", Key(await Alice.EventAsync("listening")))).ExitCode);
            Assert.Equal(0, (await OnAsync("alice", "add", address)).ExitCode);
        }

        await Task.WhenAll(Alice.EventAsync("peer-connected"), Bob.EventAsync("peer-connected"));
    }

    // The control socket is in the file system, which all networks share.
    private Task<(int ExitCode, string Output, string Error)> OnAsync(string name, params string[] args) => Child.RunAsync([.. args, "--data", _folder[name]]);

    private static string Id(JsonElement listening) => listening.GetProperty("node_id").GetString()!;

    private static string Key(JsonElement listening) => listening.GetProperty("public_key").GetString()!;
}
