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
    public async Task StartAsync_DefaultPortTaken_TakesTheNext()
    {
        List<int> tried = [];
        await using Node node = await StartAsync([], port =>
        {
            tried.Add(port);
            return [tried.Count < 3 ? Taken : "127.0.0.1:0"];
        });

        Assert.Equal([4040, 4041, 4042], tried);
        Assert.Single(node.Addresses);
    }

    [Fact]
    public async Task StartAsync_AllDefaultPortsTaken_SaysSo()
    {
        List<int> tried = [];
        CliException e = await Assert.ThrowsAsync<CliException>(() => StartAsync([], port =>
        {
            tried.Add(port);
            return [Taken];
        }));

        Assert.Equal(Enumerable.Range(4040, 64), tried);
        Assert.Contains("--listen", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StartAsync_ExplicitPortTaken_IsAnError()
    {
        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => StartAsync([Taken], _ => throw new InvalidOperationException()));

        Assert.Equal(MesharaErrorCode.ListenFailed, e.Code);
    }

    private Task<Node> StartAsync(IReadOnlyList<string> listen, Func<int, IReadOnlyList<string>> defaultListen) => NodeStarter.StartAsync(
        new RunSettings
        {
            DataDirectory = _folder["data"],
            Mesh = "test",
            Listen = listen,
            Peers = [],
            Open = false,
            Json = false,
            LogLevel = LogLevel.None,
        },
        Admission.KnownPeers,
        null,
        NullLoggerFactory.Instance,
        defaultListen,
        CancellationToken.None);
}
