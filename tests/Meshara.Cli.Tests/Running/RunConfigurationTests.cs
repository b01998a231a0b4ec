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
    public void Read_FileEnvironmentAndOptions_TheLaterGoOverTheEarlier()
    {
        NodeOptions options = Read(
            """{ "Meshara": { "Mesh": "file", "Agent": "a/file", "Discovery": { "TargetPeers": 3, "MaxPeers": 5 } } }""",
            [("MESHARA__MESH", "env"), ("MESHARA__DISCOVERY__TARGETPEERS", "4")],
            [("Mesh", "option", "--mesh")]);

        Assert.Equal(("option", "a/file", 4, 5), (options.Mesh, options.Agent, options.Discovery.TargetPeers, options.Discovery.MaxPeers));
    }

    [Fact]
    public void Read_NothingIsWritten_TheCommandsDefaultsHold()
    {
        NodeOptions options = Read("""{ "Meshara": { "Listen": [] } }""", [], []);

        Assert.Equal((NodeStarter.DefaultMesh, _folder["data"]), (options.Mesh, options.DataDirectory));
        Assert.Equal(TcpTransport.Everywhere, options.Listen);
    }

    [Theory]
    [InlineData("{ \"Meshara\": {\n \"Discovery\": {\n \"TargetPeers\": 40 } } }", null, null, "node.json line 3: Meshara:Discovery:TargetPeers is 40; 0 to 32 is allowed.")]
    [InlineData("{ \"Meshara\": {\n \"Discovery\": {\n \"Target\": 40 } } }", null, null, "node.json line 3: Meshara:Discovery:Target is not an option; the nearest is Meshara:Discovery:TargetPeers.")]
    [InlineData("{ \"Meshara\": { \"Limits\": {\n \"MaxStreams\": 2048 } } }", null, null, "node.json: Meshara:Limits:LinkBudget (not written here) is 50331648; 67108864 to 2147483647 is allowed.")]
    [InlineData("{ \"Meshara\": {} }", "MESHARA__DISCOVERY__TARGETPEERS=40", null, "MESHARA__DISCOVERY__TARGETPEERS is 40; 0 to 32 is allowed.")]
    [InlineData("{ \"Meshara\": {} }", "MESHARA__DISCOVRY__TARGETPEERS=40", null, "MESHARA__DISCOVRY__TARGETPEERS is not an option; the nearest is Meshara:Discovery.")]
    [InlineData("{ \"Meshara\": { \"Discovery\": { \"MaxPeers\": 30 } } }", null, "Discovery:TargetPeers=40", "--an-option is 40; 0 to 30 is allowed.")]
    public void Read_WrongValue_SaysWhereItIsWritten(string json, string? variable, string? option, string message)
    {
        MesharaException e = Assert.Throws<MesharaException>(() => Read(
            json,
            variable?.Split('=') is [var name, var value] ? [(name, value)] : [],
            option?.Split('=') is [var key, var text] ? [(key, text, "--an-option")] : []));

        Assert.Equal(MesharaErrorCode.InvalidOption, e.Code);
        Assert.EndsWith(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_SecretInAFileThatOthersCanRead_IsWarnedOfOnce()
    {
        Mode.Require();
        System.IO.File.WriteAllText(File, """{ "Meshara": { "Secret": "0123456789abcdef" } }""");
        Mode.Set(File, UnixFileMode.UserRead | UnixFileMode.GroupRead);

        RunConfiguration configuration = new(_terminal.Terminal, Settings([], []));
        configuration.Read(warn: true);
        configuration.Read(warn: false);

        Assert.Equal($"meshara: warning: other users can read the configuration file {File}; run: chmod 600 {File}", _terminal.Error.Trim());
    }

    private NodeOptions Read(string json, (string, string)[] variables, (string, string, string)[] options)
    {
        System.IO.File.WriteAllText(File, json);
        return new RunConfiguration(_terminal.Terminal, Settings(variables, options)).Read(warn: true);
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
