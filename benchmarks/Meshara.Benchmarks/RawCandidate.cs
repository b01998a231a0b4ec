using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Meshara.Benchmarks;

/// <summary>The yardstick: a bare SslStream with the TLS settings of Meshara and nothing on top but a 4-byte length.</summary>
internal sealed class RawCandidate : ICandidate, IDisposable
{
    private static readonly SslApplicationProtocol Protocol = new("meshara/1");

    private readonly Lazy<X509Certificate2> _certificate = new(CreateCertificate);

    public string Name => "raw SslStream";

    public bool Supports(Workload workload) => workload.Shape != Shape.Messages || workload.Concurrency == 1;

    public string Introduce() => Fingerprint(_certificate.Value);

    public async Task ServeAsync(string parent, Action<string> ready, CancellationToken cancellationToken)
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        ready($"{((IPEndPoint)listener.LocalEndpoint).Port}/{Introduce()}");

        using Socket socket = await listener.AcceptSocketAsync(cancellationToken);
        socket.NoDelay = true;
        await using SslStream stream = new(new NetworkStream(socket));
        await stream.AuthenticateAsServerAsync(
            new SslServerAuthenticationOptions
            {
                ServerCertificateContext = Context(),
                ClientCertificateRequired = true,
                EnabledSslProtocols = SslProtocols.Tls13,
                ApplicationProtocols = [Protocol],
                AllowTlsResume = false,
                AllowRenegotiation = false,
                CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
                RemoteCertificateValidationCallback = (_, certificate, _, _) => Fingerprint(certificate) == parent,
            },
            cancellationToken);
        await new RawServer(stream).RunAsync(cancellationToken);
    }

    public async Task<IClient> ConnectAsync(string address, CancellationToken cancellationToken)
    {
        string[] parts = address.Split('/');
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, int.Parse(parts[0]), cancellationToken);
        SslStream stream = new(new NetworkStream(socket, ownsSocket: true));
        await stream.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "",
                ClientCertificateContext = Context(),
                EnabledSslProtocols = SslProtocols.Tls13,
                ApplicationProtocols = [Protocol],
                AllowTlsResume = false,
                AllowRenegotiation = false,
                CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
                RemoteCertificateValidationCallback = (_, certificate, _, _) => Fingerprint(certificate) == parts[1],
            },
            cancellationToken);
        return new RawClient(stream);
    }

    public void Dispose()
    {
        if (_certificate.IsValueCreated)
        {
            _certificate.Value.Dispose();
        }
    }

    private static X509Certificate2 CreateCertificate()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=benchmark", key, HashAlgorithmName.SHA256);
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        using X509Certificate2 made = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        // Windows cannot use an ephemeral key for TLS: once through PKCS#12.
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }

    private static string Fingerprint(X509Certificate? certificate) =>
        certificate is X509Certificate2 full ? Convert.ToHexString(SHA256.HashData(full.PublicKey.ExportSubjectPublicKeyInfo())) : "";

    private SslStreamCertificateContext Context() =>
        SslStreamCertificateContext.Create(_certificate.Value, additionalCertificates: null, offline: true);
}
