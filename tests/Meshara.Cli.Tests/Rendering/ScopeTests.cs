using System.Net;
using System.Net.NetworkInformation;
using Meshara.Cli.Rendering;
using Xunit;

namespace Meshara.Cli.Tests.Rendering;

public sealed class ScopeTests
{
    private static readonly Scope Two = new(new Dictionary<int, string> { [2] = "eth0" });

    [Theory]
    [InlineData("[fe80::1%2]:4040", "[fe80::1%eth0]:4040")]
    [InlineData("[fe80::1%3]:4040", "[fe80::1%3]:4040")]
    [InlineData("[fe80::1]:4040", "[fe80::1]:4040")]
    [InlineData("[2001:db8::1]:4040", "[2001:db8::1]:4040")]
    [InlineData("10.0.0.1:4040", "10.0.0.1:4040")]
    [InlineData("a%2:4040", "a%2:4040")]
    public void Show_AddressAsTheLibraryWritesIt_HasTheScopeByName(string address, string shown) => Assert.Equal(shown, Two.Show(address));

    // 'why', 'discover' and 'doctor' named the interface; who called from there was shown by its number.
    [Fact]
    public void EventLine_CallerWithAScope_HasItByNameInItsWordsToo()
    {
        PeerRefused refused = new(default, "[fe80::1%2]:4040", Peer: null, MesharaErrorCode.NotAdmitted, ByPeer: false, "This node refused [fe80::1%2]:4040: the key is not trusted here.", RetryAfter: null) { Inbound = true };
        IdentityShared shared = new(default, NodeId.Parse(new string('a', 64)), "10.0.0.1:4040", "[fe80::1%2]:4040");

        EventLine line = EventLine.Of(refused, Two.Show)!;
        Assert.Equal(("[fe80::1%eth0]:4040", "This node refused [fe80::1%eth0]:4040: the key is not trusted here."), (line.Address, line.Detail));
        Assert.Equal(("10.0.0.1:4040", "[fe80::1%eth0]:4040"), (EventLine.Of(shared, Two.Show)!.Address, EventLine.Of(shared, Two.Show)!.OtherAddress));
    }

    [Fact]
    public void ShowHere_EachInterfaceOfThisMachine_IsNamed()
    {
        foreach (NetworkInterface one in OperatingSystem.IsWindows() ? [] : NetworkInterface.GetAllNetworkInterfaces())
        {
            foreach (IPAddress address in one.GetIPProperties().UnicastAddresses.Select(static a => a.Address).Where(static a => a is { IsIPv6LinkLocal: true, ScopeId: not 0 }))
            {
                Assert.Equal($"[{Scope.Bare(address)}%{one.Name}]:1", Scope.ShowHere(new IPEndPoint(address, 1).ToString()));
            }
        }

        Assert.Equal($"[fe80::1%{int.MaxValue}]:1", Scope.ShowHere($"[fe80::1%{int.MaxValue}]:1"));
    }
}
