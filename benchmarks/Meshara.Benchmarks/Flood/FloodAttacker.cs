using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;

namespace Meshara.Benchmarks.Flood;

/// <summary>Connects as often as it is told, sends a ClientHello, and then says nothing more; holds eight silent sockets from two networks besides.</summary>
internal sealed class FloodAttacker(IPEndPoint target, int rate, int sources, byte[] hello)
{
    private const int MostAtOnce = 1500;
    private const int MostWhole = 500;

    private static readonly SslApplicationProtocol Protocol = new("meshara/1");

    // An attacker that waits longer has fewer sockets for new connects.
    private static readonly TimeSpan Hold = TimeSpan.FromSeconds(3);

    private readonly SslStreamCertificateContext _certificate = CreateCertificate();
    private volatile bool _resting = true;
    private long _made;

    public static async Task<int> RunAsync(string address, int rate, int sources)
    {
        FloodAttacker attacker = new(IPEndPoint.Parse(PeerAddress.Parse(address).HostAndPort), rate, sources, await CaptureHelloAsync());
        using CancellationTokenSource end = new();
        Task[] work = [attacker.FloodAsync(end.Token), .. Enumerable.Range(0, 8).Select(i => attacker.StaySilentAsync(FloodSources.Silent(i), end.Token))];
        while (await Console.In.ReadLineAsync() is { } order)
        {
            attacker._resting = order == "rest";
            await Console.Out.WriteLineAsync(Interlocked.Read(ref attacker._made).ToString(CultureInfo.InvariantCulture));
        }

        await end.CancelAsync();
        await Task.WhenAll(work).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return 0;
    }

    private async Task FloodAsync(CancellationToken end)
    {
        // What could not be begun in time is dropped: the rate is an upper bound, and what was made is printed.
        var queue = Channel.CreateBounded<(IPAddress, bool)>(new BoundedChannelOptions(Math.Max(10, rate / 10)) { FullMode = BoundedChannelFullMode.DropWrite });
        Task[] workers = [.. Enumerable.Range(0, rate == 0 ? 0 : MostAtOnce).Select(_ => Task.Run(() => WorkAsync(queue.Reader, end), end))];
        using PeriodicTimer tick = new(TimeSpan.FromMilliseconds(2), TimeProvider.System);
        long last = Clock.Now;
        double due = 0;
        for (long begun = 0; await tick.WaitForNextTickAsync(end);)
        {
            due += _resting ? 0 : Clock.Since(last).TotalSeconds * rate;
            last = Clock.Now;
            for (; due >= 1; due--, begun++)
            {
                queue.Writer.TryWrite((FloodSources.Attacker(begun % sources), begun / sources % Math.Max(2, rate / MostWhole) == 0));
            }
        }

        await Task.WhenAll(workers);
    }

    private async Task WorkAsync(ChannelReader<(IPAddress, bool)> queue, CancellationToken end)
    {
        await foreach ((IPAddress source, bool whole) in queue.ReadAllAsync(end))
        {
            await AttackAsync(source, whole, end);
        }
    }

    private async Task AttackAsync(IPAddress source, bool whole, CancellationToken end)
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { LingerState = new LingerOption(true, 0) };
        using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(end);
        late.CancelAfter(Hold);
        try
        {
            socket.Bind(new IPEndPoint(source, 0));
            await socket.ConnectAsync(target, late.Token);
            Interlocked.Increment(ref _made);
        }
        catch (SocketException e)
        {
            // A reset: it was made, and refused before that was known here.
            Interlocked.Add(ref _made, e.SocketErrorCode == SocketError.ConnectionReset ? 1 : 0);
            return;
        }

        try
        {
            if (whole)
            {
                await ShakeAsync(socket, late.Token);
                return;
            }

            await socket.SendAsync(hello, late.Token);
            byte[] buffer = new byte[4096];
            while (await socket.ReceiveAsync(buffer, late.Token) > 0)
            {
                // It has a place: hold it.
            }
        }
        catch (Exception e) when (e is SocketException or IOException or AuthenticationException or OperationCanceledException)
        {
            // Refused, or held to the end.
        }
    }

    private async Task ShakeAsync(Socket socket, CancellationToken end)
    {
        await using NetworkStream stream = new(socket, ownsSocket: false);
        await using SslStream tls = new(stream);
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "",
                ApplicationProtocols = [Protocol],
                ClientCertificateContext = _certificate,
#pragma warning disable CA5359 // An attacker believes everybody.
                RemoteCertificateValidationCallback = static (_, _, _, _) => true,
#pragma warning restore CA5359
            },
            end);
        while (await tls.ReadAsync(new byte[4096], end) > 0)
        {
            // HELLO; it gets none back.
        }
    }

    private static SslStreamCertificateContext CreateCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        return SslStreamCertificateContext.Create(
            new CertificateRequest("CN=attacker", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddDays(1)), additionalCertificates: null, offline: true);
    }

    private async Task StaySilentAsync(string source, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { LingerState = new LingerOption(true, 0) };
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Parse(source), 0));
                await socket.ConnectAsync(target, end);
                await socket.ReceiveAsync(new byte[1], end);
            }
            catch (SocketException)
            {
                // Closed; once more.
            }

            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, end);
        }
    }

    private static async Task<byte[]> CaptureHelloAsync()
    {
        await using FirstWrite first = new();
        await using SslStream tls = new(first);
        try
        {
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "", ApplicationProtocols = [Protocol] });
        }
        catch (IOException)
        {
            // Nobody answers.
        }

        return first.Bytes;
    }

    private sealed class FirstWrite : MemoryStream
    {
        public byte[] Bytes { get; private set; } = [];

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.FromResult(0);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Bytes = Bytes.Length == 0 ? buffer.ToArray() : Bytes;
            return ValueTask.CompletedTask;
        }
    }
}
