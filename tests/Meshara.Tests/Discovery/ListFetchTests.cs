using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Meshara.Discovery;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Discovery;

/// <summary>Fetches over real sockets and real TLS.</summary>
public sealed class ListFetchTests : IAsyncLifetime
{
    private const string Body = "{ \"static_peers\": [] }";

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly X509Certificate2 _certificate = NewCertificate();
    private Task _server = Task.CompletedTask;

    private Uri Address => new($"https://localhost:{((IPEndPoint)_listener.LocalEndpoint).Port}/peers.json");

    public ValueTask InitializeAsync()
    {
        _listener.Start();
        _server = ServeAsync();
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _server;
        _certificate.Dispose();
        _stop.Dispose();
    }

    [Fact]
    public async Task Get_CertificateThatNobodySigned_IsRefused()
    {
        using HttpMessageInvoker http = new(ListFetch.NewHandler());

        (byte[]? bytes, string? why) = await ListFetch.GetAsync(http, Address, TimeProvider.System, CancellationToken.None).WaitAsync(NodeBed.Guard);

        Assert.Null(bytes);
        Assert.StartsWith("The server's certificate is signed by nobody whom this system trusts. Put the certificate of its authority into the system's store", why, StringComparison.Ordinal);
        Assert.Contains("SSL_CERT_FILE=ca.pem", why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_TrustedCertificate_GivesTheBody()
    {
        SocketsHttpHandler handler = (SocketsHttpHandler)ListFetch.NewHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.GetCertHashString(HashAlgorithmName.SHA256) == _certificate.GetCertHashString(HashAlgorithmName.SHA256);
        using HttpMessageInvoker http = new(handler);

        (byte[]? bytes, string? why) = await ListFetch.GetAsync(http, Address, TimeProvider.System, CancellationToken.None).WaitAsync(NodeBed.Guard);

        Assert.Null(why);
        Assert.Equal(Body, Encoding.UTF8.GetString(bytes!));
    }

    [Fact]
    public async Task Get_CertificateForAnotherName_SaysWhich()
    {
        using HttpMessageInvoker http = new(ListFetch.NewHandler());

        (_, string? why) = await ListFetch.GetAsync(http, new UriBuilder(Address) { Host = "127.0.0.1" }.Uri, TimeProvider.System, CancellationToken.None).WaitAsync(NodeBed.Guard);

        Assert.Contains("for another name than '127.0.0.1'", why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_NobodyListens_SaysSo()
    {
        Uri address = Address;
        _listener.Stop();
        using HttpMessageInvoker http = new(ListFetch.NewHandler());

        (_, string? why) = await ListFetch.GetAsync(http, address, TimeProvider.System, CancellationToken.None).WaitAsync(NodeBed.Guard);

        Assert.Contains("localhost", why, StringComparison.Ordinal);
    }

    private static X509Certificate2 NewCertificate()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=localhost", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 made = request.CreateSelfSigned(new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero), new DateTimeOffset(2100, 1, 1, 0, 0, 0, TimeSpan.Zero));

        // Windows serves no key that was never exported.
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pfx), password: null);
    }

    private async Task ServeAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                using TcpClient client = await _listener.AcceptTcpClientAsync(_stop.Token);
                await using SslStream tls = new(client.GetStream());
                await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = _certificate }, _stop.Token);
                byte[] request = new byte[4096];
                int read = 0;
                while (!Encoding.ASCII.GetString(request, 0, read).Contains("\r\n\r\n", StringComparison.Ordinal))
                {
                    int more = await tls.ReadAsync(request.AsMemory(read), _stop.Token);
                    read = more > 0 ? read + more : throw new IOException("The caller has gone.");
                }

                await tls.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {Body.Length}\r\nConnection: close\r\n\r\n{Body}"), _stop.Token);
            }
            catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
            {
                // A caller that does not trust the certificate.
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException or InvalidOperationException)
            {
                return;
            }
        }
    }
}
