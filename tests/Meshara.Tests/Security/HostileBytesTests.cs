using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Meshara.Security;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Security;

/// <summary>Peers that do not get as far as TLS, on raw sockets, under a clock that the test moves.</summary>
public sealed class HostileBytesTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(5);

    private readonly ChannelBed _bed = new();
    private readonly ManualTimeProvider _time = new();

    public static TheoryData<string> NotTls => ["http", "ssh", "zeros", "ff", "tls-record-of-65535"];

    private SecureChannelOptions Options => new(MinimumTls.Tls12, Deadline, _time);

    public void Dispose() => _bed.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task H1_SilenceAfterConnect_ClosesAtTheDeadline(bool honestDials)
    {
        await using LoopbackPair pair = await LoopbackPair.CreateAsync();
        Task<SecureChannel> shaking = Start(pair, honestDials);
        _time.Advance(Deadline - TimeSpan.FromTicks(1));
        Assert.False(shaking.IsCompleted);
        _time.Advance(TimeSpan.FromTicks(1));

        await TimesOutAsync(shaking, honestDials ? pair.Acceptor : pair.Dialer);
    }

    // The peer keeps the connection open and the clock stands still, so what ends it is what was read.
    [Theory]
    [MemberData(nameof(NotTls))]
    public async Task H2_NotTlsInsteadOfClientHello_Closes(string what)
    {
        MesharaException error = await _bed.AcceptFailsAsync(stream => stream.WriteAsync(Bytes(what)).AsTask(), Options);

        Assert.Equal(MesharaErrorCode.TlsFailed, error.Code);
        Assert.Contains(ChannelBed.Address, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(NotTls))]
    public async Task H2_NotTlsInsteadOfServerHello_Closes(string what)
    {
        MesharaException error = await _bed.DialFailsAsync(stream => stream.WriteAsync(Bytes(what)).AsTask(), options: Options);

        Assert.Equal(MesharaErrorCode.TlsFailed, error.Code);
        Assert.Contains(ChannelBed.Address, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task H3_RecordHeaderOf65535BytesThenSilence_ClosesAtTheDeadline(bool honestDials)
    {
        await using LoopbackPair pair = await LoopbackPair.CreateAsync();
        Task<SecureChannel> shaking = Start(pair, honestDials);
        NetworkStream hostile = honestDials ? pair.Acceptor : pair.Dialer;
        await hostile.WriteAsync(new byte[] { 0x16, 3, 1, 0xFF, 0xFF });
        _time.Advance(Deadline);

        MesharaException error = await Assert.ThrowsAsync<MesharaException>(() => shaking.WaitAsync(ChannelBed.Guard));
        Assert.Contains(error.Code, new[] { MesharaErrorCode.TlsTimeout, MesharaErrorCode.TlsFailed });
        await ChannelBed.ReadToEndAsync(hostile);
    }

    [Fact]
    public async Task H4_ClientHelloAtOneByteASecond_ClosesAtTheTotalDeadline()
    {
        byte[] hello = await RecordClientHelloAsync();
        await using LoopbackPair pair = await LoopbackPair.CreateAsync();
        Task<SecureChannel> accepting = Start(pair, honestDials: false);
        for (int i = 0; i < 5; i++)
        {
            Assert.False(accepting.IsCompleted);
            await pair.Dialer.WriteAsync(hello.AsMemory(i, 1));
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        await TimesOutAsync(accepting, pair.Dialer);
    }

    [Fact]
    public async Task H4_WholeClientHelloThenSilence_ClosesAtTheDeadline()
    {
        byte[] hello = await RecordClientHelloAsync();
        await using LoopbackPair pair = await LoopbackPair.CreateAsync();
        Task<SecureChannel> accepting = Start(pair, honestDials: false);
        await pair.Dialer.WriteAsync(hello);

        // The answer shows that the acceptor has taken it and now waits for the rest.
        await pair.Dialer.ReadExactlyAsync(new byte[5]).AsTask().WaitAsync(ChannelBed.Guard);
        _time.Advance(Deadline);

        await TimesOutAsync(accepting, pair.Dialer);
    }

    private static byte[] Bytes(string what) => what switch
    {
        "http" => Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        "ssh" => Encoding.ASCII.GetBytes("SSH-2.0-OpenSSH_9.6\r\n"),
        "zeros" => new byte[64],
        "ff" => [.. Enumerable.Repeat((byte)0xFF, 64)],
        "tls-record-of-65535" => [0x16, 3, 1, 0xFF, 0xFF, .. new byte[65535]],
        _ => throw new ArgumentOutOfRangeException(nameof(what)),
    };

    private static async Task<byte[]> RecordClientHelloAsync()
    {
        await using LoopbackPair pair = await LoopbackPair.CreateAsync();
        await using SslStream client = new(pair.Dialer, leaveInnerStreamOpen: true);
        using CancellationTokenSource stop = new();
        Task shaking = client.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "" }, stop.Token);
        byte[] buffer = new byte[16384];
        int length = await pair.Acceptor.ReadAtLeastAsync(buffer, 5).AsTask().WaitAsync(ChannelBed.Guard);
        int whole = 5 + ((buffer[3] << 8) | buffer[4]);
        await pair.Acceptor.ReadExactlyAsync(buffer.AsMemory(length, whole - length)).AsTask().WaitAsync(ChannelBed.Guard);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => shaking.WaitAsync(ChannelBed.Guard));
        return buffer[..whole];
    }

    private static async Task TimesOutAsync(Task<SecureChannel> shaking, NetworkStream hostile)
    {
        MesharaException error = await Assert.ThrowsAsync<MesharaException>(() => shaking.WaitAsync(ChannelBed.Guard));
        Assert.Equal(MesharaErrorCode.TlsTimeout, error.Code);
        Assert.True(error.IsTransient);
        await ChannelBed.ReadToEndAsync(hostile);
    }

    private Task<SecureChannel> Start(LoopbackPair pair, bool honestDials) => honestDials
        ? SecureChannel.ConnectAsync(pair.Dialer, _bed.Certificate, null, ChannelBed.Address, Options, CancellationToken.None)
        : SecureChannel.AcceptAsync(pair.Acceptor, _bed.Certificate, ChannelBed.Address, Options, CancellationToken.None);
}
