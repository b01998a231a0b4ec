using System.Text;
using Microsoft.Extensions.Configuration;
using Xunit;

namespace Meshara.Tests.Configuration;

public sealed class ConfigurationReaderTests
{
    private static readonly string Id = new('a', 64);

    [Fact]
    public void FromConfiguration_AppSettings_AreRead()
    {
        NodeOptions options = FromJson($$"""
            {
              "Logging": { "LogLevel": { "Default": "Warning" } },
              "Meshara": {
                "Mesh": "fleet", // as hosts take them
                "Listen": ["127.0.0.1:0", "[::1]:0"],
                "Peers": ["h:1", "{{Id}}@h:2"],
                "Admission": "open",
                "Seed": 7,
                "MinimumTls": "tls13",
                "Agent": null,
                "Discovery": { "Preset": "bridge", "TargetPeers": 70, "BootstrapNodes": "a:1, b:2", "BootstrapLists": ["https://h/l.json"], "EnabledMethods": ["Manual", "bootstrap"], "FeelerInterval": "30s", "UpdateStaticPeersFile": false },
                "Reputation": { "ProtocolViolation": 30.5, "FirstBan": "00:30:00" },
                "Accept": { "TrustedRanges": [], "TrustLoopback": false, "AddressRate": 1e-1 },
                "Limits": { "MaxMessage": 65536, "MaxBytes": 60000000000 },
                "Timeouts": { "Connect": "2.5s", "Drain": "500ms", "MaxBackoff": "1m" },
              }
            }
            """);

        Assert.Equal("fleet", options.Mesh);
        Assert.Equal(["127.0.0.1:0", "[::1]:0"], options.Listen);
        Assert.Equal([new PeerAddress("h", 1), new PeerAddress("h", 2, NodeId.Parse(Id))], options.Peers);
        Assert.Same(Admission.Open, options.Admission);
        Assert.Equal(7, options.Seed);
        Assert.Equal(MinimumTls.Tls13, options.MinimumTls);
        Assert.Equal(new NodeOptions { Mesh = "x" }.Agent, options.Agent);
        Assert.Equal((70, 128), (options.Discovery.TargetPeers, options.Discovery.MaxPeers));
        Assert.Equal([new PeerAddress("a", 1), new PeerAddress("b", 2)], options.Discovery.BootstrapNodes);
        Assert.Equal([new Uri("https://h/l.json")], options.Discovery.BootstrapLists);
        Assert.Equal(DiscoveryMethods.Manual | DiscoveryMethods.Bootstrap, options.Discovery.EnabledMethods);
        Assert.Equal(TimeSpan.FromSeconds(30), options.Discovery.FeelerInterval);
        Assert.False(options.Discovery.UpdateStaticPeersFile);
        Assert.Equal((30.5, TimeSpan.FromMinutes(30)), (options.Reputation.ProtocolViolation, options.Reputation.FirstBan));
        Assert.Empty(options.Accept.TrustedRanges);
        Assert.Equal((false, 0.1), (options.Accept.TrustLoopback, options.Accept.AddressRate));
        Assert.Equal((65536, 60_000_000_000), (options.Limits.MaxMessage, options.Limits.MaxBytes));
        Assert.Equal((TimeSpan.FromSeconds(2.5), TimeSpan.FromMilliseconds(500), TimeSpan.FromMinutes(1)), (options.Timeouts.Connect, options.Timeouts.Drain, options.Timeouts.MaxBackoff));
    }

    // Found by fuzz/run config: it was an ArgumentException that named neither the file nor the option.
    [Fact]
    public void FromConfiguration_OneOptionWithADotAndAsASection_NamesBoth()
    {
        MesharaException fault = Assert.Throws<MesharaException>(() => FromJson("""{ "Meshara": { "Mesh": "m", "Timeouts.Connect": "5s", "Timeouts": { "Connect": "6s" } } }"""));

        Assert.Equal(MesharaErrorCode.InvalidOption, fault.Code);
        Assert.Contains("Meshara:Timeouts:Connect", fault.Message, StringComparison.Ordinal);
        Assert.Contains("Meshara:Timeouts.Connect", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FromConfiguration_Environment_GoesOverTheFile()
    {
        Environment.SetEnvironmentVariable("MESHARATEST__MESHARA__DISCOVERY__TARGETPEERS", "9");
        IConfiguration all = new ConfigurationBuilder()
            .AddJsonStream(Stream("""{ "Meshara": { "Mesh": "m", "Discovery": { "TargetPeers": 3, "MaxPeers": 12 } } }"""))
            .AddEnvironmentVariables("MESHARATEST__")
            .Build();

        NodeOptions options = NodeOptions.FromConfiguration(all.GetSection("Meshara"));

        Assert.Equal((9, 12), (options.Discovery.TargetPeers, options.Discovery.MaxPeers));
    }

    [Theory]
    [InlineData("Discovery:TargetPeers", "40", "Meshara:Discovery:TargetPeers is 40; 0 to 32 is allowed.")]
    [InlineData("Discovery:TargetPeers", "many", "Meshara:Discovery:TargetPeers is 'many'; a whole number is allowed; the range is 0 to 32.")]
    [InlineData("Discovery:TargetPeers", "1.5", "Meshara:Discovery:TargetPeers is '1.5'; a whole number is allowed; the range is 0 to 32.")]
    [InlineData("Discovery:MaxPeers", "99999999999", "Meshara:Discovery:MaxPeers is '99999999999'; 1 to 4096 is allowed.")]
    [InlineData("Discovery:FeelerInterval", "30", "Meshara:Discovery:FeelerInterval is '30'; a time with its unit is allowed: 00:00:30, 500ms, 30s, 5m, 1h or 7d; the range is 00:00:01 to 1.00:00:00.")]
    [InlineData("Limits:MaxBytes", "99999999999999999999", "Meshara:Limits:MaxBytes is '99999999999999999999'; 16384 to ")]
    [InlineData("Limits:MaxMessages", "x", "Meshara:Limits:MaxMessages is 'x'; a whole number is allowed; the range is 1 to 1000000000.")]
    [InlineData("Reputation:BanAt", "low", "Meshara:Reputation:BanAt is 'low'; a number with a point for parts of one is allowed; the range is -")]
    [InlineData("Seed", "99999999999", "Meshara:Seed is '99999999999'; -2147483648 to 2147483647 is allowed.")]
    [InlineData("Discovery:TargetPeers", "99999999999", "Meshara:Discovery:TargetPeers is '99999999999'; 0 to 32 is allowed.")]
    [InlineData("Discovery:TargetPeers", "", "Meshara:Discovery:TargetPeers is ''; a whole number is allowed; the range is 0 to 32.")]
    [InlineData("Discovery:TargetPeers:0", "3", "Meshara:Discovery:TargetPeers has parts (Meshara:Discovery:TargetPeers:0); one value is allowed.")]
    [InlineData("discovery:maxpeers", "-1", "Meshara:discovery:maxpeers is -1; 1 to 4096 is allowed.")]
    [InlineData("Discovery:EnabledMethods", "Bootstrap,Mdns", "Meshara:Discovery:EnabledMethods is 'Mdns'; None, Manual, LocalMdns, Bootstrap, StaticFile, PeerExchange, All are allowed.")]
    [InlineData("Discovery:Preset", "large", "Meshara:Discovery:Preset is 'large'; Minimal, Standard, Bridge are allowed.")]
    [InlineData("Discovery:BootstrapNodes:0", "h:70000", "Meshara:Discovery:BootstrapNodes:0 is 'h:70000'; that is not an address: ")]
    [InlineData("Peers", "h:1, h:70000, h:2", "Meshara:Peers is 'h:70000'; that is not an address: ")]
    [InlineData("Discovery:BootstrapNodes:x", "h:7", "Meshara:Discovery:BootstrapNodes:x is no entry of a list; ")]
    [InlineData("Discovery:BootstrapLists", "http://h/", "Meshara:Discovery:BootstrapLists has 'http://h/'; https://… is allowed.")]
    [InlineData("Discovery", "bridge", "Meshara:Discovery is 'bridge'; a section with options is allowed, such as Meshara:Discovery:TargetPeers.")]
    [InlineData("Discovery:TargetPeer", "3", "Meshara:Discovery:TargetPeer is not an option; the nearest is Meshara:Discovery:TargetPeers.")]
    [InlineData("TargetPeers", "3", "Meshara:TargetPeers is not an option; the nearest is Meshara:Discovery:TargetPeers.")]
    [InlineData("Limit:MaxMessage", "3", "Meshara:Limit is not an option; the nearest is Meshara:Limits.")]
    [InlineData("Secretfile2", "3", "Meshara:Secretfile2 is not an option; the nearest is Meshara:SecretFile.")]
    [InlineData("Identity", "3", "Meshara:Identity can only be set in code.")]
    [InlineData("Timeouts:Connect", "30", "Meshara:Timeouts:Connect is '30'; a time with its unit is allowed: 00:00:30, 500ms, 30s, 5m, 1h or 7d; the range is more than 0 and at most 7 days.")]
    [InlineData("Timeouts:Connect", "8d", "Meshara:Timeouts:Connect is 8.00:00:00; more than 0 and at most 7 days are allowed.")]
    [InlineData("Accept:TrustLoopback", "yes", "Meshara:Accept:TrustLoopback is 'yes'; true or false is allowed.")]
    [InlineData("Accept:AddressRate", "NaN", "Meshara:Accept:AddressRate is NaN; 0.001 to 1000000 a second is allowed.")]
    [InlineData("Reputation:HalfLife", "1s", "Meshara:Reputation:HalfLife is 00:00:01; 00:00:10 to 1.00:00:00 is allowed.")]
    [InlineData("Limits:MaxMessage", "3", "Meshara:Limits:MaxMessage is 3; 1024 to 1073741824 is allowed.")]
    [InlineData("Limits:MaxStreams", "2048", "Meshara:Limits:MaxStreams is '2048'; with that Meshara:Limits:LinkBudget, which is not written here, is 50331648; 67108864 to 2147483647 is allowed.")]
    [InlineData("Admission", "everybody", "Meshara:Admission is 'everybody'; KnownPeers and Open are allowed; for a secret write Secret or SecretFile instead.")]
    [InlineData("Admission", "Secret", "Meshara:Admission is 'Secret'; KnownPeers and Open are allowed; for a secret write Secret or SecretFile instead.")]
    [InlineData("Secret", "", "Meshara:Secret is empty; at least 1 character is allowed.")]
    [InlineData("IdentityPassphrase", "open sesame", "Meshara:IdentityPassphrase is for the identity file in DataDirectory, and there is none to open.")]
    [InlineData("Mesh", "", "Meshara:Mesh has 0 bytes of UTF-8; 1 to 64 are allowed.")]
    public void FromConfiguration_WrongValueOrKey_NamesKeyValueAndRange(string key, string value, string message)
    {
        MesharaException e = Assert.Throws<MesharaException>(() => From(key == "Mesh" ? [(key, value)] : [("Mesh", "m"), (key, value)]));

        Assert.Equal(MesharaErrorCode.InvalidOption, e.Code);
        Assert.StartsWith(message, e.Message, StringComparison.Ordinal);
        Assert.Equal(message.Split(' ')[0], e.Option);
    }

    [Fact]
    public void FromConfiguration_NoNumberBesideAWrittenBound_NamesThatBound()
    {
        MesharaException e = Assert.Throws<MesharaException>(() => From(("Mesh", "m"), ("Discovery:TargetPeers", "many"), ("Discovery:MaxPeers", "100")));

        Assert.EndsWith("; the range is 0 to 100.", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FromConfiguration_ValuesThatNeedAnUnwrittenOne_AreAllNamedAndNoOther()
    {
        MesharaException e = Assert.Throws<MesharaException>(() => From(("Mesh", "m"), ("Seed", "3"), ("Limits:InitialWindow", "65536"), ("Limits:MaxStreams", "2048")));

        Assert.Equal("Meshara:Limits:InitialWindow", e.Option);
        Assert.Equal(
            "Meshara:Limits:InitialWindow is '65536' and Meshara:Limits:MaxStreams is '2048'; with that Meshara:Limits:LinkBudget, which is not written here, is 50331648; 268435456 to 2147483647 is allowed.",
            e.Message);
    }

    [Fact]
    public void FromConfiguration_NoMesh_IsAskedFor()
    {
        MesharaException e = Assert.Throws<MesharaException>(() => From());

        Assert.Equal("Meshara:Mesh", e.Option);
        Assert.Equal("other", NodeOptions.FromConfiguration(Section(), new NodeOptions { Mesh = "other" }).Mesh);
    }

    [Fact]
    public void FromConfiguration_Defaults_AreWhatIsNotWritten()
    {
        NodeOptions defaults = new() { Mesh = "m", Seed = 3, Discovery = DiscoveryOptions.Minimal, Timeouts = new NodeTimeouts { Tls = TimeSpan.FromSeconds(9) } };

        NodeOptions options = NodeOptions.FromConfiguration(Section(("Timeouts:Hello", "8s")), defaults);

        Assert.Equal(defaults with { Timeouts = defaults.Timeouts with { Hello = TimeSpan.FromSeconds(8) } }, options);
    }

    [Fact]
    public void FromConfiguration_OnlyMaxPeers_LowersTheTarget() =>
        Assert.Equal((8, 8), From(("Mesh", "m"), ("Discovery:MaxPeers", "8")).Discovery is { } d ? (d.TargetPeers, d.MaxPeers) : default);

    [Fact]
    public void FromConfiguration_TextAndList_IsAnErrorThatSaysSo()
    {
        MesharaException e = Assert.Throws<MesharaException>(() => From(("Mesh", "m"), ("Listen", "h:1"), ("Listen:0", "h:2")));

        Assert.Equal("Meshara:Listen", e.Option);
        Assert.Contains("one form", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FromConfiguration_WrongEntryOfAList_IsNamedAlone()
    {
        MesharaException e = Assert.Throws<MesharaException>(() => From(("Mesh", "m"), ("Peers:0", "h:1"), ("Peers:1", "h:70000"), ("Peers:2", "h:2")));

        Assert.Equal("Meshara:Peers:1", e.Option);
        Assert.StartsWith("Meshara:Peers:1 is 'h:70000'; that is not an address: ", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("h:1", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FromConfiguration_Secret_AdmitsBySecret()
    {
        Assert.True(Admission.Secret("s3").IsSameAs(From(("Mesh", "m"), ("Secret", "s3")).Admission));
        Assert.True(Admission.Secret("s3").IsSameAs(From(("Mesh", "m"), ("Secret", "s3"), ("Admission", "secret")).Admission));
        Assert.Equal("Meshara:Admission", Assert.Throws<MesharaException>(() => From(("Mesh", "m"), ("Secret", "s3"), ("Admission", "Open"))).Option);
        Assert.Equal("Meshara:SecretFile", Assert.Throws<MesharaException>(() => From(("Mesh", "m"), ("Secret", "s3"), ("SecretFile", "f"))).Option);
    }

    [Fact]
    public void FromConfiguration_SecretFile_IsReadWithoutWhiteSpace()
    {
        using TempFolder folder = new();
        string path = Path.Combine(folder.Path, "secret");
        File.WriteAllText(path, "\uFEFF s3 \r\n");

        Assert.True(Admission.Secret("s3").IsSameAs(From(("Mesh", "m"), ("SecretFile", path)).Admission));
    }

    [Theory]
    [InlineData(null, "cannot be read")]
    [InlineData("", "is empty")]
    [InlineData("\u00ff", "cannot be read")]
    [InlineData("long", "longer than 65536 bytes")]
    public void FromConfiguration_WrongSecretFile_NamesKeyAndFile(string? content, string what)
    {
        using TempFolder folder = new();
        string path = Path.Combine(folder.Path, "secret");
        if (content is not null)
        {
            File.WriteAllBytes(path, content == "long" ? new byte[65537] : Encoding.Latin1.GetBytes(content));
        }

        MesharaException e = Assert.Throws<MesharaException>(() => From(("Mesh", "m"), ("SecretFile", path)));

        Assert.Equal("Meshara:SecretFile", e.Option);
        Assert.Contains(path, e.Message, StringComparison.Ordinal);
        Assert.Contains(what, e.Message, StringComparison.Ordinal);
        Assert.Matches("[^.][.]$", e.Message);
    }

    [Fact]
    public async Task FromConfiguration_SecretFileIsAPipe_IsRefusedAtOnce()
    {
        using TempFolder folder = new();
        string path = await Fifo.MakeAsync(folder["secret"]);

        Task<MesharaException> reading = Task.Run(() => Assert.Throws<MesharaException>(() => From(("Mesh", "m"), ("SecretFile", path))));

        Assert.Equal($"Meshara:SecretFile names '{path}', which is a pipe; a regular file is allowed.", (await reading.WaitAsync(TimeSpan.FromSeconds(30))).Message);
    }

    [Fact]
    public void FromConfiguration_WrongSecretOrPassphrase_IsNotShown()
    {
        foreach (string key in (string[])["Secret", "IdentityPassphrase"])
        {
            MesharaException e = Assert.Throws<MesharaException>(() => From(("Mesh", "m"), (key, "open sesame"), ($"{key}:0", "open sesame")));

            Assert.DoesNotContain("sesame", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void FromConfiguration_Root_HasNoSectionInItsKeys()
    {
        IConfiguration root = new ConfigurationBuilder().AddInMemoryCollection([new("Mesh", "m"), new("Discovery:TargetPeers", "x")]).Build();

        Assert.Equal("Discovery:TargetPeers", Assert.Throws<MesharaException>(() => NodeOptions.FromConfiguration(root)).Option);
    }

    [Fact]
    public void ToString_Options_HasNoPassphrase() =>
        Assert.Equal("NodeOptions { Mesh = m }", new NodeOptions { Mesh = "m", IdentityPassphrase = "open sesame" }.ToString());

    private static NodeOptions From(params (string Key, string Value)[] pairs) => NodeOptions.FromConfiguration(Section(pairs));

    private static IConfigurationSection Section(params (string Key, string Value)[] pairs) =>
        new ConfigurationBuilder().AddInMemoryCollection(pairs.Select(p => new KeyValuePair<string, string?>($"Meshara:{p.Key}", p.Value))).Build().GetSection("Meshara");

    private static NodeOptions FromJson(string json) =>
        NodeOptions.FromConfiguration(new ConfigurationBuilder().AddJsonStream(Stream(json)).Build().GetSection("Meshara"));

    private static MemoryStream Stream(string json) => new(Encoding.UTF8.GetBytes(json));
}
