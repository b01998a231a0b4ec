using Meshara.Net;
using Meshara.Security;
using Xunit;

namespace Meshara.Tests;

public sealed class MemoryTransportTests
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(20);
    private readonly MemoryTransport _network = new();

    [Fact]
    public async Task Connect_ByTheNameListenedOn_BytesFlowBothWays()
    {
        (Stream dialer, Stream acceptor) = await PairAsync();
        byte[] buffer = new byte[5];

        await dialer.WriteAsync("hello"u8.ToArray());
        await acceptor.ReadExactlyAsync(buffer).AsTask().WaitAsync(Guard);
        Assert.Equal("hello"u8.ToArray(), buffer);
        await acceptor.WriteAsync("world"u8.ToArray());
        await dialer.ReadExactlyAsync(buffer).AsTask().WaitAsync(Guard);
        Assert.Equal("world"u8.ToArray(), buffer);
    }

    [Fact]
    public async Task Connect_NamesAndPorts_AreToldToBothEnds()
    {
        await using TransportListener listener = await _network.ListenAsync("bob", 0, CancellationToken.None);
        await using TransportConnection dialer = await _network.ConnectAsync("BOB", listener.Port, CancellationToken.None);
        await using TransportConnection? acceptor = await listener.AcceptAsync(CancellationToken.None);

        Assert.Equal(("bob", 49152), (listener.Host, listener.Port));
        Assert.Equal("BOB:49152", dialer.RemoteAddress);
        Assert.Equal("memory:49152", acceptor!.RemoteAddress);
    }

    [Fact]
    public async Task Connect_NobodyListens_OrOnAnotherNetwork_Fails()
    {
        await using TransportListener listener = await new MemoryTransport().ListenAsync("bob", 1, CancellationToken.None);

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(async () => await _network.ConnectAsync("bob", 1, CancellationToken.None));

        Assert.Equal(MesharaErrorCode.ConnectFailed, e.Code);
        Assert.True(e.IsTransient);
    }

    [Fact]
    public async Task Listen_Taken_Fails_FreeAgainAfterDispose()
    {
        TransportListener listener = await _network.ListenAsync("bob", 7, CancellationToken.None);
        MesharaException e = await Assert.ThrowsAsync<MesharaException>(async () => await _network.ListenAsync("bob", 7, CancellationToken.None));
        Assert.Equal(MesharaErrorCode.ListenFailed, e.Code);
        await using TransportListener other = await _network.ListenAsync("carol", 7, CancellationToken.None);

        await listener.DisposeAsync();
        await using TransportListener again = await _network.ListenAsync("bob", 7, CancellationToken.None);
        await listener.DisposeAsync();

        await using TransportConnection dialer = await _network.ConnectAsync("bob", 7, CancellationToken.None);
    }

    [Fact]
    public async Task Listen_PortZero_ChoosesOneThatIsFree()
    {
        await using TransportListener taken = await _network.ListenAsync("bob", 49152, CancellationToken.None);
        await using TransportListener chosen = await _network.ListenAsync("bob", 0, CancellationToken.None);
        await using TransportListener next = await _network.ListenAsync("bob", 0, CancellationToken.None);

        Assert.Equal((49153, 49154), (chosen.Port, next.Port));
    }

    [Fact]
    public async Task Listener_Disposed_EndsAcceptAndResetsWhatWaited()
    {
        TransportListener listener = await _network.ListenAsync("bob", 1, CancellationToken.None);
        TransportConnection dialer = await _network.ConnectAsync("bob", 1, CancellationToken.None);

        await listener.DisposeAsync();

        Assert.Null(await listener.AcceptAsync(CancellationToken.None));
        await Assert.ThrowsAsync<IOException>(() => dialer.Stream.ReadAsync(new byte[1]).AsTask().WaitAsync(Guard));
    }

    [Fact]
    public async Task Connect_NobodyAccepts_IsRefusedInTheEnd()
    {
        await using TransportListener listener = await _network.ListenAsync("bob", 1, CancellationToken.None);
        for (int i = 0; i < 128; i++)
        {
            await _network.ConnectAsync("bob", 1, CancellationToken.None);
        }

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(async () => await _network.ConnectAsync("bob", 1, CancellationToken.None));

        Assert.Equal(MesharaErrorCode.ConnectFailed, e.Code);
    }

    [Fact]
    public async Task Write_NobodyReads_WaitsAtABound_AndGoesOnWhenRead()
    {
        (Stream dialer, Stream acceptor) = await PairAsync();
        byte[] sent = [.. Enumerable.Range(0, 1 << 20).Select(i => (byte)(i * 31))];
        Task writing = dialer.WriteAsync(sent).AsTask();
        Assert.False(writing.IsCompleted);

        byte[] received = new byte[sent.Length];
        await acceptor.ReadExactlyAsync(received).AsTask().WaitAsync(Guard);

        await writing.WaitAsync(Guard);
        Assert.Equal(sent, received);
    }

    [Fact]
    public async Task Write_OneByteAtATime_BlocksWithin80KiB()
    {
        (Stream dialer, _) = await PairAsync();
        int written = 0;
        byte[] kibibyte = new byte[1024];
        while (dialer.WriteAsync(kibibyte).AsTask() is { IsCompleted: true })
        {
            written++;
            Assert.InRange(written, 1, 80);
        }

        Assert.InRange(written, 32, 80);
    }

    [Fact]
    public async Task CompleteWrites_OtherEndReadsTheEnd_AndMayGoOnWriting()
    {
        (Stream dialer, Stream acceptor) = await PairAsync();
        byte[] buffer = new byte[8];
        await dialer.WriteAsync("last"u8.ToArray());
        ((MemoryStreamEnd)dialer).CompleteWrites();

        await acceptor.ReadExactlyAsync(buffer.AsMemory(0, 4)).AsTask().WaitAsync(Guard);
        Assert.Equal(0, await acceptor.ReadAsync(buffer).AsTask().WaitAsync(Guard));
        Assert.Equal(0, await acceptor.ReadAsync(buffer).AsTask().WaitAsync(Guard));
        await acceptor.WriteAsync("more"u8.ToArray());
        Assert.Equal(4, await dialer.ReadAsync(buffer).AsTask().WaitAsync(Guard));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await dialer.WriteAsync(buffer));

        await dialer.DisposeAsync();
        Assert.Equal(0, await acceptor.ReadAsync(buffer).AsTask().WaitAsync(Guard));
    }

    [Fact]
    public async Task Dispose_OtherEndReadsWhatWasWritten_ThenAnError_AndCannotWrite()
    {
        (Stream dialer, Stream acceptor) = await PairAsync();
        byte[] buffer = new byte[8];
        await dialer.WriteAsync("last"u8.ToArray());

        await dialer.DisposeAsync();

        Assert.Equal(4, await acceptor.ReadAsync(buffer).AsTask().WaitAsync(Guard));
        await Assert.ThrowsAsync<IOException>(() => acceptor.ReadAsync(buffer).AsTask().WaitAsync(Guard));
        await Assert.ThrowsAsync<IOException>(() => acceptor.WriteAsync(buffer).AsTask().WaitAsync(Guard));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => dialer.ReadAsync(buffer).AsTask());
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await dialer.WriteAsync(buffer));
    }

    [Fact]
    public async Task Dispose_WhileBothEndsWait_EndsEveryWait()
    {
        (Stream dialer, Stream acceptor) = await PairAsync();
        Task ownWrite = dialer.WriteAsync(new byte[1 << 20]).AsTask();
        Task otherWrite = acceptor.WriteAsync(new byte[1 << 20]).AsTask();
        Assert.False(ownWrite.IsCompleted);
        Assert.False(otherWrite.IsCompleted);

        await dialer.DisposeAsync();
        await dialer.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => ownWrite.WaitAsync(Guard));
        await Assert.ThrowsAsync<IOException>(() => otherWrite.WaitAsync(Guard));
        (dialer, acceptor) = await PairAsync("carol");
        Task<int> ownRead = dialer.ReadAsync(new byte[1]).AsTask();
        Task<int> otherRead = acceptor.ReadAsync(new byte[1]).AsTask();
        await dialer.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => ownRead.WaitAsync(Guard));
        await Assert.ThrowsAsync<IOException>(() => otherRead.WaitAsync(Guard));
    }

    [Fact]
    public async Task Read_Cancelled_LeavesTheStreamUsable()
    {
        (Stream dialer, Stream acceptor) = await PairAsync();
        using CancellationTokenSource cancel = new();
        Task<int> read = acceptor.ReadAsync(new byte[1], cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read.WaitAsync(Guard));

        await dialer.WriteAsync(new byte[1]);

        Assert.Equal(1, await acceptor.ReadAsync(new byte[1]).AsTask().WaitAsync(Guard));
    }

    [Fact]
    public async Task Read_OfNoBytes_WaitsForSome()
    {
        (Stream dialer, Stream acceptor) = await PairAsync();
        Task<int> read = acceptor.ReadAsync(Memory<byte>.Empty).AsTask();
        Assert.False(read.IsCompleted);

        await dialer.WriteAsync("x"u8.ToArray());

        Assert.Equal(0, await read.WaitAsync(Guard));
        Assert.Equal(1, await acceptor.ReadAsync(new byte[9]).AsTask().WaitAsync(Guard));
    }

    [Fact]
    public async Task SecureChannel_OverMemory_CarriesMoreThanTheBuffers()
    {
        (Stream dialer, Stream acceptor) = await PairAsync();
        using NodeIdentity alice = NodeIdentity.Create(), bob = NodeIdentity.Create();
        using NodeCertificate ofAlice = new(alice), ofBob = new(bob);
        SecureChannelOptions options = new(MinimumTls.Tls12, Guard, TimeProvider.System);
        Task<SecureChannel> accepting = SecureChannel.AcceptAsync(acceptor, ofBob, "a:1", options, CancellationToken.None);
        await using SecureChannel dialed = await SecureChannel.ConnectAsync(dialer, ofAlice, bob.Id, "b:1", options, CancellationToken.None).WaitAsync(Guard);
        SecureChannel accepted = await accepting.WaitAsync(Guard);
        byte[] sent = [.. Enumerable.Range(0, 1 << 20).Select(i => (byte)(i * 17))], received = new byte[1 << 20];

        Task writing = dialed.Stream.WriteAsync(sent).AsTask();
        await accepted.Stream.ReadExactlyAsync(received).AsTask().WaitAsync(Guard);
        await writing.WaitAsync(Guard);
        Assert.Equal(sent, received);

        Task<int> reading = dialed.Stream.ReadAsync(received).AsTask();
        await accepted.DisposeAsync();
        await Assert.ThrowsAsync<IOException>(() => reading.WaitAsync(Guard));
    }

    private async Task<(Stream Dialer, Stream Acceptor)> PairAsync(string name = "bob")
    {
        TransportListener listener = await _network.ListenAsync(name, 4040, CancellationToken.None);
        TransportConnection dialer = await _network.ConnectAsync(name, 4040, CancellationToken.None);
        TransportConnection? acceptor = await listener.AcceptAsync(CancellationToken.None).AsTask().WaitAsync(Guard);
        return (dialer.Stream, acceptor!.Stream);
    }
}
