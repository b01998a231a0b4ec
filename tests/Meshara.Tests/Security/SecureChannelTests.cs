using System.Security.Authentication;
using Meshara.Security;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Security;

public sealed class SecureChannelTests
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(30);
    private static readonly SecureChannelOptions Options = new(MinimumTls.Tls12, Guard, TimeProvider.System);

    [Fact]
    public async Task Connect_BothHonest_EachProvesItsKeyAndBytesFlow()
    {
        using NodeIdentity alice = NodeIdentity.Create();
        using NodeIdentity bob = NodeIdentity.Create();
        using NodeCertificate aliceCertificate = new(alice);
        using NodeCertificate bobCertificate = new(bob);
        await using LoopbackPair pair = await LoopbackPair.CreateAsync();
        Task<SecureChannel> accepting = SecureChannel.AcceptAsync(pair.Acceptor, bobCertificate, "alice:1", Options, CancellationToken.None);
        await using SecureChannel dialed = await SecureChannel.ConnectAsync(pair.Dialer, aliceCertificate, bob.Id, "bob:1", Options, CancellationToken.None).WaitAsync(Guard);
        await using SecureChannel accepted = await accepting.WaitAsync(Guard);

        Assert.Equal(bob.PublicKey, dialed.RemoteKey);
        Assert.Equal(alice.Id, accepted.RemoteId);
        Assert.Equal(SslProtocols.Tls13, dialed.Stream.SslProtocol);
        byte[] buffer = new byte[5];
        await dialed.Stream.WriteAsync("hello"u8.ToArray());
        await accepted.Stream.ReadExactlyAsync(buffer).AsTask().WaitAsync(Guard);
        Assert.Equal("hello"u8.ToArray(), buffer);
        await accepted.Stream.WriteAsync("world"u8.ToArray());
        await dialed.Stream.ReadExactlyAsync(buffer).AsTask().WaitAsync(Guard);
        Assert.Equal("world"u8.ToArray(), buffer);
    }
}
