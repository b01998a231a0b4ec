using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Mdns.Tests.Support;

/// <summary>Hosts on one bridge, each a network namespace of its own with the interface <see cref="Cable"/>. Host 0 is 10.7.0.1 and so on; IPv6 is link-local.</summary>
internal sealed class BridgedLan : IAsyncDisposable
{
    /// <summary>The interface of each host.</summary>
    public const string Cable = "cable0";

    private const string Nft = "/usr/sbin/nft";

    private readonly NetworkNamespace _hub;
    private readonly List<NetworkNamespace> _hosts = [];
    private readonly string _families;

    private BridgedLan(NetworkNamespace hub, string families)
    {
        _hub = hub;
        _families = families;
    }

    /// <summary>The hosts.</summary>
    public IReadOnlyList<NetworkNamespace> Hosts => _hosts;

    /// <summary>Makes a bridge and its hosts.</summary>
    /// <param name="count">How many hosts.</param>
    /// <param name="families"><c>4</c>, <c>6</c> or <c>46</c>: what the hosts speak.</param>
    public static async Task<BridgedLan> CreateAsync(int count, string families)
    {
        BridgedLan lan = new(await NetworkNamespace.CreateAsync(), families);
        try
        {
            await lan._hub.IpAsync("link", "add", "br0", "type", "bridge");
            await lan._hub.IpAsync("link", "set", "br0", "up");
            for (int i = 0; i < count; i++)
                await lan.AddHostAsync();
            return lan;
        }
        catch
        {
            await lan.DisposeAsync();
            throw;
        }
    }

    /// <summary>Pulls the cable of a host out at the bridge, or puts it back: the host's own interface loses its carrier.</summary>
    public Task PlugAsync(int host, bool isIn) => _hub.IpAsync("link", "set", $"port{host}", isIn ? "up" : "down");

    /// <summary>From now on the first packets of multicast DNS that a host sends in each family are lost, after they left it.</summary>
    /// <param name="host">The host.</param>
    /// <param name="packets">How many of each family.</param>
    public async Task LoseFirstAsync(int host, int packets)
    {
        Assert.SkipUnless(File.Exists(Nft), $"Missing: {Nft}; apt-get install nftables.");
        string rules = $$"""
            table netdev lossy
            delete table netdev lossy
            table netdev lossy {
              chain in {
                type filter hook ingress device "port{{host}}" priority 0; policy accept;
                ip protocol udp udp dport 5353 limit rate 1/day burst {{packets}} packets counter drop
                ip6 nexthdr udp udp dport 5353 limit rate 1/day burst {{packets}} packets counter drop
              }
            }
            """;
        await _hub.RunAsync(Nft, rules);
    }

    /// <summary>How many packets of multicast DNS were lost, both families together.</summary>
    public async Task<int> LostAsync()
    {
        string[] words = (await _hub.RunAsync(Nft, "list", "ruleset")).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return words.Index().Where(w => w.Item == "counter").Sum(w => int.Parse(words[w.Index + 2]));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (NetworkNamespace host in _hosts)
            await host.DisposeAsync();
        await _hub.DisposeAsync();
    }

    private async Task AddHostAsync()
    {
        NetworkNamespace host = await NetworkNamespace.CreateAsync();
        _hosts.Add(host);
        string port = $"port{_hosts.Count - 1}";
        if (!_families.Contains('6', StringComparison.Ordinal))
            await host.SetAsync("net/ipv6/conf/all/disable_ipv6", "1");
        await host.IpAsync("link", "add", Cable, "type", "veth", "peer", "name", port, "netns", _hub.Name);
        await _hub.IpAsync("link", "set", port, "master", "br0");
        await _hub.IpAsync("link", "set", port, "up");
        await host.IpAsync("link", "set", Cable, "up");
        if (_families.Contains('4', StringComparison.Ordinal))
            await host.AddAddressAsync(Cable, $"10.7.0.{_hosts.Count}/24");
        if (_families.Contains('6', StringComparison.Ordinal))
            await Eventually.TrueAsync(async () => (await host.IpAsync("-6", "-o", "addr", "show", "dev", Cable, "scope", "link", "-tentative")).Contains("inet6", StringComparison.Ordinal));
    }
}
