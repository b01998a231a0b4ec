using System.Diagnostics;
using System.Text.Json;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

/// <summary>Ten machines on one switch, each a namespace on one bridge, each started with <c>--open</c> and nothing else.</summary>
[Collection(nameof(Networks))]
public sealed class LanMeshTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const int Nodes = 10;

    // The issue promises 0.5 s on a quiet machine, 3.5 s with two packets lost; a build machine that starts ten processes is not quiet.
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(20);

    private readonly TempFolder _folder = new();
    private readonly List<Child> _running = [];
    private readonly List<NetworkNamespace> _networks = [];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_running.Select(static child => child.DisposeAsync().AsTask()));
        await Task.WhenAll(_networks.Select(static network => network.DisposeAsync().AsTask()));
        _folder.Dispose();
    }

    [Theory]
    [InlineData(true, false, false)]
    [InlineData(false, true, false)]
    [InlineData(true, true, false)]
    [InlineData(true, true, true)]
    public async Task Run_TenNodesOnOneSwitch_EachIsLinkedWithAllOthers(bool v4, bool v6, bool losesItsFirstQueries)
    {
        await PlugInAsync(v4, v6);
        for (int i = 0; i < Nodes - 1; i++)
        {
            _running.Add(Start(_networks[i + 1], $"{i}"));
        }

        string[] ids = await Task.WhenAll(_running.Select(static async child => (await child.EventAsync("listening")).GetProperty("node_id").GetString()!));
        await Task.WhenAll(_running.Select((child, i) => LinkedAsync(child, [.. ids.Except([ids[i]])])));

        List<double> fromListening = [], fromStart = [];
        for (int round = 0; round < Rounds.Count; round++)
        {
            NetworkNamespace last = _networks[Nodes];
            if (losesItsFirstQueries)
            {
                await LoseTwoQueriesAsync(last);
            }

            DateTimeOffset started = TimeProvider.System.GetUtcNow();
            Child newcomer = Start(last, $"last{round}");
            _running.Add(newcomer);
            JsonElement listening = await newcomer.EventAsync("listening");
            string id = listening.GetProperty("node_id").GetString()!;
            await LinkedAsync(newcomer, ids);
            DateTimeOffset[] linked = await Task.WhenAll(_running.Take(Nodes - 1).Select(child => LinkedAsync(child, [id])));
            fromListening.Add((linked.Max() - listening.GetProperty("time").GetDateTimeOffset()).TotalSeconds);
            fromStart.Add((linked.Max() - started).TotalSeconds);

            // Without a goodbye; the next one has another key, and nobody waits for this one.
            await newcomer.SignalAsync("KILL");
            await newcomer.ExitAsync();
        }

        output.WriteLine($"IPv4 {v4}, IPv6 {v6}, first two queries lost {losesItsFirstQueries}: the tenth is linked with all nine {Median(fromListening):0.00} s after it listens, {Median(fromStart):0.00} s after its process was started ({string.Join(", ", fromListening.Select(static s => $"{s:0.00}"))})");
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private Child Start(NetworkNamespace network, string name) => Child.Start(network, ["run", "--json", "--open", "--data", _folder[name]]);

    // When the last of them was linked.
    private static async Task<DateTimeOffset> LinkedAsync(Child child, string[] peers)
    {
        Stopwatch watch = Stopwatch.StartNew();
        while (true)
        {
            Dictionary<string, DateTimeOffset> linked = [];
            foreach (JsonElement e in child.Output.ToArray().Select(Child.Parse).Where(static e => e.GetProperty("event").GetString() == "peer-connected"))
            {
                linked.TryAdd(e.GetProperty("peer").GetString()!, e.GetProperty("time").GetDateTimeOffset());
            }

            if (peers.All(linked.ContainsKey))
            {
                return peers.Max(peer => linked[peer]);
            }

            Assert.True(watch.Elapsed < Guard, $"{linked.Keys.Intersect(peers).Count()} of {peers.Length} linked within {Guard.TotalSeconds} s.\n{child.AllOutput()}\n{child.AllError()}");
            await Task.Delay(LookEvery, TimeProvider.System);
        }
    }

    // The first namespace is the switch.
    private async Task PlugInAsync(bool v4, bool v6)
    {
        NetworkNamespace hub = await NetworkNamespace.CreateAsync();
        _networks.Add(hub);
        await hub.IpAsync("link", "add", "switch0", "type", "bridge", "mcast_snooping", "0");
        await hub.IpAsync("link", "set", "switch0", "up");
        for (int i = 1; i <= Nodes; i++)
        {
            NetworkNamespace machine = await NetworkNamespace.CreateAsync();
            _networks.Add(machine);
            await hub.ConnectAsync(machine, $"port{i}");
            await hub.IpAsync("link", "set", $"port{i}", "master", "switch0");
            if (v4)
            {
                await machine.AddAddressAsync($"port{i}", $"10.9.0.{i}/24");
            }

            if (!v6)
            {
                await machine.SetAsync("net/ipv6/conf/all/disable_ipv6", "1");
            }
        }
    }

    // The first two packets of each family that ask and claim nothing (RFC 6762 8.2: a probe has records in its authority section).
    private static async Task LoseTwoQueriesAsync(NetworkNamespace network)
    {
        Assert.SkipUnless(File.Exists("/usr/sbin/nft"), "Needs nft (Debian package nftables).");
        await network.RunAsync("/usr/sbin/nft", "flush", "ruleset");
        await network.RunAsync("/usr/sbin/nft", "add", "table", "inet", "lossy");
        await network.RunAsync("/usr/sbin/nft", "add", "chain", "inet", "lossy", "out", "{ type filter hook output priority 0 ; }");
        foreach (string family in (string[])["ipv4", "ipv6"])
        {
            await network.RunAsync("/usr/sbin/nft", "add", "rule", "inet", "lossy", "out", $"meta nfproto {family} udp dport 5353 @th,80,1 0 @th,128,16 0 numgen inc mod 1000000 < 2 drop");
        }
    }
}
