using Meshara.Security;

namespace Meshara.Tests.Support;

/// <summary>Two ends of one secure channel on loopback, each with a fresh identity.</summary>
internal static class TlsPair
{
    public static async Task<(SecureChannel Dialer, SecureChannel Acceptor)> ConnectAsync()
    {
        SecureChannelOptions options = new(MinimumTls.Tls12, TimeSpan.FromSeconds(30), TimeProvider.System);
        using NodeIdentity dialer = NodeIdentity.Create();
        using NodeIdentity acceptor = NodeIdentity.Create();
        NodeCertificate dialerCertificate = new(dialer);
        NodeCertificate acceptorCertificate = new(acceptor);
        LoopbackPair pair = await LoopbackPair.CreateAsync();
        Task<SecureChannel> accepting = SecureChannel.AcceptAsync(pair.Acceptor, acceptorCertificate, "dialer", options, CancellationToken.None);
        SecureChannel dialed = await SecureChannel.ConnectAsync(pair.Dialer, dialerCertificate, acceptor.Id, "acceptor", options, CancellationToken.None);
        return (dialed, await accepting);
    }
}
