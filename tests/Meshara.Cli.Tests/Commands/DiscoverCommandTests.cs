using System.CommandLine;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Meshara.Cli.Commands;
using Meshara.Cli.Rendering;
using Meshara.Cli.Tests.Support;
using Meshara.Mdns;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

public sealed class DiscoverCommandTests
{
    private static readonly ServiceInstance Printer = new()
    {
        InstanceName = "Kitchen \u001b[31mprinter",
        ServiceType = "_ipp._tcp",
        HostName = "mdns-1.local",
        Port = 631,
        Txt = TxtRecord.Create(("rp", "ipp/print"), ("color", null)),
        Addresses = [new ServiceAddress(new IPEndPoint(IPAddress.Parse("192.0.2.7"), 631), 2, IPAddress.Parse("192.0.2.7"))],
    };

    [Fact]
    public async Task Discover_ChangesComeAndGo_PrintsEachAndATableOfWhoIsLeft()
    {
        ServiceInstance other = Printer with { InstanceName = "Attic" };
        (int exit, TestTerminal terminal, string type) = await RunAsync(
            ["--type", "_ipp._tcp.local."],
            new ServiceChange(ServiceChangeKind.Added, Printer),
            new ServiceChange(ServiceChangeKind.Added, other),
            new ServiceChange(ServiceChangeKind.Updated, Printer with { Port = 632 }),
            new ServiceChange(ServiceChangeKind.Removed, other));

        Assert.Equal((ExitCode.Done, "_ipp._tcp"), (exit, type));
        string[] lines = terminal.Text.Split(Environment.NewLine);
        Assert.Contains("added    Kitchen \\u{1B}[31mprinter  192.0.2.7:631", lines[0], StringComparison.Ordinal);
        Assert.Contains("removed  Attic", lines[3], StringComparison.Ordinal);
        Assert.Equal("1 is there:", lines[4]);
        Assert.Equal("Kitchen \\u{1B}[31mprinter  mdns-1.local:632", lines[5]);
        Assert.Equal(["    192.0.2.7:631", "    rp=ipp/print", "    color"], lines[6..9]);
        Assert.DoesNotContain('\u001b', terminal.Text);
    }

    // RFC 6763 section 9.
    [Theory]
    [InlineData("_services._dns-sd._udp")]
    [InlineData("_Services._dns-sd._udp.local.")]
    public async Task Discover_TypeOfAllTypes_ListsThem(string type)
    {
        ServiceInstance found = new() { InstanceName = "_ipp._tcp", ServiceType = DiscoverCommand.AllTypes, HostName = "", Port = 0, Txt = TxtRecord.Empty, Addresses = [] };
        (int exit, TestTerminal terminal, string browsed) = await RunAsync(["--type", type], new ServiceChange(ServiceChangeKind.Added, found));

        Assert.Equal((ExitCode.Done, DiscoverCommand.AllTypes), (exit, browsed.ToLowerInvariant()));
        string[] lines = terminal.Text.Split(Environment.NewLine);
        Assert.EndsWith("  added    _ipp._tcp", lines[0], StringComparison.Ordinal);
        Assert.Equal(["1 is there:", "_ipp._tcp"], lines[1..3]);
    }

    // The node's own lines have the name of the interface, and so has this.
    [Fact]
    public void Show_LinkLocalAddress_HasTheInterfacesName()
    {
        Scope scope = new(new Dictionary<int, string> { [2] = "eth0" });

        Assert.Equal("[fe80::1%eth0]:631", scope.Show(new IPEndPoint(new IPAddress(IPAddress.Parse("fe80::1").GetAddressBytes(), 2), 631)));
        Assert.Equal("[fe80::1%3]:631", scope.Show(new IPEndPoint(new IPAddress(IPAddress.Parse("fe80::1").GetAddressBytes(), 3), 631)));
        Assert.Equal("192.0.2.7:631", scope.Show(new IPEndPoint(IPAddress.Parse("192.0.2.7"), 631)));
    }

    [Fact]
    public async Task Discover_Json_PrintsOneObjectForEachChange()
    {
        (_, TestTerminal terminal, string type) = await RunAsync(["--json"], new ServiceChange(ServiceChangeKind.Added, Printer));

        JsonElement line = Child.Parse(terminal.Json);
        Assert.Equal("_meshara._tcp", type);
        Assert.Equal(("added", 631), (line.GetProperty("change").GetString(), line.GetProperty("port").GetInt32()));
        Assert.Equal("192.0.2.7:631", line.GetProperty("addresses")[0].GetProperty("end_point").GetString());
        Assert.Equal("", terminal.Text);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Discover_OnlyWhoToldAnAddressIsOther_PrintsNoLine_AndEachOtherUpdate(bool json)
    {
        ServiceAddress address = Printer.Addresses[0];
        ServiceInstance own = Printer with { Addresses = [address with { From = IPAddress.Parse("fe80::7") }] };
        ServiceInstance text = own with { Txt = TxtRecord.Create(("rp", "other")) };
        ServiceInstance moved = text with { Addresses = [address with { InterfaceIndex = 3 }] };
        (_, TestTerminal terminal, _) = await RunAsync(
            json ? ["--json"] : [],
            new ServiceChange(ServiceChangeKind.Added, Printer),
            new ServiceChange(ServiceChangeKind.Updated, own),
            new ServiceChange(ServiceChangeKind.Updated, text),
            new ServiceChange(ServiceChangeKind.Updated, moved),
            new ServiceChange(ServiceChangeKind.Updated, moved with { HostName = "mdns-2.local" }),
            new ServiceChange(ServiceChangeKind.Removed, moved),
            new ServiceChange(ServiceChangeKind.Added, moved));

        IEnumerable<string> kinds = json
            ? terminal.Json.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => Child.Parse(l).GetProperty("change").GetString()!)
            : terminal.Text.Split(Environment.NewLine).TakeWhile(l => l != "1 is there:").Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries).First(w => w is "added" or "updated" or "removed"));
        Assert.Equal(["added", "updated", "updated", "updated", "removed", "added"], kinds);
    }

    [Fact]
    public async Task Discover_NobodyUntilTheTimeIsOver_SaysWhatToAskNext()
    {
        (int exit, TestTerminal terminal, _) = await RunAsync(["--seconds", "0.2"]);

        Assert.Equal(ExitCode.Done, exit);
        Assert.Contains("nobody announces _meshara._tcp. 'meshara doctor' says whether multicast works here", terminal.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("printer")]
    [InlineData("_ipp.local")]
    [InlineData("_a name._tcp.local")]
    [InlineData("_ipp._sctp.local")]
    public void Discover_NoServiceType_IsWrongUsage(string type)
    {
        TestTerminal terminal = new();
        Command command = DiscoverCommand.Create(terminal.Terminal, (_, _) => throw new InvalidOperationException());

        Assert.Contains("--type needs a service type", Assert.Single(command.Parse(["--type", type]).Errors).Message, StringComparison.Ordinal);
    }

    private static async Task<(int Exit, TestTerminal Terminal, string Type)> RunAsync(string[] args, params ServiceChange[] changes)
    {
        TestTerminal terminal = new();
        string asked = "";
        Command command = DiscoverCommand.Create(terminal.Terminal, (type, ct) =>
        {
            asked = type;
            return BrowseAsync(changes, ct);
        });
        int exit = await command.Parse(args.Contains("--seconds") ? args : [.. args, "--seconds", "1"]).InvokeAsync().WaitAsync(CommandBed.Guard);
        return (exit, terminal, asked);
    }

    private static async IAsyncEnumerable<ServiceChange> BrowseAsync(ServiceChange[] changes, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (ServiceChange change in changes)
        {
            yield return change;
        }

        // As a browse does: nothing more, but it does not end.
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
    }
}
