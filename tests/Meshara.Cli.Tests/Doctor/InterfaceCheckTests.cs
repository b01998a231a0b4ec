using System.Net.Sockets;
using Meshara.Cli.Doctor;
using Xunit;

namespace Meshara.Cli.Tests.Doctor;

public sealed class InterfaceCheckTests
{
    private static readonly MulticastResult Works = new(null, null);

    [Theory]
    [InlineData("bind", SocketError.AddressAlreadyInUse, "port 5353/udp is held by another program for itself alone")]
    [InlineData("join", SocketError.NoBufferSpaceAvailable, "the limit of memberships is reached")]
    [InlineData("send", SocketError.AccessDenied, "a firewall of this machine forbids to send")]
    [InlineData("send", SocketError.NetworkUnreachable, "there is no route to the multicast group 224.0.0.251 (\"network is unreachable\")")]
    [InlineData("send", SocketError.HostUnreachable, "(\"no route to host\")")]
    [InlineData("hear", null, "was sent to 224.0.0.251 and did not come back")]
    [InlineData("socket", SocketError.AddressFamilyNotSupported, "the step 'socket' failed (AddressFamilyNotSupported)")]
    public void Judge_StepThatFailed_IsBrokenAndSaysWhatToDo(string step, SocketError? error, string said)
    {
        FindingLine finding = InterfaceCheck.Judge([("eth0", AddressFamily.InterNetwork, new MulticastResult(step, error)), ("eth0", AddressFamily.InterNetworkV6, Works)]).First();

        Assert.Equal((FindingLine.Broken, "eth0, IPv4"), (finding.State, finding.Subject));
        Assert.Contains(said, finding.Detail, StringComparison.Ordinal);
        Assert.NotEmpty(finding.Advice!);
    }

    [Fact]
    public void Judge_OneInterfaceOfAFamilyWorks_TheOtherIsAWarning()
    {
        FindingLine[] findings = [.. InterfaceCheck.Judge([("eth0", AddressFamily.InterNetwork, Works), ("tap0", AddressFamily.InterNetwork, new MulticastResult("hear", null)), ("eth0", AddressFamily.InterNetworkV6, Works)])];

        Assert.Equal([FindingLine.Ok, FindingLine.Warning, FindingLine.Ok], findings.Select(f => f.State));
    }

    [Fact]
    public void Judge_FamilyWithoutAddress_IsAWarning()
    {
        FindingLine[] findings = [.. InterfaceCheck.Judge([("eth0", AddressFamily.InterNetwork, Works)])];

        Assert.Equal((FindingLine.Warning, "IPv6"), (findings[1].State, findings[1].Subject));
    }
}
