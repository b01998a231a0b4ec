using System.ComponentModel;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Meshara.Security;

/// <summary>How TLS is asked for and what of its outcome is accepted, wire protocol section 3.</summary>
internal static class TlsRules
{
    // 0x80090367, SEC_E_APPLICATION_PROTOCOL_MISMATCH of SChannel.
    private const int SchannelNoApplicationProtocol = unchecked((int)0x80090367);

    // SSL_R_NO_APPLICATION_PROTOCOL and SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL (sslerr.h), seen by the server and by the client.
    private const int OpenSslNoApplicationProtocol = 235;
    private const int OpenSslAlertNoApplicationProtocol = 1120;

    /// <summary>ALPN, RFC 7301.</summary>
    public static readonly SslApplicationProtocol Protocol = new("meshara/1");

    /// <summary>Options of the dialer.</summary>
    public static SslClientAuthenticationOptions ForDialer(NodeCertificate own, MinimumTls minimum, RemoteCertificateValidationCallback check) => new()
    {
        // Empty: no SNI is sent, and no name is compared.
        TargetHost = string.Empty,
        ClientCertificateContext = own.Context,
        ApplicationProtocols = [Protocol],
        EnabledSslProtocols = Versions(minimum),
        RemoteCertificateValidationCallback = check,
        CertificateChainPolicy = NewChainPolicy(),
        AllowRenegotiation = false,
        AllowTlsResume = false,
    };

    /// <summary>Options of the acceptor.</summary>
    public static SslServerAuthenticationOptions ForAcceptor(NodeCertificate own, MinimumTls minimum, RemoteCertificateValidationCallback check) => new()
    {
        ServerCertificateContext = own.Context,
        ClientCertificateRequired = true,
        ApplicationProtocols = [Protocol],
        EnabledSslProtocols = Versions(minimum),
        RemoteCertificateValidationCallback = check,
        CertificateChainPolicy = NewChainPolicy(),
        AllowRenegotiation = false,

        // A resumed session would skip the client's certificate.
        AllowTlsResume = false,
    };

    /// <summary>What is wrong with a finished handshake; null: nothing.</summary>
    public static string? FindWeakness(SslStream stream, MinimumTls minimum) => stream.SslProtocol switch
    {
        SslProtocols.Tls13 => null,
        SslProtocols.Tls12 when minimum == MinimumTls.Tls12 => IsStrong(stream.NegotiatedCipherSuite) ? null : $"TLS 1.2 with {stream.NegotiatedCipherSuite}",
        SslProtocols other => other.ToString(),
    };

    /// <summary>Whether the handshake failed because the two sides have no ALPN in common: by the platform's error number.</summary>
    public static bool IsProtocolMismatch(Exception exception)
    {
        for (Exception? e = exception; e is not null; e = e.InnerException)
        {
            if (OperatingSystem.IsWindows() && e is Win32Exception { NativeErrorCode: SchannelNoApplicationProtocol })
            {
                return true;
            }

            // OpenSSL's ERR_GET_LIB 20 is libssl; the framework hands its number on as the HResult. Version 1.1 packs otherwise and is past its end.
            if (OperatingSystem.IsLinux() && e.HResult >> 23 == 20
                && (e.HResult & 0x7FFFFF) is OpenSslNoApplicationProtocol or OpenSslAlertNoApplicationProtocol)
            {
                return true;
            }
        }

        return false;
    }

    // Both certificates hold ECDSA keys, so no other key exchange than these can be right. CCM_8 is left out: its tag is half as long.
    private static bool IsStrong(TlsCipherSuite suite) => suite is
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 or
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 or
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 or
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_CCM or
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_CCM;

    private static SslProtocols Versions(MinimumTls minimum) =>
        minimum == MinimumTls.Tls13 ? SslProtocols.Tls13 : SslProtocols.Tls12 | SslProtocols.Tls13;

    // The framework builds a chain whatever we think of it: make that cheap, and keep it from fetching what a hostile certificate names.
    private static X509ChainPolicy NewChainPolicy() => new()
    {
        DisableCertificateDownloads = true,
        RevocationMode = X509RevocationMode.NoCheck,
        TrustMode = X509ChainTrustMode.CustomRootTrust,
        VerificationFlags = X509VerificationFlags.AllFlags,
    };
}
