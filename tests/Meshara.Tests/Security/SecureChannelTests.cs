using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Meshara.Security;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Security;

public sealed class SecureChannelTests
{
    [Theory]
    [InlineData(MinimumTls.Tls12)]
    [InlineData(MinimumTls.Tls13)]
    public async Task Connect_BothHonest_EachProvesItsKeyAndBytesFlow(MinimumTls minimum)
    {
        await using LoopbackPair pair = await LoopbackPair.CreateAsync();
        await TalkAsync(pair.Dialer, pair.Acceptor, ChannelBed.Options with { MinimumTls = minimum });
    }

    [Fact]
    public async Task Connect_OverAStreamThatIsNoSocket_Works()
    {
        Pipe there = new();
        Pipe back = new();
        await using PipeStream dialer = new(back.Reader.AsStream(), there.Writer.AsStream());
        await using PipeStream acceptor = new(there.Reader.AsStream(), back.Writer.AsStream());
        await TalkAsync(dialer, acceptor, ChannelBed.Options);
    }

    [Fact]
    public async Task Connect_HelloOnTheWire_NoServerNameNoTicketNoEarlyData()
    {
        using ChannelBed bed = new();
        await using LoopbackPair pair = await LoopbackPair.CreateAsync();
        using CancellationTokenSource stop = new();
        Task<SecureChannel> dialing = SecureChannel.ConnectAsync(pair.Dialer, bed.Certificate, null, "localhost:4040", ChannelBed.Options, stop.Token);
        Dictionary<int, byte[]> extensions = await ReadClientHelloAsync(pair.Acceptor);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => dialing.WaitAsync(ChannelBed.Guard));

        // RFC 8446 section 4.2: server_name 0, ALPN 16, session_ticket 35, pre_shared_key 41, early_data 42.
        Assert.DoesNotContain(0, extensions.Keys);
        Assert.DoesNotContain(35, extensions.Keys);
        Assert.DoesNotContain(41, extensions.Keys);
        Assert.DoesNotContain(42, extensions.Keys);
        Assert.Equal("\0\x0A\x09meshara/1", Encoding.ASCII.GetString(extensions[16]));
    }

    [Fact]
    public async Task Connect_CallerGivesUp_CancelledAndClosed()
    {
        using ChannelBed bed = new();
        await using LoopbackPair pair = await LoopbackPair.CreateAsync();
        using CancellationTokenSource stop = new();
        Task<SecureChannel> dialing = SecureChannel.ConnectAsync(pair.Dialer, bed.Certificate, null, ChannelBed.Address, ChannelBed.Options, stop.Token);
        await stop.CancelAsync();

        OperationCanceledException error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => dialing.WaitAsync(ChannelBed.Guard));
        Assert.Equal(stop.Token, error.CancellationToken);
        Assert.False(pair.Dialer.CanRead);
        await ChannelBed.ReadToEndAsync(pair.Acceptor);
    }

    [Fact]
    public async Task Accept_CancelledBeforehand_CancelledAndClosed()
    {
        using ChannelBed bed = new();
        await using LoopbackPair pair = await LoopbackPair.CreateAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => SecureChannel.AcceptAsync(
            pair.Acceptor, bed.Certificate, ChannelBed.Address, ChannelBed.Options, new CancellationToken(canceled: true)).WaitAsync(ChannelBed.Guard));
        Assert.False(pair.Acceptor.CanRead);
    }

    [Fact]
    public async Task Accept_TransportIgnoresCancellation_DeadlineStillEndsIt()
    {
        using ChannelBed bed = new();
        ManualTimeProvider time = new();
        await using DeafStream transport = new();
        Task<SecureChannel> accepting = SecureChannel.AcceptAsync(
            transport, bed.Certificate, ChannelBed.Address, new SecureChannelOptions(MinimumTls.Tls12, TimeSpan.FromSeconds(5), time), CancellationToken.None);
        time.Advance(TimeSpan.FromSeconds(5));

        MesharaException error = await Assert.ThrowsAsync<MesharaException>(() => accepting.WaitAsync(ChannelBed.Guard));
        Assert.Equal(MesharaErrorCode.TlsTimeout, error.Code);
        Assert.True(error.IsTransient);
        Assert.Contains("5 s", error.Message, StringComparison.Ordinal);
        Assert.Contains(ChannelBed.Address, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Accept_TransportThrowsWhenDisposed_TimeoutIsStillTheReason()
    {
        using ChannelBed bed = new();
        ManualTimeProvider time = new();
        await using DeafStream transport = new() { ThrowsOnce = true };
        Task<SecureChannel> accepting = SecureChannel.AcceptAsync(
            transport, bed.Certificate, ChannelBed.Address, new SecureChannelOptions(MinimumTls.Tls12, TimeSpan.FromSeconds(5), time), CancellationToken.None);

        // Would throw here, where in a program the timer's thread is, if the complaint escaped.
        time.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal(MesharaErrorCode.TlsTimeout, (await Assert.ThrowsAsync<MesharaException>(() => accepting.WaitAsync(ChannelBed.Guard))).Code);
    }

    [Fact]
    public async Task Connect_TransportIsClosedAlready_TlsFailed()
    {
        using ChannelBed bed = new();
        await using LoopbackPair pair = await LoopbackPair.CreateAsync();
        await pair.Dialer.DisposeAsync();

        MesharaException error = await Assert.ThrowsAsync<MesharaException>(() => SecureChannel.ConnectAsync(
            pair.Dialer, bed.Certificate, null, ChannelBed.Address, ChannelBed.Options, CancellationToken.None).WaitAsync(ChannelBed.Guard));
        Assert.Equal(MesharaErrorCode.TlsFailed, error.Code);
    }

    [Fact]
    public async Task Connect_Done_LeavesNoTimer()
    {
        ManualTimeProvider time = new();
        await using LoopbackPair pair = await LoopbackPair.CreateAsync();
        await TalkAsync(pair.Dialer, pair.Acceptor, new SecureChannelOptions(MinimumTls.Tls12, TimeSpan.FromSeconds(5), time));

        Assert.Equal(0, time.PendingTimers);
    }

    [Fact]
    public async Task Connect_AcceptorClosesAtOnce_FailsAsTransient()
    {
        using ChannelBed bed = new();
        MesharaException error = await bed.DialFailsAsync(static stream =>
        {
            stream.Socket.Shutdown(SocketShutdown.Send);
            return Task.CompletedTask;
        });

        Assert.Equal(MesharaErrorCode.TlsFailed, error.Code);
        Assert.True(error.IsTransient);
    }

    private static async Task TalkAsync(Stream dialerTransport, Stream acceptorTransport, SecureChannelOptions options)
    {
        using ChannelBed alice = new();
        using ChannelBed bob = new();
        Task<SecureChannel> accepting = SecureChannel.AcceptAsync(acceptorTransport, bob.Certificate, "alice:1", options, CancellationToken.None);
        await using SecureChannel dialed = await SecureChannel.ConnectAsync(
            dialerTransport, alice.Certificate, bob.Identity.Id, "bob:1", options, CancellationToken.None).WaitAsync(ChannelBed.Guard);
        await using SecureChannel accepted = await accepting.WaitAsync(ChannelBed.Guard);

        Assert.Equal(bob.Identity.PublicKey, dialed.RemoteKey);
        Assert.Equal(alice.Identity.Id, accepted.RemoteId);
        Assert.Equal(SslProtocols.Tls13, dialed.Stream.SslProtocol);
        Assert.True(dialed.Stream.IsMutuallyAuthenticated);
        byte[] buffer = new byte[5];
        await dialed.Stream.WriteAsync("hello"u8.ToArray());
        await accepted.Stream.ReadExactlyAsync(buffer).AsTask().WaitAsync(ChannelBed.Guard);
        Assert.Equal("hello"u8.ToArray(), buffer);
        await accepted.Stream.WriteAsync("world"u8.ToArray());
        await dialed.Stream.ReadExactlyAsync(buffer).AsTask().WaitAsync(ChannelBed.Guard);
        Assert.Equal("world"u8.ToArray(), buffer);
    }

    // RFC 8446 section 4.1.2, by hand.
    private static async Task<Dictionary<int, byte[]>> ReadClientHelloAsync(Stream stream)
    {
        byte[] header = new byte[5];
        await stream.ReadExactlyAsync(header).AsTask().WaitAsync(ChannelBed.Guard);
        Assert.Equal(0x16, header[0]);
        byte[] hello = new byte[BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(3))];
        await stream.ReadExactlyAsync(hello).AsTask().WaitAsync(ChannelBed.Guard);
        Assert.Equal(1, hello[0]);
        int at = 4 + 2 + 32;
        at += 1 + hello[at];
        at += 2 + BinaryPrimitives.ReadUInt16BigEndian(hello.AsSpan(at));
        at += 1 + hello[at];
        int end = at + 2 + BinaryPrimitives.ReadUInt16BigEndian(hello.AsSpan(at));
        Assert.Equal(hello.Length, end);
        Dictionary<int, byte[]> extensions = [];
        for (at += 2; at < end;)
        {
            int length = BinaryPrimitives.ReadUInt16BigEndian(hello.AsSpan(at + 2));
            extensions.Add(BinaryPrimitives.ReadUInt16BigEndian(hello.AsSpan(at)), hello[(at + 4)..(at + 4 + length)]);
            at += 4 + length;
        }

        return extensions;
    }

    private sealed class PipeStream(Stream reads, Stream writes) : TestStream
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => reads.ReadAsync(buffer, cancellationToken);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => writes.WriteAsync(buffer, cancellationToken);

        public override Task FlushAsync(CancellationToken cancellationToken) => writes.FlushAsync(cancellationToken);

        protected override void Dispose(bool disposing)
        {
            reads.Dispose();
            writes.Dispose();
            base.Dispose(disposing);
        }
    }

    // A transport that takes no notice of tokens; only disposing it ends a read.
    private sealed class DeafStream : TestStream
    {
        private readonly TaskCompletionSource<int> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool ThrowsOnce { get; set; }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(_end.Task);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.CompletedTask;

        public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        protected override void Dispose(bool disposing)
        {
            _end.TrySetException(new ObjectDisposedException(nameof(DeafStream)));
            base.Dispose(disposing);
            if (ThrowsOnce)
            {
                ThrowsOnce = false;
                throw new InvalidOperationException("This transport complains about its end.");
            }
        }
    }

    private abstract class TestStream : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Flush() => throw new NotSupportedException();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
