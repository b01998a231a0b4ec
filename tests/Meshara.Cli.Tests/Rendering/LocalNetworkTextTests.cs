using System.Net;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;
using Meshara.Cli.Tests.Support;
using Meshara.Mdns;
using Xunit;

namespace Meshara.Cli.Tests.Rendering;

public sealed class LocalNetworkTextTests
{
    [Fact]
    public void Write_Running_EachInterfaceAndFamily()
    {
        TestTerminal terminal = new();
        LocalNetworkLine.Of(new LocalNetworkState
        {
            Announces = true,
            Browses = true,
            InstanceName = "meshara-0011223344556677",
            Found = 1,
            Interfaces =
            [
                new InterfaceState
                {
                    Name = "eth0",
                    Index = 2,
                    Addresses = [IPAddress.Parse("10.0.0.5")],
                    IPv4 = new FamilyState { JoinError = "limit 20, net.ipv4.igmp_max_memberships" },
                    IPv6 = new FamilyState { Joined = true, LastSendError = "No route to host" },
                },
                new InterfaceState { Name = "wlan0", Index = 3, Addresses = [], IPv6 = new FamilyState { Joined = true } },
            ],
        }).Write(terminal.Terminal);

        Assert.Equal(
            [
                "local net   announced as meshara-0011223344556677, 1 node of this mesh found",
                "            eth0: IPv4 not joined (limit 20, net.ipv4.igmp_max_memberships), IPv6 cannot send (No route to host)",
                "            wlan0: IPv4 not used, IPv6 heard nothing yet",
            ],
            terminal.Text.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void Write_Off_SaysWhy()
    {
        TestTerminal terminal = new();
        LocalNetworkLine.Of(new LocalNetworkState { Trouble = "it is switched off" }).Write(terminal.Terminal);

        Assert.Equal("local net   not used: it is switched off", terminal.Text.Trim());
    }

    [Fact]
    public void Discovered_Event_SaysHowToAdmitOnBothSides()
    {
        using NodeIdentity peer = NodeIdentity.Create(), own = NodeIdentity.Create();
        EventLine line = EventLine.Of(new PeerDiscovered(DateTimeOffset.UnixEpoch, peer.Id, "10.0.0.6:4040", peer.PublicKey))!;

        Assert.Equal(("peer-discovered", peer.Id.ToString(), "10.0.0.6:4040", peer.PublicKey.ToString()), (line.Event, line.Peer, line.Address, line.PublicKey));
        string text = EventText.Of(line, own.PublicKey);
        Assert.Contains($"meshara trust add {peer.PublicKey}", text, StringComparison.Ordinal);
        Assert.Contains($"meshara trust add {own.PublicKey}", text, StringComparison.Ordinal);
    }

    // Typed without it the key would be trusted in another directory. Where the other node has its own, nobody here knows.
    [Fact]
    public void Discovered_NodeOfAnotherDirectory_NamesItInTheCommandForHereOnly()
    {
        using NodeIdentity peer = NodeIdentity.Create(), own = NodeIdentity.Create();
        EventLine line = EventLine.Of(new PeerDiscovered(DateTimeOffset.UnixEpoch, peer.Id, "10.0.0.6:4040", peer.PublicKey))!;
        string data = Path.Combine(Path.GetTempPath(), "my data");

        string text = EventText.Of(line, own.PublicKey, data);

        Assert.Contains($"meshara trust add --data {Hints.Quote(data)} {peer.PublicKey}", text, StringComparison.Ordinal);
        Assert.Contains($"and there: meshara trust add {own.PublicKey}", text, StringComparison.Ordinal);
    }
}
