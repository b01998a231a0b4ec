using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Meshara.Security;

namespace Meshara.Benchmarks.Scale;

/// <summary>Bare mutual TLS with the settings and the kind of certificate of the library: the yardstick.</summary>
internal sealed class RawTls : IDisposable
{
    private readonly NodeIdentity _identity = NodeIdentity.Create();
    private readonly NodeCertificate _own;

    public RawTls() => _own = new NodeCertificate(_identity);

    /// <summary>What the other side has to compare.</summary>
    public string Pin => _identity.PublicKey.ToString();

    /// <summary>Connects and shakes hands; the certificate's key is compared with a pin, or (<paramref name="full"/>) checked by all the rules of the library.</summary>
    public async Task<SslStream> ConnectAsync(int port, PublicKey pin, bool full)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, LingerState = new LingerOption(true, 0) };
        await socket.ConnectAsync(IPAddress.Loopback, port);
        SslStream stream = new(new NetworkStream(socket, ownsSocket: true));
        await stream.AuthenticateAsClientAsync(TlsRules.ForDialer(_own, MinimumTls.Tls13, Check(pin, full, isDialer: true)));
        return stream;
    }

    /// <summary>Shakes hands as the side that was called.</summary>
    public async Task<SslStream> AcceptAsync(Socket socket, PublicKey pin, bool full)
    {
        (socket.NoDelay, socket.LingerState) = (true, new LingerOption(true, 0));
        SslStream stream = new(new NetworkStream(socket, ownsSocket: true));
        await stream.AuthenticateAsServerAsync(TlsRules.ForAcceptor(_own, MinimumTls.Tls13, Check(pin, full, isDialer: false)));
        return stream;
    }

    public void Dispose()
    {
        _own.Dispose();
        _identity.Dispose();
    }

    private RemoteCertificateValidationCallback Check(PublicKey pin, bool full, bool isDialer)
    {
        if (full)
        {
            return new CertificateCheck(_own.PublicKey, isDialer ? pin.Id : null, [], "the other side", isDialer).Validate;
        }

        byte[] hash = pin.Id.ToByteArray();
        return (_, certificate, _, _) => certificate is X509Certificate2 c && SHA256.HashData(c.PublicKey.ExportSubjectPublicKeyInfo()).AsSpan().SequenceEqual(hash);
    }
}
