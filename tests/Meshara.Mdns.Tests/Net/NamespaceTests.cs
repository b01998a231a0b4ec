using Meshara.Mdns.Tests.Support;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Mdns.Tests.Net;

/// <summary>Real sockets in networks of their own.</summary>
public sealed class NamespaceTests
{
    private const string Printer = "publish=Printer. 1,_ipp._tcp,631,rp=ipp/print";

    [Theory]
    [InlineData("4")]
    [InlineData("6")]
    public async Task Browse_OtherHostOfOneFamily_IsFoundWithAllThatItSays(string family)
    {
        await using Pair pair = await Pair.CreateAsync(family);
        await using MdnsHost left = await MdnsHost.StartAsync(pair.Left, Printer);
        await using MdnsHost right = await MdnsHost.StartAsync(pair.Right, "browse=_ipp._tcp");

        string[] found = await right.SaysAsync("added", "Printer. 1");

        Assert.Equal(("631", "rp=ipp/print"), (found[3], found[5]));
        string[] addresses = found[4].Split(' ');
        if (family == "4")
            Assert.Equal(["10.7.0.1"], addresses);
        else
            Assert.Contains(addresses, a => a.StartsWith("fe80::", StringComparison.Ordinal) && a.Contains('%', StringComparison.Ordinal));
    }

    [Fact]
    public async Task Browse_HostThatAnnouncesUpdatesAndQuits_IsFollowed()
    {
        await using Pair pair = await Pair.CreateAsync("46");
        await using MdnsHost right = await MdnsHost.StartAsync(pair.Right, "browse=_ipp._tcp");
        await using MdnsHost left = await MdnsHost.StartAsync(pair.Left, Printer);
        await right.SaysAsync("added", "Printer. 1");

        await left.TellAsync("text rp=other");
        await right.SaysAsync(l => l[0] == "updated" && l[5] == "rp=other");

        await left.QuitAsync();
        await right.SaysAsync("removed", "Printer. 1");
    }

    // Port 5353 is shared; a name is not.
    [Fact]
    public async Task Publish_TwoOnOneHost_ShareThePortAndFindEachOther()
    {
        await using Pair pair = await Pair.CreateAsync("46");
        await using MdnsHost first = await MdnsHost.StartAsync(pair.Left, Printer, "browse=_ipp._tcp");
        await first.SaysAsync("published", "Printer. 1");
        await using MdnsHost second = await MdnsHost.StartAsync(pair.Left, Printer, "browse=_ipp._tcp");

        await second.SaysAsync("published", "Printer. 1 (2)");
        await second.SaysAsync("added", "Printer. 1");
        await first.SaysAsync("added", "Printer. 1 (2)");
        await first.UntilAsync("cable0", "4", l => l is { IsShared: true });
        Assert.True((await second.LinkAsync("cable0", "6"))!.IsShared);
    }

    [Fact]
    public async Task Interfaces_AddedRemovedRenumberedReaddressed_AreFollowed()
    {
        await using Pair pair = await Pair.CreateAsync("46");
        await using MdnsHost left = await MdnsHost.StartAsync(pair.Left, Printer, "browse=_http._tcp");
        await left.SaysAsync("published");
        Assert.False((await left.LinkAsync("cable0", "4"))!.IsShared);

        // Added: joined, probed and announced there too.
        await pair.Left.ConnectAsync(pair.Right, "cable1");
        await pair.Left.AddAddressAsync("cable1", "10.8.0.1/24");
        await left.UntilAsync("cable1", "4", static l => l is { IsJoined: true, Sent: >= 4, LoopedBack: > 0 });
        await left.UntilAsync("cable1", "6", static l => l is { IsJoined: true, Sent: >= 4 });

        // Another address, and more than are told of a service: the ninth may be the one that it listens on.
        for (int i = 70; i <= 78; i++)
            await pair.Left.AddAddressAsync("cable1", $"10.8.0.{i}/24");
        await left.UntilAsync("cable1", "4", static l => l!.Addresses.Contains("10.8.0.78"));
        await pair.Left.IpAsync("addr", "del", "10.8.0.1/24", "dev", "cable1");
        await left.UntilAsync("cable1", "4", static l => l?.Addresses.Contains("10.8.0.1") != true);

        // Removed, and back under the same name with another number, more often than a socket may have memberships.
        for (int i = 0; i < 22; i++)
        {
            await pair.Left.IpAsync("link", "del", "cable1");
            await pair.Left.ConnectAsync(pair.Right, "cable1");
            await pair.Left.AddAddressAsync("cable1", "10.8.0.1/24");
            if (i % 7 == 0)
                await left.UntilAsync("cable1", "4", static l => l is { IsJoined: true, Sent: >= 1, SendError: "" });
        }

        await left.UntilAsync("cable1", "4", static l => l is { IsJoined: true, LoopedBack: > 0, SendError: "", JoinError: "" });
        Assert.True((await left.LinkAsync("cable0", "4")) is { IsJoined: true, SendError: "" });

        // Down and up.
        await pair.Left.IpAsync("link", "set", "cable1", "down");
        await left.UntilAsync("cable1", "4", static l => l is null);
        await pair.Left.IpAsync("link", "set", "cable1", "up");
        await left.UntilAsync("cable1", "4", static l => l is { IsJoined: true, LoopedBack: > 0 });
    }

    // A policy of the system forbids the group on one interface: the other interface and the other family go on.
    [Fact]
    public async Task Send_OneInterfaceMayNot_SilencesNobody()
    {
        await using Pair pair = await Pair.CreateAsync("46");
        await using NetworkNamespace third = await NetworkNamespace.CreateAsync();
        await pair.Left.ConnectAsync(third, "bad0");
        await pair.Left.AddAddressAsync("bad0", "10.66.0.1/24");
        await pair.Left.IpAsync("xfrm", "policy", "add", "dir", "out", "src", "0.0.0.0/0", "dst", "224.0.0.251/32", "dev", "bad0", "action", "block");
        await using MdnsHost left = await MdnsHost.StartAsync(pair.Left, Printer);
        await using MdnsHost right = await MdnsHost.StartAsync(pair.Right, "browse=_ipp._tcp");

        await right.SaysAsync("added", "Printer. 1");

        HostLink bad = (await left.LinkAsync("bad0", "4"))!;
        Assert.True(bad.IsJoined);
        Assert.NotEqual("", bad.SendError);
        Assert.Equal(0, bad.Sent);
        await left.UntilAsync("bad0", "6", static l => l is { Sent: >= 4, SendError: "" });

        // Mended: it goes on there by itself.
        await pair.Left.IpAsync("xfrm", "policy", "flush");
        await left.UntilAsync("bad0", "4", static l => l is { SendError: "", Sent: >= 4 });
    }

    // With duplicate address detection on, as everywhere but in these tests: an address that is being tried is neither used nor told, and nothing is lost by it.
    [Fact]
    public async Task Interfaces_AddressBeingTried_IsUsedWhenItIsReady()
    {
        await using Pair pair = await Pair.CreateAsync("46");
        await using MdnsHost left = await MdnsHost.StartAsync(pair.Left, Printer);
        await using MdnsHost right = await MdnsHost.StartAsync(pair.Right, "browse=_ipp._tcp", "without=cable0");
        foreach (NetworkNamespace network in (NetworkNamespace[])[pair.Left, pair.Right])
        {
            await network.SetAsync("net/ipv6/conf/all/accept_dad", "1");
            await network.SetAsync("net/ipv6/conf/default/accept_dad", "1");
        }

        await pair.Left.ConnectAsync(pair.Right, "cable1");

        string[] found = await right.SaysAsync("added", "Printer. 1");
        Assert.All(found[4].Split(' '), static a => Assert.StartsWith("fe80::", a, StringComparison.Ordinal));
        await left.UntilAsync("cable1", "6", static l => l is { IsJoined: true, Sent: >= 4, SendError: "" });
    }

    // The system's limit of groups for a socket: the last interface is told and not heard, IPv6 has no such limit, and the first ones work.
    [Fact]
    public async Task Interfaces_MoreThanTheSystemLetsJoin_AreToldAndTheOthersWork()
    {
        await using Pair pair = await Pair.CreateAsync("46");
        await pair.Left.SetAsync("net/ipv4/igmp_max_memberships", "2");
        for (int i = 1; i <= 2; i++)
        {
            await pair.Left.ConnectAsync(pair.Right, $"cable{i}");
            await pair.Left.AddAddressAsync($"cable{i}", $"10.7.{i}.1/24");
        }

        await using MdnsHost left = await MdnsHost.StartAsync(pair.Left, Printer);
        await left.SaysAsync("published");

        IReadOnlyList<HostLink> links = await left.LinksAsync();
        HostLink apart = Assert.Single(links, static l => !l.IsJoined);
        Assert.Equal("4", apart.Family);
        Assert.Contains("net.ipv4.igmp_max_memberships", apart.JoinError, StringComparison.Ordinal);

        // One of the others goes: its place is taken.
        string other = links.First(l => l.Family == "4" && l.IsJoined).Name;
        await pair.Left.IpAsync("link", "del", other);
        await left.UntilAsync(apart.Name, "4", static l => l is { IsJoined: true, JoinError: "" });
    }

    [Fact]
    public async Task Start_PortHeldByAnotherAlone_SaysByWhomAndTheOtherFamilyWorks()
    {
        await using Pair pair = await Pair.CreateAsync("46");
        using System.Diagnostics.Process holder = pair.Left.Start("python3", "-c", "import socket,sys; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(('',5353)); print('held',flush=True); sys.stdin.read()");
        Assert.Equal("held", await holder.StandardOutput.ReadLineAsync());
        await using MdnsHost left = await MdnsHost.StartAsync(pair.Left, Printer);
        await using MdnsHost right = await MdnsHost.StartAsync(pair.Right, "browse=_ipp._tcp");

        string[] ready = await left.SaysAsync("ready");
        Assert.Contains($"python3, process {holder.Id}", ready[1], StringComparison.Ordinal);
        Assert.Equal("", ready[2]);
        await right.SaysAsync("added", "Printer. 1");

        HostLink held = (await left.LinkAsync("cable0", "4"))!;
        Assert.False(held.IsJoined);
        Assert.Contains("python3", held.JoinError, StringComparison.Ordinal);

        // It lets go: the family comes up by itself.
        holder.Kill();
        await holder.WaitForExitAsync();
        await left.UntilAsync("cable0", "4", static l => l is { IsJoined: true, JoinError: "", Sent: >= 4, LoopedBack: >= 4 });
        await right.SaysAsync(static l => l[0] is "added" or "updated" && l[4].Contains("10.7.0.1", StringComparison.Ordinal));
    }

    // IPv6 is off at the start, by sysctl, and switched on later.
    [Fact]
    public async Task Start_FamilySwitchedOffInTheSystem_ComesUpWhenItIsSwitchedOn()
    {
        await using Pair pair = await Pair.CreateAsync("4");
        await using MdnsHost left = await MdnsHost.StartAsync(pair.Left, Printer);
        await using MdnsHost right = await MdnsHost.StartAsync(pair.Right, "browse=_ipp._tcp");
        await right.SaysAsync("added", "Printer. 1");
        Assert.Null(await left.LinkAsync("cable0", "6"));

        foreach (NetworkNamespace network in (NetworkNamespace[])[pair.Left, pair.Right])
            await network.SetAsync("net/ipv6/conf/all/disable_ipv6", "0");

        await left.UntilAsync("cable0", "6", static l => l is { IsJoined: true, JoinError: "", SendError: "", Sent: >= 4, LoopedBack: >= 4 });
        await right.SaysAsync(static l => l[0] == "updated" && l[4].Contains("fe80::", StringComparison.Ordinal));
    }

    // What the program's filter throws is of that interface, and so is a number that the framework does not take: the others are used.
    [Fact]
    public async Task Interfaces_OneCannotBeUsed_OthersAre()
    {
        await using Pair pair = await Pair.CreateAsync("46");
        await pair.Left.ConnectAsync(pair.Right, "cable1");
        await pair.Left.AddAddressAsync("cable1", "10.8.0.1/24");
        await pair.Left.IpAsync("link", "add", "far0", "index", "20000000", "type", "veth", "peer", "name", "end0");
        await pair.Left.IpAsync("link", "set", "far0", "up");
        await pair.Left.IpAsync("link", "set", "end0", "up");
        await pair.Left.AddAddressAsync("far0", "10.9.0.1/24");
        await using MdnsHost left = await MdnsHost.StartAsync(pair.Left, Printer, "throws=cable1");
        await using MdnsHost right = await MdnsHost.StartAsync(pair.Right, "browse=_ipp._tcp");

        await right.SaysAsync("added", "Printer. 1");
        Assert.Null(await left.LinkAsync("cable1", "4"));
        HostLink far = (await left.LinkAsync("far0", "4"))!;
        Assert.False(far.IsJoined);
        Assert.NotEqual("", far.JoinError);
        await left.UntilAsync("far0", "6", static l => l is { IsJoined: true });
    }

    // A port of a bridge is not used beside the bridge; loopback and point-to-point are not used at all.
    [Fact]
    public async Task Interfaces_BridgeAndItsPorts_TheBridgeIsUsed()
    {
        await using Pair pair = await Pair.CreateAsync("46");
        await pair.Left.IpAsync("link", "add", "br0", "type", "bridge");
        await pair.Left.IpAsync("link", "set", "cable0", "master", "br0");
        await pair.Left.IpAsync("link", "set", "br0", "up");
        await pair.Left.AddAddressAsync("br0", "10.7.0.9/24");
        await using MdnsHost left = await MdnsHost.StartAsync(pair.Left, Printer);

        await left.UntilAsync("br0", "4", static l => l is { IsJoined: true });
        Assert.All(await left.LinksAsync(), static l => Assert.Equal("br0", l.Name));
    }

    // Two namespaces and a cable, with addresses of these families.
    private sealed class Pair : IAsyncDisposable
    {
        private Pair(NetworkNamespace left, NetworkNamespace right)
        {
            Left = left;
            Right = right;
        }

        public NetworkNamespace Left { get; }

        public NetworkNamespace Right { get; }

        public static async Task<Pair> CreateAsync(string families)
        {
            Pair pair = new(await NetworkNamespace.CreateAsync(), await NetworkNamespace.CreateAsync());
            await pair.Left.ConnectAsync(pair.Right);
            if (families.Contains('4', StringComparison.Ordinal))
            {
                await pair.Left.AddAddressAsync("cable0", "10.7.0.1/24");
                await pair.Right.AddAddressAsync("cable0", "10.7.0.2/24");
            }

            if (!families.Contains('6', StringComparison.Ordinal))
            {
                await pair.Left.SetAsync("net/ipv6/conf/all/disable_ipv6", "1");
                await pair.Right.SetAsync("net/ipv6/conf/all/disable_ipv6", "1");
            }

            return pair;
        }

        public async ValueTask DisposeAsync()
        {
            await Left.DisposeAsync();
            await Right.DisposeAsync();
        }
    }
}
