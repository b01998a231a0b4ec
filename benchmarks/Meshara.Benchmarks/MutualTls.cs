using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Meshara.Benchmarks;

/// <summary>The TLS settings of Meshara for those beside it: TLS 1.3, a P-256 certificate on each side, each pinned by the other.</summary>
internal sealed class MutualTls : IDisposable
{
    private readonly Lazy<X509Certificate2> _certificate = new(CreateCertificate);

    /// <summary>What the other side pins, in hexadecimal.</summary>
    public string Pin => Fingerprint(_certificate.Value);

    /// <summary>For the side that accepts; without a protocol none is negotiated, or whoever gets these names his own.</summary>
    public SslServerAuthenticationOptions Server(string pin, SslApplicationProtocol? protocol = null) => new()
    {
        ServerCertificateContext = Context(),
        ClientCertificateRequired = true,
        EnabledSslProtocols = SslProtocols.Tls13,
        ApplicationProtocols = protocol is { } named ? [named] : null,
        AllowTlsResume = false,
        AllowRenegotiation = false,
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        RemoteCertificateValidationCallback = Pins(pin),
    };

    /// <summary>For the side that connects.</summary>
    public SslClientAuthenticationOptions Client(string pin, SslApplicationProtocol? protocol = null) => new()
    {
        TargetHost = "",
        ClientCertificateContext = Context(),
        EnabledSslProtocols = SslProtocols.Tls13,
        ApplicationProtocols = protocol is { } named ? [named] : null,
        AllowTlsResume = false,
        AllowRenegotiation = false,
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        RemoteCertificateValidationCallback = Pins(pin),
    };

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

    private static RemoteCertificateValidationCallback Pins(string pin) => (_, certificate, _, _) => Fingerprint(certificate) == pin;

    private static string Fingerprint(X509Certificate? certificate) =>
        certificate is X509Certificate2 full ? Convert.ToHexString(SHA256.HashData(full.PublicKey.ExportSubjectPublicKeyInfo())) : "";

    private SslStreamCertificateContext Context() =>
        SslStreamCertificateContext.Create(_certificate.Value, additionalCertificates: null, offline: true);
}
