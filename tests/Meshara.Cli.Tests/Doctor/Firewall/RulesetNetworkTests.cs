using System.Diagnostics;
using System.Globalization;
using System.Text;
using Meshara.Tests.Tidy;
using Xunit;

namespace Meshara.Cli.Tests.Doctor.Firewall;

/// <summary>The same rules given to the kernel of a machine (namespaces), and real packets: what is said of them against what happens.</summary>
public sealed class RulesetNetworkTests
{
    private const string Python = "/usr/bin/python3", Nft = "/usr/sbin/nft", Iptables = "/usr/sbin/iptables-restore";
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(60);

    public static TheoryData<string, string> All => Ruleset.All;

    [Theory]
    [MemberData(nameof(All))]
    public async Task Judge_RulesOfRealPrograms_AgreesWithTheKernel(string name, string fates)
    {
        await using NetworkNamespace neighbour = await NetworkNamespace.CreateAsync();
        Assert.SkipUnless(File.Exists(Nft) && File.Exists(Iptables), "nft or iptables is missing; apt-get install nftables iptables.");
        await using NetworkNamespace machine = await NetworkNamespace.CreateAsync();
        await neighbour.ConnectAsync(machine, Ruleset.Cable);
        await machine.AddAddressAsync(Ruleset.Cable, $"{Ruleset.IPv4}/24");
        await machine.AddAddressAsync(Ruleset.Cable, $"{Ruleset.IPv6}/64");
        await neighbour.AddAddressAsync(Ruleset.Cable, $"{Ruleset.NeighbourIPv4}/24");
        await neighbour.AddAddressAsync(Ruleset.Cable, $"{Ruleset.NeighbourIPv6}/64");
        await LoadAsync(machine, name);

        // The rules that the kernel now has are those that were recorded, or this says nothing of them.
        string listed = await machine.RunAsync(Nft, "list", "ruleset");
        Assert.Equal(fates, Ruleset.Fates(Ruleset.Judge(listed)));

        string happened = await ProbeAsync(machine, neighbour, fates);
        Assert.True(fates.Zip(happened).All(static two => two.First == '?' || two.First == two.Second), $"{name}: said {fates}, happened {happened}");
    }

    private static async Task LoadAsync(NetworkNamespace machine, string name)
    {
        using TempFolder folder = new();
        (string Tool, string Program)[] tools = Ruleset.Read(name, "iptables") is { Length: > 0 } ? [("iptables", Iptables), ("ip6tables", "/usr/sbin/ip6tables-restore")] : [("nft", Nft)];
        foreach ((string tool, string program) in tools)
        {
            await File.WriteAllTextAsync(folder[tool], Ruleset.Read(name, tool));
            await machine.RunAsync(program, tool == "nft" ? ["-f", folder[tool]] : [folder[tool]]);
        }
    }

    private static async Task<string> ProbeAsync(NetworkNamespace machine, NetworkNamespace neighbour, string fates)
    {
        string script = Repository.Absolute("tests/interop/firewall_probe.py");
        using Process listener = machine.Start(Python, "-B", script, Ruleset.Cable, "listen");

        // What the asker waits for but a moment must not be missing because the listener was not there yet.
        Assert.Equal("ready", await listener.StandardOutput.ReadLineAsync().WaitAsync(Guard));
        StringBuilder heard = new();
        Task hearing = ReadAsync(listener, heard);
        using Process asker = neighbour.Start(Python, "-B", script, Ruleset.Cable, "ask", Ruleset.IPv4, Ruleset.IPv6, fates.Replace('?', 'D'));
        try
        {
            string rest = (await asker.StandardOutput.ReadLineAsync().WaitAsync(Guard))!;
            await Eventually.TrueAsync(() => (Has("in4") || fates[0] != 'P') && (Has("in6") || fates[1] != 'P'));
            return string.Create(CultureInfo.InvariantCulture, $"{(Has("in4") ? 'P' : 'D')}{(Has("in6") ? 'P' : 'D')}{rest}");
        }
        finally
        {
            asker.StandardInput.Close();
            await asker.WaitForExitAsync().WaitAsync(Guard);
            listener.StandardInput.Close();
            await listener.WaitForExitAsync().WaitAsync(Guard);
            await hearing.WaitAsync(Guard);
        }

        bool Has(string word)
        {
            lock (heard)
            {
                return heard.ToString().Contains(word, StringComparison.Ordinal);
            }
        }
    }

    private static async Task ReadAsync(Process process, StringBuilder heard)
    {
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            lock (heard)
            {
                heard.AppendLine(line);
            }
        }
    }
}
