using Meshara.Cli.Running;
using Meshara.Cli.Tests.Support;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Meshara.Cli.Tests.Running;

public sealed class RunConfigurationTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly TestTerminal _terminal = new();

    private string File => _folder["node.json"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Read_FileEnvironmentAndOptions_TheLaterGoOverTheEarlier()
    {
        NodeOptions options = await ReadAsync(
            """{ "Meshara": { "Mesh": "file", "Agent": "a/file", "Discovery": { "TargetPeers": 3, "MaxPeers": 5 } } }""",
            [("MESHARA__MESH", "env"), ("MESHARA__DISCOVERY__TARGETPEERS", "4")],
            [("Mesh", "option", "--mesh")]);

        Assert.Equal(("option", "a/file", 4, 5), (options.Mesh, options.Agent, options.Discovery.TargetPeers, options.Discovery.MaxPeers));
    }

    [Fact]
    public async Task Read_NothingIsWritten_TheCommandsDefaultsHold()
    {
        NodeOptions options = await ReadAsync("""{ "Meshara": { "Listen": [] } }""", [], []);

        Assert.Equal((NodeStarter.DefaultMesh, _folder["data"]), (options.Mesh, options.DataDirectory));
        Assert.Equal(TcpTransport.Everywhere, options.Listen);
    }

    [Theory]
    [InlineData("""{ "Meshara": {} }""", DiscoveryMethods.All & ~DiscoveryMethods.LocalMdns)]
    [InlineData("""{ "Meshara": { "Discovery": { "EnabledMethods": ["LocalMdns", "Manual"] } } }""", DiscoveryMethods.Manual)]
    public async Task Read_NoMdns_OnlyThatIsLeftOut(string json, DiscoveryMethods expected)
    {
        await System.IO.File.WriteAllTextAsync(File, json);
        RunReading reading = await new RunConfiguration(_terminal.Terminal, Settings([], []) with { NoMdns = true }).ReadAsync(warn: true, CancellationToken.None);

        Assert.Equal(expected, reading.Options.Discovery.EnabledMethods);
    }

    [Theory]
    [InlineData("{ \"Meshara\": {\n \"Discovery\": {\n \"TargetPeers\": 40 } } }", null, null, "node.json line 3: Meshara:Discovery:TargetPeers is 40; 0 to 32 is allowed.")]
    [InlineData("{ \"Meshara\": {\n \"Discovery\": {\n \"Target\": 40 } } }", null, null, "node.json line 3: Meshara:Discovery:Target is not an option; the nearest is Meshara:Discovery:TargetPeers.")]
    [InlineData("{ \"Meshara\": { \"Limits\": {\n \"MaxStreams\": 2048 } } }", null, null, "node.json line 2: Meshara:Limits:MaxStreams is '2048'; with that Meshara:Limits:LinkBudget, which is not written here, is 50331648; 67108864 to 2147483647 is allowed.")]
    [InlineData("{ \"Meshara\": { \"Peers\": [ \"h:1\",\n \"h:70000\",\n \"h:2\" ] } }", null, null, "node.json line 2: Meshara:Peers:1 is 'h:70000'; that is not an address: port '70000' is not a number from 1 to 65535.")]
    [InlineData("{ \"Meshara\": {} }", "MESHARA__DISCOVERY__TARGETPEERS=40", null, "MESHARA__DISCOVERY__TARGETPEERS is 40; 0 to 32 is allowed.")]
    [InlineData("{ \"Meshara\": {} }", "MESHARA__DISCOVRY__TARGETPEERS=40", null, "MESHARA__DISCOVRY__TARGETPEERS is not an option; the nearest is Meshara:Discovery.")]
    [InlineData("{ \"Meshara\": { \"Discovery\": { \"MaxPeers\": 30 } } }", null, "Discovery:TargetPeers=40", "--an-option is 40; 0 to 30 is allowed.")]
    public async Task Read_WrongValue_SaysWhereItIsWritten(string json, string? variable, string? option, string message)
    {
        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => ReadAsync(
            json,
            variable?.Split('=') is [var name, var value] ? [(name, value)] : [],
            option?.Split('=') is [var key, var text] ? [(key, text, "--an-option")] : []));

        Assert.Equal(MesharaErrorCode.InvalidOption, e.Code);
        Assert.EndsWith(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Read_SecretInAFileThatOthersCanRead_IsWarnedOfOnce()
    {
        Mode.Require();
        await System.IO.File.WriteAllTextAsync(File, """{ "Meshara": { "Secret": "0123456789abcdef" } }""");
        Mode.Set(File, UnixFileMode.UserRead | UnixFileMode.GroupRead);

        RunConfiguration configuration = new(_terminal.Terminal, Settings([], []));
        await configuration.ReadAsync(warn: true, CancellationToken.None);
        await configuration.ReadAsync(warn: false, CancellationToken.None);

        Assert.Equal($"meshara: warning: other users can read the configuration file {File}; run: chmod 600 {File}", _terminal.Error.Trim());
    }

    [Fact]
    public async Task Read_SettingThatSomethingGoesOverChanges_IsToldOnce()
    {
        RunConfiguration configuration = new(_terminal.Terminal, Settings(
            [("MESHARA__AGENT", "a/env"), ("MESHARA__PEERS__0", "h:1")],
            [("Mesh", "m", "--mesh"), ("Discovery:Preset", "bridge", "--preset")]));

        // At the start the file says what it says; nobody has just changed it.
        Assert.Empty(await PassedOverAsync("""{ "Meshara": { "Mesh": "a", "Agent": "a/1", "Peers": ["h:2"], "Discovery": { "MaxPeers": 5 } } }"""));
        Assert.Equal(
            [new PassedOver("Mesh", "--mesh"), new PassedOver("Agent", "MESHARA__AGENT"), new PassedOver("Peers", "MESHARA__PEERS__0"), new PassedOver("Discovery.MaxPeers", "--preset")],
            await PassedOverAsync("""{ "Meshara": { "Mesh": "b", "Agent": "a/2", "Peers": ["h:2", "h:3"], "Discovery": { "MaxPeers": 6 } } }"""));
        Assert.Empty(await PassedOverAsync("""{ "Meshara": { "Mesh": "b", "Agent": "a/2", "Peers": ["h:2", "h:3"], "Discovery": { "MaxPeers": 6, "FeelerInterval": "30s" } } }"""));
        Assert.Equal([new PassedOver("Agent", "MESHARA__AGENT")], await PassedOverAsync("""{ "Meshara": { "Mesh": "b", "Peers": ["h:2", "h:3"], "Discovery": { "MaxPeers": 6 } } }"""));

        async Task<IReadOnlyList<PassedOver>> PassedOverAsync(string json)
        {
            await System.IO.File.WriteAllTextAsync(File, json);
            return (await configuration.ReadAsync(warn: false, CancellationToken.None)).PassedOver;
        }
    }

    [Fact]
    public async Task Read_PresetChangesBesideBothNumbers_IsToldToChangeNothing()
    {
        RunConfiguration configuration = new(_terminal.Terminal, Settings([], []));
        Assert.Empty(await PassedOverAsync("minimal"));

        PassedOver told = Assert.Single(await PassedOverAsync("bridge"));

        Assert.Equal("Discovery.Preset", told.Option);
        Assert.Equal($"it was read and changes nothing, since TargetPeers ({File} line 2) and MaxPeers ({File} line 3) are written", told.Why);
        Assert.Empty(await PassedOverAsync("bridge"));

        async Task<IReadOnlyList<PassedOver>> PassedOverAsync(string preset)
        {
            await System.IO.File.WriteAllTextAsync(File, $"{{ \"Meshara\": {{ \"Discovery\": {{ \"Preset\": \"{preset}\",\n \"TargetPeers\": 3,\n \"MaxPeers\": 6 }} }} }}");
            return (await configuration.ReadAsync(warn: false, CancellationToken.None)).PassedOver;
        }
    }

    [Fact]
    public async Task Read_SecretThroughAPipe_IsReadOnceAndHolds()
    {
        string pipe = await Fifo.MakeAsync(_folder["pipe"]);
        await System.IO.File.WriteAllTextAsync(File, $$"""{ "Meshara": { "SecretFile": "{{pipe}}" } }""");
        RunConfiguration configuration = new(_terminal.Terminal, Settings([], []));

        Task<RunReading> first = configuration.ReadAsync(warn: true, CancellationToken.None);
        await Task.Run(() => System.IO.File.WriteAllText(pipe, "0123456789abcdef\n")).WaitAsync(TimeSpan.FromSeconds(30));
        NodeOptions options = (await first.WaitAsync(TimeSpan.FromSeconds(30))).Options;

        Assert.Equal("Secret", options.Admission.ToString());
        Assert.NotNull((await configuration.ReadAsync(warn: false, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30))).Options);
    }

    private async Task<NodeOptions> ReadAsync(string json, (string, string)[] variables, (string, string, string)[] options)
    {
        await System.IO.File.WriteAllTextAsync(File, json);
        return (await new RunConfiguration(_terminal.Terminal, Settings(variables, options)).ReadAsync(warn: true, CancellationToken.None)).Options;
    }

    private RunSettings Settings((string Name, string Value)[] variables, (string Key, string Value, string Name)[] options)
    {
        SettingsLayer given = new();
        foreach ((string key, string value, string name) in options)
        {
            given.TryAdd($"{SettingsLayer.Section}:{key}", value, name);
        }

        return new RunSettings
        {
            DataDirectory = _folder["data"],
            Mesh = NodeStarter.DefaultMesh,
            Listen = [],
            Peers = [],
            Open = false,
            Json = false,
            LogLevel = LogLevel.None,
            ConfigFile = File,
            Environment = SettingsLayer.OfEnvironment(variables.Select(v => KeyValuePair.Create(v.Name, v.Value))),
            Arguments = given,
        };
    }
}
