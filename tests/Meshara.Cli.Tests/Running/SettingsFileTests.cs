using System.Text;
using Meshara.Cli.Running;
using Xunit;

namespace Meshara.Cli.Tests.Running;

public sealed class SettingsFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private string File => _folder["node.json"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_AppSettings_HasTheSectionWithLines()
    {
        SettingsLayer layer = Read("\uFEFF{\r\n  // a comment\r\n  \"Logging\": { \"x\": [1] },\r\n  \"meshara\": {\r\n    \"Mesh\": \"m\", \"Seed\": null,\r\n    \"Listen\": [\"a\", \"b\"],\r\n    \"Discovery\": { \"TargetPeers\": 3, },\r\n    \"Peers\": [], \"Accept\": { \"TrustLoopback\": true }\r\n  }\r\n}");

        Assert.Equal(
            [("Meshara:Mesh", "m"), ("Meshara:Listen:0", "a"), ("Meshara:Listen:1", "b"), ("Meshara:Discovery:TargetPeers", "3"), ("Meshara:Peers", ""), ("Meshara:Accept:TrustLoopback", "true")],
            layer.Pairs.Select(p => (p.Key, p.Value)));
        Assert.Equal($"{File} line 7", layer.Find("meshara:discovery:targetpeers")?.Origin);
        Assert.Equal($"{File} line 6", layer.Find("Meshara:Listen")?.Origin);
    }

    [Theory]
    [InlineData("", " is empty. Write { \"Meshara\": { \"Mesh\": \"…\" } }.")]
    [InlineData("\u00ef\u00bb\u00bf \r\n", " is empty. Write { \"Meshara\": { \"Mesh\": \"…\" } }.")]
    [InlineData("{", "line 1, column 2: not JSON.")]
    [InlineData("{\n \"Meshara\": {\n  \"Mesh\": m\n } }", "line 3, column 11: not JSON.")]
    [InlineData("{\n \"Meshara\": { \"Mesh\": \"m\" } }\n}", "line 3, column 1: not JSON.")]
    [InlineData("{\n \"Meshara\": { \"Mesh\": \"m\" ", "not JSON.")]
    [InlineData("[]", "line 1: a JSON object is needed")]
    [InlineData("{ \"Mesh\": \"m\" }", "has no section Meshara")]
    [InlineData("{\n \"Meshara\": 7 }", "line 2: Meshara has to be an object")]
    [InlineData("{\n \"Meshara\": {}, \"MESHARA\": {} }", "line 2: the section MESHARA is there twice")]
    [InlineData("{\n \"Meshara\": {\n \"Mesh\": \"m\",\n \"mesh\": \"n\" } }", "line 4: Meshara:mesh is there twice")]
    [InlineData("{\n \"Meshara\": {\n \"Mesh\": \"\\ud800\" } }", "line 3: the text is not valid Unicode")]
    [InlineData("{\n \"Meshara\": {\n \"Mesh\": \"\u00ff\" } }", "line 3: the text is not valid Unicode")]
    public void Read_WrongFile_NamesFileAndLine(string text, string what)
    {
        System.IO.File.WriteAllBytes(File, Encoding.Latin1.GetBytes(text));

        CliException e = Assert.Throws<ConfigurationException>(() => SettingsFile.Read(File));

        Assert.StartsWith(File, e.Message, StringComparison.Ordinal);
        Assert.Contains(what, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_TooDeep_IsAnError() =>
        Assert.Contains("not JSON", Assert.Throws<ConfigurationException>(() => Read("{ \"Meshara\": { \"Listen\": " + new string('[', 100) + new string(']', 100) + " } }")).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_TooLong_IsAnError() =>
        Assert.Contains("longer than 1048576 bytes", Assert.Throws<ConfigurationException>(() => Read(new string(' ', 1 << 20) + "{}")).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_Missing_IsAnError() =>
        Assert.Contains($"{File} cannot be read", Assert.Throws<ConfigurationException>(() => SettingsFile.Read(File)).Message, StringComparison.Ordinal);

    [Fact]
    public void Put_List_TakesThePlaceOfTheWholeList()
    {
        SettingsLayer file = Read("{ \"Meshara\": { \"Listen\": [\"a\", \"b\"], \"Peers\": [\"p\"], \"Secret\": \"s\", \"Discovery\": { \"TargetPeers\": 3, \"MaxBackoff\": \"1s\" } } }");

        file.Put(SettingsLayer.OfEnvironment([
            new("MESHARA__LISTEN", "c,d"), new("meshara__peers__0", "q"), new("MESHARA__ADMISSION", "Open"), new("MESHARA__DISCOVERY__PRESET", "bridge"), new("MESHARA_PASSPHRASE", "p"), new("PATH", "x")]));

        Assert.Equal(
            ["MESHARA:ADMISSION=Open", "MESHARA:DISCOVERY:PRESET=bridge", "MESHARA:LISTEN=c,d", "Meshara:Discovery:MaxBackoff=1s", "meshara:peers:0=q"],
            file.Pairs.Select(p => $"{p.Key}={p.Value}").Order(StringComparer.Ordinal));
        Assert.Equal("MESHARA__DISCOVERY__PRESET", file.Find("Meshara:Discovery:Preset")?.Origin);
    }

    private SettingsLayer Read(string text)
    {
        System.IO.File.WriteAllText(File, text);
        return SettingsFile.Read(File);
    }
}
