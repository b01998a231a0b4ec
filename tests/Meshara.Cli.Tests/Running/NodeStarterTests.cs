using System.Net;
using System.Net.Sockets;
using Meshara.Cli.Running;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
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
        null,
        NullLoggerFactory.Instance,
        defaultListen,
        null));
}
