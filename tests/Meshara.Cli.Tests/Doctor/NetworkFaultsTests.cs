using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Doctor;

/// <summary>Those of the twenty faults for which a network has to be broken: two of their own with a cable between (namespaces).</summary>
public sealed class NetworkFaultsTests
{
    private const string Cable = "cable0";
    private const string Nft = "/usr/sbin/nft";

    // 0: without a fault nothing is broken, or the tests below would say little.
    [Fact]
    public async Task DoctorAndWhy_HealthyNetwork_FindNothing()
    {
        await using Pair pair = await Pair.StartAsync();

        (int doctor, string findings) = await pair.AtAliceAsync("doctor");
        (int why, string steps) = await pair.AtAliceAsync("why", "10.0.0.2:4040");

        Assert.True(doctor == ExitCode.Done, findings);
        Assert.Contains($"ok       multicast  {Cable}, IPv4: A multicast DNS packet was sent to 224.0.0.251 and came back.", findings, StringComparison.Ordinal);
        Assert.Contains($"ok       multicast  {Cable}, IPv6: A multicast DNS packet was sent to ff02::fb and came back.", findings, StringComparison.Ordinal);
        Assert.True(why == ExitCode.Done, steps);
        Assert.Contains($"10.0.0.2:4040 took the TCP connection, from 10.0.0.1 ({Cable}).", steps, StringComparison.Ordinal);
    }

    // 18
    [Fact]
    public async Task Why_PacketsDropped_Named()
    {
        await using Pair pair = await Pair.StartAsync();
        await pair.Bob.IpAsync("route", "add", "blackhole", "10.0.0.1/32");

        (int exit, string text) = await pair.AtAliceAsync("why", "10.0.0.2:4040");

        Assert.Equal(ExitCode.Failed, exit);
        Assert.Contains("FAILED  tcp     10.0.0.2:4040 did not answer within 5 s, not even with a refusal", text, StringComparison.Ordinal);
        Assert.Contains($"This machine sends from 10.0.0.1 ({Cable}).", text, StringComparison.Ordinal);
        Assert.Contains("Packets are dropped on the way: a firewall there or here", text, StringComparison.Ordinal);
    }

    // 19
    [Fact]
    public async Task Why_NoRoute_Named()
    {
        await using Pair pair = await Pair.StartAsync();

        (int exit, string text) = await pair.AtAliceAsync("why", "203.0.113.1:4040");

        Assert.Equal(ExitCode.Failed, exit);
        Assert.Contains("FAILED  tcp     Cannot connect to 203.0.113.1:4040: there is no route to it.", text, StringComparison.Ordinal);
        Assert.Contains("This machine has no route there.", text, StringComparison.Ordinal);
    }

    // 20
    [Fact]
    public async Task Doctor_NoMulticastRoute_Named()
    {
        await using Pair pair = await Pair.StartAsync();
        await pair.Alice.IpAsync("route", "add", "unreachable", "224.0.0.0/4");
        await pair.Alice.IpAsync("-6", "route", "del", "multicast", "ff00::/8", "dev", Cable, "table", "local");

        (int exit, string text) = await pair.AtAliceAsync("doctor");

        Assert.Equal(ExitCode.Failed, exit);
        Assert.Contains($"BROKEN   multicast  {Cable}, IPv6: Multicast does not work: there is no route to the multicast group ff02::fb (\"network is unreachable\").", text, StringComparison.Ordinal);

        // Linux looks up no route for 224.0.0.0/24 where the interface is named, so for IPv4 the missing route is no fault.
        Assert.Contains($"ok       multicast  {Cable}, IPv4", text, StringComparison.Ordinal);
    }

    // 21
    [Fact]
    public async Task Doctor_MulticastDnsDroppedByNft_NamedWithTheRule()
    {
        await using Pair pair = await Pair.StartAsync();
        await AddRuleAsync(pair.Alice, "input", "udp dport 5353 drop");

        (int exit, string text) = await pair.AtAliceAsync("doctor");

        Assert.Equal(ExitCode.Failed, exit);
        Assert.Contains($"BROKEN   multicast  {Cable}, IPv4: Multicast does not work: a packet was sent to 224.0.0.251 and did not come back.", text, StringComparison.Ordinal);
        Assert.Contains($"BROKEN   multicast  {Cable}, IPv6: Multicast does not work: a packet was sent to ff02::fb and did not come back.", text, StringComparison.Ordinal);
        Assert.Contains("BROKEN   firewall   nft, table inet filter, chain input: This rule drops 5353/udp (multicast DNS): udp dport 5353 drop", text, StringComparison.Ordinal);
        Assert.Contains("To do: Let 5353/udp pass before it, for example: nft insert rule inet filter input udp dport 5353 accept", text, StringComparison.Ordinal);
    }

    // 22
    [Fact]
    public async Task Doctor_SendingForbiddenByNft_Named()
    {
        await using Pair pair = await Pair.StartAsync();
        await AddRuleAsync(pair.Alice, "output", "udp dport 5353 drop");

        (int exit, string text) = await pair.AtAliceAsync("doctor");

        Assert.Equal(ExitCode.Failed, exit);
        Assert.Contains($"BROKEN   multicast  {Cable}, IPv4: Multicast does not work: a firewall of this machine forbids to send to 224.0.0.251.", text, StringComparison.Ordinal);
    }

    // 23
    [Fact]
    public async Task Doctor_IPv6Off_Named()
    {
        await using Pair pair = await Pair.StartAsync();
        await pair.Alice.SetAsync("net/ipv6/conf/all/disable_ipv6", "1");

        (_, string text) = await pair.AtAliceAsync("doctor");

        Assert.Contains("warning  multicast  IPv6: No interface that carries multicast has an IPv6 address: nobody is found by IPv6.", text, StringComparison.Ordinal);
        Assert.Contains("sysctl net.ipv6.conf.all.disable_ipv6=0", text, StringComparison.Ordinal);
    }

    // 24
    [Fact]
    public async Task Doctor_OwnPortDroppedByNft_NamedAtTheListenAddressAndTheRule()
    {
        await using Pair pair = await Pair.StartAsync();
        await AddRuleAsync(pair.Bob, "input", "tcp dport 4040 drop");

        (int exit, string text) = await pair.AtBobAsync("doctor");

        Assert.Equal(ExitCode.Failed, exit);
        Assert.Contains("BROKEN   listen     10.0.0.2:4040: A call to this address from this machine itself fails at tcp: 10.0.0.2:4040 did not answer", text, StringComparison.Ordinal);
        Assert.Contains("This rule drops 4040/tcp (others' calls to this node): tcp dport 4040 drop", text, StringComparison.Ordinal);
    }

    // 25
    [Fact]
    public async Task Doctor_InterfaceIsDown_NamedWithTheCommandAndNotTheFirewall()
    {
        await using Pair pair = await Pair.StartAsync();
        await pair.Bob.IpAsync("link", "set", Cable, "down");

        (_, string text) = await pair.AtBobAsync("doctor");

        Assert.Contains($"warning  interface  {Cable}: down; ", text, StringComparison.Ordinal);
        Assert.Contains($"To do: ip link set {Cable} up", text, StringComparison.Ordinal);
        Assert.Contains($"warning  multicast  IPv4: {Cable} is down", text, StringComparison.Ordinal);
        Assert.Contains(text.Split('\n'), static line => line.Contains("listen     10.0.0.2:4040: ", StringComparison.Ordinal) && line.Contains($"the interface {Cable} is down", StringComparison.Ordinal));
        Assert.DoesNotContain("Give an interface", text, StringComparison.Ordinal);
        Assert.DoesNotContain("Switch IPv6 on", text, StringComparison.Ordinal);
        Assert.DoesNotContain("Let 4040/tcp in", text, StringComparison.Ordinal);
        Assert.DoesNotContain("has no route there", text, StringComparison.Ordinal);
    }

    // 26
    [Fact]
    public async Task Doctor_MulticastOff_NamedWithTheCommand()
    {
        await using Pair pair = await Pair.StartAsync();
        await pair.Alice.IpAsync("link", "set", Cable, "multicast", "off");

        (_, string text) = await pair.AtAliceAsync("doctor");

        Assert.Contains($"warning  interface  {Cable}: up, no multicast; 10.0.0.1", text, StringComparison.Ordinal);
        Assert.Contains("Multicast DNS cannot work on it: its MULTICAST flag is off.", text, StringComparison.Ordinal);
        Assert.Contains($"To do: ip link set {Cable} multicast on", text, StringComparison.Ordinal);
        Assert.DoesNotContain("Give an interface", text, StringComparison.Ordinal);
    }

    // The one rule of a table of its own.
    private static async Task AddRuleAsync(NetworkNamespace machine, string hook, string rule)
    {
        Assert.SkipUnless(File.Exists(Nft), "nft (package nftables) is missing.");
        await machine.RunAsync(Nft, $"add table inet filter; add chain inet filter {hook} {{ type filter hook {hook} priority 0; }}; add rule inet filter {hook} {rule}");
    }

    /// <summary>Alice has a machine; Bob has one with an open node on port 4040.</summary>
    private sealed class Pair : IAsyncDisposable
    {
        private readonly TempFolder _folder = new();
        private Child? _node;

        private Pair(NetworkNamespace alice, NetworkNamespace bob) => (Alice, Bob) = (alice, bob);

        public NetworkNamespace Alice { get; }

        public NetworkNamespace Bob { get; }

        public static async Task<Pair> StartAsync()
        {
            NetworkNamespace alice = await NetworkNamespace.CreateAsync();
            Pair pair = new(alice, await NetworkNamespace.CreateAsync());
            try
            {
                await alice.ConnectAsync(pair.Bob, Cable);
                await alice.AddAddressAsync(Cable, "10.0.0.1/24");
                await pair.Bob.AddAddressAsync(Cable, "10.0.0.2/24");
                pair._node = Child.Start(pair.Bob, "run", "--json", "--mesh", "test", "--open", "--listen", "0.0.0.0:4040", "--data", pair._folder["bob"]);
                await pair._node.EventAsync("listening");
                return pair;
            }
            catch
            {
                await pair.DisposeAsync();
                throw;
            }
        }

        /// <summary>Runs a command where no node runs.</summary>
        public Task<(int Exit, string Text)> AtAliceAsync(params string[] args) => RunAsync(Alice, [.. args, "--data", _folder["alice"]]);

        /// <summary>Asks Bob's node.</summary>
        public Task<(int Exit, string Text)> AtBobAsync(params string[] args) => RunAsync(Bob, [.. args, "--data", _folder["bob"]]);

        public async ValueTask DisposeAsync()
        {
            if (_node is not null)
            {
                await _node.DisposeAsync();
            }

            await Alice.DisposeAsync();
            await Bob.DisposeAsync();
            _folder.Dispose();
        }

        private static async Task<(int Exit, string Text)> RunAsync(NetworkNamespace network, string[] args)
        {
            await using Child child = Child.Start(network, args);
            int exit = await child.ExitAsync();
            return (exit, child.AllOutput() + child.AllError());
        }
    }
}
