using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;

namespace Meshara.Benchmarks.Scale;

/// <summary>Accepts bare TLS connections and keeps a read pending on each, if it is told to.</summary>
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
    private bool _reading;
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
            // Whom to expect, which check, and whether to read.
            case ["expect", string peer, string check, string read]:
                (_peer, _full, _reading) = (PublicKey.Parse(peer), check == "full", read == "read");
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
        if (_reading)
        {
            while (await stream.ReadAsync(new byte[ReadSize]) > 0)
            {
                // Nothing is ever sent.
            }
        }
    }
}

/// <summary>Holds bare TLS connections to a server, with nothing said.</summary>
internal sealed class RawClientsRole : IScaleRole
{
    private readonly RawTls _tls = new();
    private readonly ConcurrentBag<SslStream> _streams = [];

    public Task<string> StartAsync() => Task.FromResult(_tls.Pin);

    public async Task<string> DoAsync(string[] order)
    {
        // connect COUNT PORT PIN
        PublicKey pin = PublicKey.Parse(order[3]);
        int port = int.Parse(order[2], CultureInfo.InvariantCulture);
        await AtOnce.RunAsync(int.Parse(order[1], CultureInfo.InvariantCulture), async _ => _streams.Add(await _tls.ConnectAsync(port, pin, full: false)));
        return "ok";
    }

    public async ValueTask DisposeAsync()
    {
        foreach (SslStream stream in _streams)
        {
            await stream.DisposeAsync();
        }

        _tls.Dispose();
    }
}
