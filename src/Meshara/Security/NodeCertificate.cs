using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Meshara.Security;

/// <summary>The self-signed certificate in which a node presents its key in TLS, wire protocol section 3. Made once for each node.</summary>
internal sealed class NodeCertificate : IDisposable
{
    // Receivers ignore names and dates; one name and the longest time for all nodes tell an observer nothing.
    private const string Subject = "CN=meshara";
    private static readonly DateTimeOffset NotBefore = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset NotAfter = new(9999, 12, 31, 23, 59, 59, TimeSpan.Zero);

    private const int SteadyLength = 71;

    private readonly X509Certificate2 _certificate;
    private readonly Lazy<SslStreamCertificateContext> _context;
    private readonly bool _steady;

    /// <summary>Makes the certificate. The identity may be disposed afterwards.</summary>
    /// <param name="identity">The node's.</param>
    /// <param name="steady">Whether every signature has 71 bytes, the most frequent length: for simulations, in which lengths must not be a matter of chance.</param>
    public NodeCertificate(NodeIdentity identity, bool steady = false)
    {
        _steady = steady;
        PublicKey = identity.PublicKey;
        _certificate = Create(identity.Key, identity.Chain);

        // Offline: there is no chain to complete. Once: building it is dear, and OpenSSL's context hangs on it.
        // At the first handshake: the first chain of a process reads all authorities of the system, whoever is trusted, and a node shall listen before that.
        _context = new Lazy<SslStreamCertificateContext>(NewContext, LazyThreadSafetyMode.PublicationOnly);
    }

    /// <summary>What <see cref="SslStream"/> wants on both sides. Made when it is first asked for; what fails is tried again by the next who asks.</summary>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.TlsFailed"/>, transient: it cannot be made, or the node has ended.</exception>
    public SslStreamCertificateContext Context => _context.Value;

    /// <summary>The key in the certificate.</summary>
    public PublicKey PublicKey { get; }

    /// <summary>The certificate in DER.</summary>
    internal ReadOnlyMemory<byte> Der => _certificate.RawDataMemory;

    /// <summary>Signs with the node's key: ECDSA with SHA-256 in DER. Safe for use by several threads.</summary>
    public byte[] Sign(byte[] text)
    {
        using ECDsa key = _certificate.GetECDsaPrivateKey()!;
        byte[] signature;
        do
        {
            signature = key.SignData(text, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        }
        while (_steady && signature.Length != SteadyLength);

        return signature;
    }

    /// <inheritdoc/>
    public void Dispose() => _certificate.Dispose();

    // It is no fault of the peer that just happens to be there.
    private SslStreamCertificateContext NewContext()
    {
        try
        {
            return SslStreamCertificateContext.Create(_certificate, additionalCertificates: null, offline: true);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new MesharaException(MesharaErrorCode.TlsFailed, $"This node's own certificate cannot be used: {e.Message}", isTransient: true, innerException: e);
        }
    }

    private static X509Certificate2 Create(ECDsa key, SuccessorChain? chain)
    {
        // Other extensions a receiver would ignore.
        CertificateRequest request = new(Subject, key, HashAlgorithmName.SHA256);
        if (chain is not null)
        {
            request.CertificateExtensions.Add(new X509Extension(SuccessorChain.ExtensionId, chain.ToBytes(), critical: false));
        }

        X509Certificate2 certificate = request.CreateSelfSigned(NotBefore, NotAfter);
        if (!OperatingSystem.IsWindows())
        {
            return certificate;
        }

        // Untested, written after the documentation (dotnet/runtime#23749): SChannel lives in another process and cannot use an ephemeral key.
        using (certificate)
        {
            return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), password: null);
        }
    }
}
