using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using Meshara.Cli.Commands;
using Meshara.Cli.Running;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Meshara.Cli.Tests.Running;

public sealed class NodeStarterTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly TcpListener _taken = new(IPAddress.Loopback, 0);

    public NodeStarterTests() => _taken.Start();

    private string Taken => $"127.0.0.1:{((IPEndPoint)_taken.LocalEndpoint).Port}";

    public void Dispose()
    {
        _taken.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task StartAsync_NothingAskedFor_TakesTheDefaultAndKeepsItsPort()
    {
        int port;
        await using (Node first = await StartAsync([], ["127.0.0.1"]))
        {
            port = Assert.Single(first.Addresses).Port;
            Assert.InRange(port, NodeStarter.DefaultPort, NodeStarter.LastPort);
        }

        Assert.Equal($"{port}\n", await File.ReadAllTextAsync(Path.Combine(_folder["data"], "port")));
    }

    [Fact]
    public async Task StartAsync_ExplicitPortTaken_IsAnError()
    {
        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => StartAsync([Taken], []));

        Assert.Equal(MesharaErrorCode.ListenFailed, e.Code);
    }

    [Fact]
    public async Task StartAsync_Advertised_IsWhatTheNodeShows()
    {
        await using Node node = await StartAsync(["127.0.0.1:0"], [], "example.org:7");

        Assert.Equal("example.org:7", Assert.Single(node.Addresses).HostAndPort);
    }

    [Fact]
    public void Everywhere_ThisMachine_IsIPv4AndWhereThereIsOneIPv6WithoutAPort() =>
        Assert.Equal("0.0.0.0", TcpTransport.Everywhere[0]);

    // What was not given is the preset's; a target above the most peers is lowered.
    [Theory]
    [InlineData("", 16, 32)]
    [InlineData("--preset minimal", 4, 8)]
    [InlineData("--preset bridge", 64, 128)]
    [InlineData("--preset BRIDGE", 64, 128)]
    [InlineData("--preset bridge --target-peers 100", 100, 128)]
    [InlineData("--max-peers 2", 2, 2)]
    [InlineData("--target-peers 0 --max-peers 1", 0, 1)]
    [InlineData("--max-peers 4096 --target-peers 4096", 4096, 4096)]
    public void Discovery_PresetAndSingleValues_TheValuesCountMore(string line, int target, int max)
    {
        MeshArguments arguments = new();
        Command command = new("run");
        arguments.AddTo(command, static _ => true);

        ParseResult parsed = command.Parse([.. line.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--bootstrap", "192.0.2.1:1", "--bootstrap", "example.org:2", "--trusted-range", "10.0.0.0/8"]);

        Assert.Empty(parsed.Errors);
        DiscoveryOptions discovery = arguments.Discovery(parsed);
        Assert.Equal((target, max), (discovery.TargetPeers, discovery.MaxPeers));
        Assert.Equal(["192.0.2.1:1", "example.org:2"], discovery.BootstrapNodes.Select(static address => address.HostAndPort));
        Assert.Equal(["10.0.0.0/8"], arguments.TrustedRanges(parsed));
    }

    [Theory]
    [InlineData("--target-peers 0 --bootstrap 192.0.2.1:1", "--bootstrap has no effect")]
    [InlineData("--trusted-range 0.0.0.0/0", "--trusted-range 0.0.0.0/0 is everybody with IPv4")]
    [InlineData("--trusted-range ::/0", "--trusted-range ::/0 is everybody with IPv6")]
    [InlineData("--target-peers 0 --trusted-range 0.0.0.0/1", null)]
    [InlineData("--bootstrap 192.0.2.1:1", null)]
    public void Warnings_WhatMayNotBeMeant_IsSaid(string line, string? says)
    {
        MeshArguments arguments = new();
        Command command = new("run");
        arguments.AddTo(command, static _ => true);

        string[] warnings = [.. arguments.Warnings(command.Parse(line.Split(' ')))];

        Assert.Equal(says is null ? 0 : 1, warnings.Length);
        Assert.StartsWith(says ?? "", warnings.FirstOrDefault() ?? "", StringComparison.Ordinal);
    }

    private Task<Node> StartAsync(IReadOnlyList<string> listen, IReadOnlyList<string> defaultListen, params string[] advertise) => Node.StartAsync(NodeStarter.Options(
        new RunSettings
        {
            DataDirectory = _folder["data"],
            Mesh = "test",
            Listen = listen,
            Advertise = advertise,
            Peers = [],
            Open = false,
            Json = false,
            LogLevel = LogLevel.None,
        },
        Admission.KnownPeers,
        defaultListen));
}
