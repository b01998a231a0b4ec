using System.Collections;
using System.Net.Sockets;
using System.Security.Cryptography;
using Meshara.Security;
using Meshara.Tests.Support;
using Org.BouncyCastle.Asn1.X509;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Tls;
using Org.BouncyCastle.Security;
using Xunit;
using HashAlgorithm = Org.BouncyCastle.Crypto.Tls.HashAlgorithm;

namespace Meshara.Tests.Security;

/// <summary>Peers that show the certificate of another node without having its key. The framework and openssl refuse to try; BouncyCastle does.</summary>
/// <remarks>TLS 1.2 only: this version of BouncyCastle knows no other.</remarks>
public sealed class ImpostorTests : IDisposable
{
    private readonly ChannelBed _bed = new();
    private readonly ECDsa _victim = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly ECDsa _thief = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private byte[] VictimsCertificate => new CertificateForge { SubjectKey = _victim }.ToDer();

    private NodeId Victim => NodeId.FromPublicKey(_victim.ExportSubjectPublicKeyInfo());

    public void Dispose()
    {
        _bed.Dispose();
        _victim.Dispose();
        _thief.Dispose();
    }

    [Fact]
    public async Task Accept_CallerHasTheKey_Accepted()
    {
        await using LoopbackPair pair = await LoopbackPair.CreateAsync();
        Task playing = PlayClientAsync(pair.Dialer, _victim);
        await using (SecureChannel channel = await SecureChannel.AcceptAsync(
            pair.Acceptor, _bed.Certificate, ChannelBed.Address, ChannelBed.Options, CancellationToken.None).WaitAsync(ChannelBed.Guard))
        {
            Assert.Equal(Victim, channel.RemoteId);
        }

        await playing.WaitAsync(ChannelBed.Guard);
    }

    [Fact]
    public async Task H12_CallerShowsAnothersCertificateWithoutItsKey_Fails()
    {
        MesharaException error = await _bed.AcceptFailsAsync(stream => PlayClientAsync(stream, _thief));

        Assert.Equal(MesharaErrorCode.TlsFailed, error.Code);
    }

    [Fact]
    public async Task Connect_AcceptorHasTheKey_Accepted()
    {
        await using LoopbackPair pair = await LoopbackPair.CreateAsync();
        Task playing = PlayServerAsync(pair.Acceptor, _victim);
        await using (SecureChannel channel = await SecureChannel.ConnectAsync(
            pair.Dialer, _bed.Certificate, Victim, ChannelBed.Address, ChannelBed.Options, CancellationToken.None).WaitAsync(ChannelBed.Guard))
        {
            Assert.Equal(Victim, channel.RemoteId);
        }

        await playing.WaitAsync(ChannelBed.Guard);
    }

    [Fact]
    public async Task H12_AcceptorShowsThePinnedCertificateWithoutItsKey_Fails()
    {
        MesharaException error = await _bed.DialFailsAsync(stream => PlayServerAsync(stream, _thief), Victim);

        Assert.Equal(MesharaErrorCode.TlsFailed, error.Code);
    }

    private Task PlayClientAsync(NetworkStream stream, ECDsa key) => PlayAsync(() =>
    {
        TlsClientProtocol protocol = new(stream, new SecureRandom());
        protocol.Connect(new Client(VictimsCertificate, key.ExportPkcs8PrivateKey()));
        return protocol;
    });

    private Task PlayServerAsync(NetworkStream stream, ECDsa key) => PlayAsync(() =>
    {
        TlsServerProtocol protocol = new(stream, new SecureRandom());
        protocol.Accept(new Server(VictimsCertificate, key.ExportPkcs8PrivateKey()));
        return protocol;
    });

    // BouncyCastle's streams block, so the peer gets a thread of its own; it ends when the connection does.
    private static Task PlayAsync(Func<TlsProtocol> shake) => Task.Run(() =>
    {
        try
        {
            TlsProtocol protocol = shake();
            while (protocol.Stream.ReadByte() >= 0)
            {
                // To the end.
            }
        }
        catch (IOException)
        {
            // The other side refused or closed.
        }
    });

    private static DefaultTlsSignerCredentials Credentials(TlsContext context, byte[] certificate, byte[] key)
    {
        AsymmetricKeyParameter parameter = PrivateKeyFactory.CreateKey(key);
        return new DefaultTlsSignerCredentials(
            context,
            new Certificate([X509CertificateStructure.GetInstance(certificate)]),
            parameter,
            new SignatureAndHashAlgorithm(HashAlgorithm.sha256, SignatureAlgorithm.ecdsa));
    }

    // ALPN, RFC 7301 section 3.1: this BouncyCastle has no call for it.
    private static IDictionary WithAlpn(IDictionary? extensions)
    {
        extensions ??= new Hashtable();
        extensions[16] = (byte[])[0, 10, 9, .. "meshara/1"u8];
        return extensions;
    }

    private sealed class Client(byte[] certificate, byte[] key) : DefaultTlsClient
    {
        public override IDictionary GetClientExtensions() => WithAlpn(base.GetClientExtensions());

        public override TlsAuthentication GetAuthentication() => new Authentication(() => Credentials(mContext, certificate, key));
    }

    private sealed class Authentication(Func<TlsCredentials> credentials) : TlsAuthentication
    {
        public TlsCredentials GetClientCredentials(CertificateRequest certificateRequest) => credentials();

        public void NotifyServerCertificate(Certificate serverCertificate)
        {
            // Believes everybody.
        }
    }

    private sealed class Server(byte[] certificate, byte[] key) : DefaultTlsServer
    {
        protected override ProtocolVersion MaximumVersion => ProtocolVersion.TLSv12;

        protected override int[] GetCipherSuites() => [CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256];

        protected override TlsSignerCredentials GetECDsaSignerCredentials() => Credentials(mContext, certificate, key);

        public override IDictionary GetServerExtensions() => WithAlpn(base.GetServerExtensions());

        public override CertificateRequest GetCertificateRequest() => new(
            [ClientCertificateType.ecdsa_sign], new ArrayList { new SignatureAndHashAlgorithm(HashAlgorithm.sha256, SignatureAlgorithm.ecdsa) }, new ArrayList());

        public override void NotifyClientCertificate(Certificate clientCertificate)
        {
            // Believes everybody.
        }
    }
}
