using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;

namespace Meshara.Benchmarks.Scale;

/// <summary>Accepts bare TLS connections and does with each what it is told: nothing, keep a read pending, or serve it as the yardstick of the comparison does.</summary>
internal sealed class RawServerRole : IScaleRole
{
    // Each link of the library has one too; a bare program would hardly take less.
    private const int ReadSize = 4096;

    private readonly RawTls _tls = new();
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentBag<SslStream> _streams = [];
    private readonly ConcurrentBag<Task> _reads = [];
    private PublicKey? _peer;
    private bool _full;
    private string _use = "silent";
    private int _made;
    private Task _accepting = Task.CompletedTask;

    public Task<string> StartAsync()
    {
        _listener.Start(backlog: 4096);
        return Task.FromResult(string.Create(CultureInfo.InvariantCulture, $"{((IPEndPoint)_listener.LocalEndpoint).Port} {_tls.Pin}"));
    }

    public async Task<string> DoAsync(string[] order)
    {
        switch (order)
        {
            // Whom to expect, which check, and what for.
            case ["expect", string peer, string check, string use]:
                (_peer, _full, _use) = (PublicKey.Parse(peer), check == "full", use);
                _accepting = _accepting.IsCompleted ? Task.Run(AcceptAllAsync) : _accepting;
                return "ok";
            case ["await", string count]:
                while (Volatile.Read(ref _made) < int.Parse(count, CultureInfo.InvariantCulture))
                {
                    await Task.Yield();
                }

                return "ok";
            case ["drop"]:
                while (_streams.TryTake(out SslStream? stream))
                {
                    await stream.DisposeAsync();
                }

                Volatile.Write(ref _made, 0);
                return "ok";
            default:
                return ProcessMemory.Collect().ToString();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await DoAsync(["drop"]);
        await Task.WhenAll([.. _reads, _accepting]).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _tls.Dispose();
    }

    private async Task AcceptAllAsync()
    {
        while (true)
        {
            Socket socket = await _listener.AcceptSocketAsync();
            _reads.Add(Task.Run(() => ServeAsync(socket)));
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        SslStream stream = await _tls.AcceptAsync(socket, _peer!, _full);
        _streams.Add(stream);
        Interlocked.Increment(ref _made);
        switch (_use)
        {
            case "read":
                while (await stream.ReadAsync(new byte[ReadSize]) > 0)
                {
                    // Nothing is ever sent.
                }

                break;
            case "serve":
                await new RawServer(stream, stream).RunAsync(CancellationToken.None);
                break;
            default:
                break;
        }
    }
}

/// <summary>Holds bare TLS connections to a server, with nothing said or as much as can be.</summary>
internal sealed class RawClientsRole : IScaleRole
{
    // Packed into ten writes of 64 KiB; then the server says that it has them.
    private const int Batch = 10_000;

    private static readonly Workload Messages = new("64 B messages", Shape.Messages, 64, 1);

    private readonly RawTls _tls = new();
    private readonly ConcurrentBag<SslStream> _streams = [];

    public Task<string> StartAsync() => Task.FromResult(_tls.Pin);

    public async Task<string> DoAsync(string[] order)
    {
        switch (order)
        {
            case ["connect", string count, string port, string pin]:
                await AtOnce.RunAsync(int.Parse(count, CultureInfo.InvariantCulture), async _ => _streams.Add(await _tls.ConnectAsync(int.Parse(port, CultureInfo.InvariantCulture), PublicKey.Parse(pin), full: false)));
                return "ok";
            case ["send", string seconds]:
                TimeSpan duration = TimeSpan.FromSeconds(double.Parse(seconds, CultureInfo.InvariantCulture));
                long[] sent = await Task.WhenAll(_streams.Select(s => Task.Run(() => SendAsync(s, duration))));
                return sent.Sum().ToString(CultureInfo.InvariantCulture);
            default:
                throw new ArgumentException($"No order is called {order[0]}.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (SslStream stream in _streams)
        {
            await stream.DisposeAsync();
        }

        _tls.Dispose();
    }

    private static async Task<long> SendAsync(SslStream stream, TimeSpan duration)
    {
        RawClient client = new(stream, stream, stream);
        long sent = 0;
        for (long start = Clock.Now; Clock.Since(start) < duration; sent += Batch)
        {
            await client.RunAsync(Messages, Batch, [], CancellationToken.None);
        }

        return sent;
    }
}
