using System.Net;
using Meshara.Net;
using Xunit;

namespace Meshara.Tests.Net;

public sealed class ListenAddressesTests
{
    private const string Lan = "127.0.0.1 192.168.0.7 10.1.2.3 ::1 fe80::1%2 2001:db8::7 169.254.3.4";
    private const string NoGlobalIPv6 = "127.0.0.1 192.168.0.7 ::1 fe80::1%2";
    private const string Cable = "127.0.0.1 ::1 fe80::1%2 169.254.3.4";
    private const string Alone = "127.0.0.1 ::1";
    private static readonly NodeId Id = NodeId.Parse(new string('a', 64));

    // "+" behind a listener: it takes IPv4 as well.
    [Theory]
    [InlineData(Lan, "alice:1", "alice:1")]
    [InlineData(Lan, "192.168.0.7:1", "192.168.0.7:1")]
    [InlineData(Lan, "127.0.0.1:1", "127.0.0.1:1")]
    [InlineData(Lan, "0.0.0.0:1", "192.168.0.7:1 10.1.2.3:1")]
    [InlineData(Lan, "[::]:1", "[2001:db8::7]:1")]
    [InlineData(Lan, "[::]:1+", "192.168.0.7:1 10.1.2.3:1 [2001:db8::7]:1")]
    [InlineData(Lan, "0.0.0.0:1 [::]:1", "192.168.0.7:1 10.1.2.3:1 [2001:db8::7]:1")]
    [InlineData(Lan, "0.0.0.0:1 [::]:2", "192.168.0.7:1 10.1.2.3:1 [2001:db8::7]:2")]
    [InlineData(Lan, "127.0.0.1:1 [::1]:2", "127.0.0.1:1 [::1]:2")]
    [InlineData(Lan, "192.168.0.7:1 0.0.0.0:1", "192.168.0.7:1 10.1.2.3:1")]
    [InlineData(Lan, "[fe80::1%2]:1", "[fe80::1%2]:1")]
    [InlineData(NoGlobalIPv6, "0.0.0.0:1 [::]:1", "192.168.0.7:1")]
    [InlineData(NoGlobalIPv6, "[::]:1", "[fe80::1%2]:1")]
    [InlineData(Cable, "[::]:1", "[fe80::1%2]:1")]
    [InlineData(Cable, "[::]:1+", "169.254.3.4:1 [fe80::1%2]:1")]
    [InlineData(Cable, "0.0.0.0:1 [::]:1", "169.254.3.4:1 [fe80::1%2]:1")]
    [InlineData(Alone, "0.0.0.0:1", "127.0.0.1:1")]
    [InlineData(Alone, "[::]:1", "[::1]:1")]
    [InlineData(Alone, "[::]:1+", "127.0.0.1:1 [::1]:1")]
    [InlineData("", "0.0.0.0:1", "127.0.0.1:1")]
    [InlineData("", "[::]:1", "[::1]:1")]
    [InlineData("", "[::]:1+", "127.0.0.1:1")]
    public void Expand_Machine_WildcardsBecomeAddresses(string machine, string listeners, string expected)
    {
        IEnumerable<IPAddress> interfaces = machine.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(IPAddress.Parse);

        IReadOnlyList<PeerAddress> addresses = ListenAddresses.Expand(Id, listeners.Split(' ').Select(Listener), () => interfaces);

        Assert.Equal(expected.Split(' '), addresses.Select(a => a.HostAndPort));
        Assert.All(addresses, a => Assert.Equal(Id, a.Id));
    }

    [Theory]
    [InlineData("[fe80::1%2]:1", false)]
    [InlineData("[fe80::1%eth0]:1", false)]
    [InlineData("[2001:db8::1]:1", true)]
    [InlineData("169.254.3.4:1", true)]
    [InlineData("alice:1", true)]
    public void MeansTheSameElsewhere_LinkLocal_DoesNot(string address, bool expected) =>
        Assert.Equal(expected, ListenAddresses.MeansTheSameElsewhere(PeerAddress.Parse(address)));

    private static ListenPlace Listener(string text)
    {
        PeerAddress address = PeerAddress.Parse(text.TrimEnd('+'));
        return new(address.Host, address.Port, text.EndsWith('+') || !address.Host.Contains(':', StringComparison.Ordinal));
    }
}
