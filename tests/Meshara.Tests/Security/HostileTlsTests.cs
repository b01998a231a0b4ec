using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Meshara.Security;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Security;

/// <summary>Peers that speak TLS and break a rule of wire protocol section 3, as dialer and as acceptor, over real sockets.</summary>
public sealed class HostileTlsTests : IDisposable
{
    private readonly ChannelBed _bed = new();
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private CertificateForge Forge => new() { SubjectKey = _key };

    public void Dispose()
    {
        _bed.Dispose();
        _key.Dispose();
    }

    [Theory]
    [InlineData("h2", SslProtocols.Tls13)]
    [InlineData("h2", SslProtocols.Tls12)]
    [InlineData(null, SslProtocols.Tls13)]
    [InlineData(null, SslProtocols.Tls12)]
    public async Task H5_WrongOrNoAlpn_WrongProtocol(string? alpn, SslProtocols version)
    {
        using X509Certificate2 honest = Forge.ToCertificate();
        MesharaException accepting = await _bed.AcceptFailsAsync(ChannelBed.Client(honest, alpn, version));
        MesharaException dialing = await _bed.DialFailsAsync(ChannelBed.Server(honest, alpn, version));

        Assert.Equal(MesharaErrorCode.WrongProtocol, accepting.Code);
        Assert.Equal(MesharaErrorCode.WrongProtocol, dialing.Code);
        Assert.Contains("meshara/1", dialing.Message, StringComparison.Ordinal);
        Assert.Contains(ChannelBed.Address, dialing.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SslProtocols.Tls13)]
    [InlineData(SslProtocols.Tls12)]
    public async Task H6_NoClientCertificate_NoCertificate(SslProtocols version)
    {
        MesharaException error = await _bed.AcceptFailsAsync(ChannelBed.Client(null, versions: version));

        Assert.Equal(MesharaErrorCode.NoCertificate, error.Code);
        Assert.Contains(ChannelBed.Address, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task H8_RsaKey_BadCertificate()
    {
        using RSA rsa = RSA.Create(2048);
        using X509Certificate2 certificate = new CertificateRequest("CN=meshara", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(Forge.NotBefore, Forge.NotAfter);
        await RefusesAsync("ecdsa-with-SHA256", certificate);
    }

    [Theory]
    [InlineData("nistP384")]
    [InlineData("nistP521")]
    public async Task H8_AnotherNistCurve_BadCertificate(string curve)
    {
        using ECDsa key = ECDsa.Create(ECCurve.CreateFromFriendlyName(curve));
        using X509Certificate2 certificate = (Forge with { SubjectKey = key }).ToCertificate();
        await RefusesAsync("not ECDSA on P-256", certificate);
    }

    // OpenSSL offers no brainpool curve, so an honest peer has nothing to answer with; what is certain is the close.
    [Fact]
    public async Task H8_BrainpoolKey_Closes()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.brainpoolP256r1);
        using X509Certificate2 certificate = (Forge with { SubjectKey = key }).ToCertificate();
        MesharaErrorCode[] expected = [MesharaErrorCode.NoCertificate, MesharaErrorCode.BadCertificate, MesharaErrorCode.TlsFailed];

        Assert.Contains((await _bed.AcceptFailsAsync(ChannelBed.Client(certificate))).Code, expected);
        Assert.Contains((await _bed.AcceptFailsAsync(ChannelBed.Client(certificate, versions: SslProtocols.Tls12))).Code, expected);
        Assert.Contains((await _bed.DialFailsAsync(ChannelBed.Server(certificate))).Code, expected);
        Assert.Contains((await _bed.DialFailsAsync(ChannelBed.Server(certificate, versions: SslProtocols.Tls12))).Code, expected);
    }

    [Theory]
    [InlineData("1990-01-01", "1991-01-01")]
    [InlineData("2048-01-01", "2049-01-01")]
    public async Task H9_ExpiredOrFutureCertificate_Accepted(string from, string to)
    {
        using X509Certificate2 certificate = (Forge with
        {
            NotBefore = DateTimeOffset.Parse(from + "T00:00:00Z"),
            NotAfter = DateTimeOffset.Parse(to + "T00:00:00Z"),
        }).ToCertificate();
        await AcceptsAsync(certificate);
    }

    [Fact]
    public async Task H10_WrongSelfSignature_BadCertificate()
    {
        using ECDsa other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 certificate = (Forge with { SigningKey = other }).ToCertificate();
        await RefusesAsync("not signed by its own key", certificate);
    }

    [Fact]
    public async Task H11_UnknownCriticalExtension_BadCertificate()
    {
        using X509Certificate2 certificate = (Forge with { Extensions = [("1.2.3.4", true, [5, 0])] }).ToCertificate();
        await RefusesAsync("critical extension 1.2.3.4", certificate);
    }

    [Fact]
    public async Task H11_CertificateOver4096Bytes_BadCertificate()
    {
        using X509Certificate2 certificate = (Forge with { Extensions = [("1.2.3.4", false, new byte[5000])] }).ToCertificate();
        await RefusesAsync("more than 4096", certificate);
    }

    [Fact]
    public async Task H12_KeyDiffersFromThePin_BothFingerprintsAndTheAddress()
    {
        using NodeIdentity expected = NodeIdentity.Create();
        using X509Certificate2 impostor = Forge.ToCertificate();
        MesharaException error = await _bed.DialFailsAsync(ChannelBed.Server(impostor), expected.Id);

        Assert.Equal(MesharaErrorCode.PinMismatch, error.Code);
        Assert.False(error.IsTransient);
        Assert.Contains(expected.Id.ToString(), error.Message, StringComparison.Ordinal);
        Assert.Contains(NodeId.FromPublicKey(_key.ExportSubjectPublicKeyInfo()).ToString(), error.Message, StringComparison.Ordinal);
        Assert.Contains(ChannelBed.Address, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task H13_OwnKeyWhereAnotherIsExpected_Self()
    {
        await using LoopbackPair pair = await LoopbackPair.CreateAsync();
        Task<SecureChannel> accepting = SecureChannel.AcceptAsync(pair.Acceptor, _bed.Certificate, ChannelBed.Address, ChannelBed.Options, CancellationToken.None);
        Task<SecureChannel> dialing = SecureChannel.ConnectAsync(
            pair.Dialer, _bed.Certificate, NodeId.FromBytes(new byte[NodeId.Size]), ChannelBed.Address, ChannelBed.Options, CancellationToken.None);

        Assert.Equal(MesharaErrorCode.Self, (await Assert.ThrowsAsync<MesharaException>(() => dialing.WaitAsync(ChannelBed.Guard))).Code);
        await Task.WhenAny(accepting).WaitAsync(ChannelBed.Guard);
        if (accepting.IsCompletedSuccessfully)
        {
            // Under TLS 1.3 the acceptor may be done before the dialer's refusal arrives; HELLO never comes.
            await (await accepting).DisposeAsync();
        }
    }

    [Fact]
    public async Task H18_CallbackThrowsInside_HandshakeFailsAndNothingEscapes()
    {
        using X509Certificate2 certificate = Forge.ToCertificate();
        CertificateCheck check = new(_bed.Identity.PublicKey, null, [], ChannelBed.Address, isDialer: false);
        await using LoopbackPair pair = await LoopbackPair.CreateAsync();
        Task playing = ChannelBed.Client(certificate)(pair.Dialer);
        await using (SslStream server = new(pair.Acceptor))
        {
            SslServerAuthenticationOptions options = TlsRules.ForAcceptor(
                _bed.Certificate, MinimumTls.Tls12, (sender, peer, chain, errors) => check.Validate(sender, DisposedCopy(peer!), chain, errors));
            await Assert.ThrowsAsync<AuthenticationException>(() => server.AuthenticateAsServerAsync(options).WaitAsync(ChannelBed.Guard));
        }

        Assert.Equal(MesharaErrorCode.BadCertificate, check.Failure!.Code);
        Assert.IsAssignableFrom<CryptographicException>(check.Failure.InnerException);
        await playing.WaitAsync(ChannelBed.Guard);
    }

    [Theory]
    [InlineData(SslProtocols.Tls13)]
    [InlineData(SslProtocols.Tls12)]
    public async Task Connect_AddressesInTheCertificate_NeverContacted(SslProtocols version)
    {
        using TcpListener trap = new(System.Net.IPAddress.Loopback, 0);
        trap.Start();
        string url = $"http://{trap.LocalEndpoint}/issuer.crt";

        // The issuer's name is another than the subject's, so that a chain builder would look for the issuer.
        using X509Certificate2 certificate = (Forge with
        {
            Issuer = "CN=somebody else",
            Extensions = [("1.3.6.1.5.5.7.1.1", false, AuthorityInformation(url)), ("2.5.29.31", false, DistributionPoint(url))],
        }).ToCertificate();
        await AcceptsAsync(certificate, version);

        Assert.False(trap.Pending(), "An address in the certificate was contacted.");
    }

    [Fact]
    public async Task Connect_AcceptorInsistsOnTls13_OlderPeerIsRefused()
    {
        using X509Certificate2 honest = Forge.ToCertificate();

        Assert.Equal(MesharaErrorCode.TlsFailed, (await _bed.AcceptFailsAsync(ChannelBed.Client(honest, versions: SslProtocols.Tls12), ChannelBed.Tls13Only)).Code);
        Assert.Equal(MesharaErrorCode.TlsFailed, (await _bed.DialFailsAsync(ChannelBed.Server(honest, versions: SslProtocols.Tls12), options: ChannelBed.Tls13Only)).Code);
    }

    [Theory]
    [InlineData(SslProtocols.Tls13)]
    [InlineData(SslProtocols.Tls12)]
    public async Task Connect_OurCertificateIsRefused_WeSeeTheEnd(SslProtocols version)
    {
        await using LoopbackPair pair = await LoopbackPair.CreateAsync();
        using X509Certificate2 server = Forge.ToCertificate();
        Task refusing = RefuseClientAsync(pair.Acceptor, server, version);

        // Under TLS 1.3 the dialer's handshake is over before the acceptor has seen its certificate; the framework's acceptor is as late under 1.2.
        try
        {
            await using SecureChannel channel = await SecureChannel.ConnectAsync(
                pair.Dialer, _bed.Certificate, null, ChannelBed.Address, ChannelBed.Options, CancellationToken.None).WaitAsync(ChannelBed.Guard);
            await ChannelBed.ReadToEndAsync(channel.Stream);
        }
        catch (MesharaException e)
        {
            Assert.Equal(MesharaErrorCode.TlsFailed, e.Code);
        }

        await refusing.WaitAsync(ChannelBed.Guard);
    }

    private static async Task RefuseClientAsync(NetworkStream transport, X509Certificate2 certificate, SslProtocols version)
    {
        await using SslStream tls = new(transport);
        await Assert.ThrowsAnyAsync<Exception>(() => tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
        {
            EnabledSslProtocols = version,
            ApplicationProtocols = [TlsRules.Protocol],
            ServerCertificate = certificate,
            ClientCertificateRequired = true,
            RemoteCertificateValidationCallback = static (_, _, _, _) => false,
        }).WaitAsync(ChannelBed.Guard));
    }

    private static X509Certificate2 DisposedCopy(X509Certificate certificate)
    {
        X509Certificate2 copy = X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
        copy.Dispose();
        return copy;
    }

    // AuthorityInfoAccess { caIssuers, URI } and { ocsp, URI }, RFC 5280 section 4.2.2.1.
    private static byte[] AuthorityInformation(string url)
    {
        byte[] uri = [0x86, (byte)url.Length, .. Encoding.ASCII.GetBytes(url)];
        byte[] issuers = [6, 8, 0x2B, 6, 1, 5, 5, 7, 0x30, 2, .. uri];
        byte[] ocsp = [6, 8, 0x2B, 6, 1, 5, 5, 7, 0x30, 1, .. uri];
        return Sequence([.. Sequence(issuers), .. Sequence(ocsp)]);
    }

    // CRLDistributionPoints, RFC 5280 section 4.2.1.13.
    private static byte[] DistributionPoint(string url)
    {
        byte[] uri = [0x86, (byte)url.Length, .. Encoding.ASCII.GetBytes(url)];
        byte[] fullName = [0xA0, (byte)uri.Length, .. uri];
        return Sequence(Sequence([0xA0, (byte)fullName.Length, .. fullName]));
    }

    private static byte[] Sequence(byte[] content) => content.Length < 128
        ? [0x30, (byte)content.Length, .. content]
        : [0x30, 0x81, (byte)content.Length, .. content];

    private async Task RefusesAsync(string because, X509Certificate2 certificate)
    {
        foreach (SslProtocols version in new[] { SslProtocols.Tls13, SslProtocols.Tls12 })
        {
            foreach (MesharaException error in new[]
            {
                await _bed.AcceptFailsAsync(ChannelBed.Client(certificate, versions: version)),
                await _bed.DialFailsAsync(ChannelBed.Server(certificate, versions: version)),
            })
            {
                Assert.Equal(MesharaErrorCode.BadCertificate, error.Code);
                Assert.Contains(because, error.Message, StringComparison.Ordinal);
                Assert.Contains(ChannelBed.Address, error.Message, StringComparison.Ordinal);
            }
        }
    }

    private async Task AcceptsAsync(X509Certificate2 certificate, SslProtocols version = SslProtocols.None)
    {
        NodeId id = NodeId.FromPublicKey(_key.ExportSubjectPublicKeyInfo());
        await using (LoopbackPair pair = await LoopbackPair.CreateAsync())
        {
            Task playing = ChannelBed.Client(certificate, versions: version)(pair.Dialer);
            await using (SecureChannel accepted = await SecureChannel.AcceptAsync(
                pair.Acceptor, _bed.Certificate, ChannelBed.Address, ChannelBed.Options, CancellationToken.None).WaitAsync(ChannelBed.Guard))
            {
                Assert.Equal(id, accepted.RemoteId);
            }

            await playing.WaitAsync(ChannelBed.Guard);
        }

        await using (LoopbackPair pair = await LoopbackPair.CreateAsync())
        {
            Task playing = ChannelBed.Server(certificate, versions: version)(pair.Acceptor);
            await using (SecureChannel dialed = await SecureChannel.ConnectAsync(
                pair.Dialer, _bed.Certificate, id, ChannelBed.Address, ChannelBed.Options, CancellationToken.None).WaitAsync(ChannelBed.Guard))
            {
                Assert.Equal(id, dialed.RemoteId);
            }

            await playing.WaitAsync(ChannelBed.Guard);
        }
    }
}
