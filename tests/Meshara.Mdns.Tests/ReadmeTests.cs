using Meshara.Mdns.Tests.Support;
using Meshara.Tests.Tidy;
using Xunit;

namespace Meshara.Mdns.Tests;

/// <summary>The README of the package shows a program that is compiled here, and does what it says.</summary>
public sealed class ReadmeTests
{
    [Fact]
    public async Task Readme_Example_IsTheProgramThatIsCompiled()
    {
        string[] shown = Block(await File.ReadAllLinesAsync(Repository.Absolute("src/Meshara.Mdns/README.md")));
        string[] source = await File.ReadAllLinesAsync(Repository.Absolute("tests/Meshara.MdnsHost/Example.cs"));
        int from = Array.FindIndex(source, static l => l.Contains("RunAsync()", StringComparison.Ordinal)) + 2;
        int to = Array.FindIndex(source, from, static l => l == "    }");

        Assert.Equal("using Meshara.Mdns;", shown[0]);
        Assert.Equal(source[from..to].Select(static l => l.Length > 8 ? l[8..] : l), shown[2..]);
    }

    [Fact]
    public async Task Readme_Example_PublishesAndFinds()
    {
        await using BridgedLan lan = await BridgedLan.CreateAsync(2, "46");
        await using MdnsHost other = await MdnsHost.StartAsync(lan.Hosts[1], "publish=Kitchen printer,_ipp._tcp,99", "browse=_ipp._tcp");
        await other.SaysAsync("published");

        await using MdnsHost example = await MdnsHost.StartAsync(lan.Hosts[0], "example");

        await example.SaysAsync("Kitchen printer (2)");
        Assert.Contains("10.7.0.2:99", (await example.SaysAsync(static l => l[0].StartsWith("Added Kitchen printer ", StringComparison.Ordinal)))[0], StringComparison.Ordinal);
        Assert.Equal("rp=ipp/print", (await other.SaysAsync(static l => l is ["updated" or "added", "Kitchen printer (2)", _, "632", ..]))[5]);
    }

    // The first block of C#.
    private static string[] Block(string[] readme)
    {
        int from = Array.IndexOf(readme, "```csharp") + 1;
        return readme[from..Array.IndexOf(readme, "```", from)];
    }
}
