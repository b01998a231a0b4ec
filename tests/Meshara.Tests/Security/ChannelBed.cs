using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Meshara.Security;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Security;

#pragma warning disable CA5359 // A hostile peer believes everybody.

/// <summary>One honest node, and hostile peers that meet it over real sockets.</summary>
internal sealed class ChannelBed : IDisposable
{
    public static readonly TimeSpan Guard = TimeSpan.FromSeconds(30);
    public static readonly SecureChannelOptions Options = new(MinimumTls.Tls12, Guard, TimeProvider.System);
    public static readonly SecureChannelOptions Tls13Only = Options with { MinimumTls = MinimumTls.Tls13 };

    // TEST-NET-3: no message can contain it by accident.
    public const string Address = "203.0.113.7:4040";

    public ChannelBed()
    {
        Identity = NodeIdentity.Create();
        Certificate = new NodeCertificate(Identity);
    }

    public NodeIdentity Identity { get; }

    public NodeCertificate Certificate { get; }

    public void Dispose()
    {
        Certificate.Dispose();
        Identity.Dispose();
    }

    /// <summary>What accepting throws while <paramref name="hostile"/> plays the dialer; both ends of the connection are over afterwards.</summary>
    public async Task<MesharaException> AcceptFailsAsync(Func<NetworkStream, Task> hostile, SecureChannelOptions? options = null)
    {
        await using LoopbackPair pair = await LoopbackPair.CreateAsync();
        Task<SecureChannel> accepting = SecureChannel.AcceptAsync(pair.Acceptor, Certificate, Address, options ?? Options, CancellationToken.None);
        return await FailsAsync(accepting, hostile, pair.Acceptor, pair.Dialer);
    }

    /// <summary>What dialling throws while <paramref name="hostile"/> plays the acceptor.</summary>
    public async Task<MesharaException> DialFailsAsync(Func<NetworkStream, Task> hostile, NodeId? pin = null, SecureChannelOptions? options = null)
    {
        await using LoopbackPair pair = await LoopbackPair.CreateAsync();
        Task<SecureChannel> dialing = SecureChannel.ConnectAsync(pair.Dialer, Certificate, pin, Address, options ?? Options, CancellationToken.None);
        return await FailsAsync(dialing, hostile, pair.Dialer, pair.Acceptor);
    }

    /// <summary>A TLS client that believes whom it meets and reads to the end.</summary>
    public static Func<NetworkStream, Task> Client(X509Certificate2? certificate, string? alpn = "meshara/1", SslProtocols versions = SslProtocols.None) =>
        stream => PlayAsync(stream, tls => tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "",
            EnabledSslProtocols = versions,
            ApplicationProtocols = Protocols(alpn),
            ClientCertificateContext = Context(certificate),
            RemoteCertificateValidationCallback = static (_, _, _, _) => true,
        }));

    /// <summary>A TLS server of the same kind.</summary>
    public static Func<NetworkStream, Task> Server(X509Certificate2 certificate, string? alpn = "meshara/1", SslProtocols versions = SslProtocols.None) =>
        stream => PlayAsync(stream, tls => tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
        {
            EnabledSslProtocols = versions,
            ApplicationProtocols = Protocols(alpn),
            ServerCertificateContext = Context(certificate),
            ClientCertificateRequired = true,
            RemoteCertificateValidationCallback = static (_, _, _, _) => true,
        }));

    /// <summary>Reads until the other side has closed, one way or the other.</summary>
    public static async Task ReadToEndAsync(Stream stream)
    {
        byte[] buffer = new byte[4096];
        try
        {
            while (await stream.ReadAsync(buffer).AsTask().WaitAsync(Guard) > 0)
            {
                // Alerts and the like.
            }
        }
        catch (IOException)
        {
            // Reset: unread bytes lay in the other side's socket.
        }
    }

    private static async Task PlayAsync(NetworkStream transport, Func<SslStream, Task> authenticate)
    {
        await using SslStream tls = new(transport, leaveInnerStreamOpen: true);
        try
        {
            await authenticate(tls).WaitAsync(Guard);
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            return;
        }

        await ReadToEndAsync(tls);
    }

    private static async Task<MesharaException> FailsAsync(Task<SecureChannel> honest, Func<NetworkStream, Task> hostile, NetworkStream ours, NetworkStream theirs)
    {
        Task playing = hostile(theirs);
        MesharaException error = await Assert.ThrowsAsync<MesharaException>(() => honest.WaitAsync(Guard));
        Assert.False(ours.CanRead, "The transport was not disposed.");
        await playing.WaitAsync(Guard);
        if (theirs.CanRead)
        {
            await ReadToEndAsync(theirs);
        }

        return error;
    }

    private static List<SslApplicationProtocol>? Protocols(string? alpn) => alpn is null ? null : [new SslApplicationProtocol(alpn)];

    private static SslStreamCertificateContext? Context(X509Certificate2? certificate) =>
        certificate is null ? null : SslStreamCertificateContext.Create(certificate, null, offline: true);
}
