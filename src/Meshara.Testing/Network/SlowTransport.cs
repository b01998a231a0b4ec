namespace Meshara.Testing.Network;

/// <summary>Another transport, with virtual milliseconds drawn at random before each connection and each write.</summary>
internal sealed class SlowTransport(ITransport inner, TimeProvider time, Random random, int maxMilliseconds) : ITransport
{
    public async ValueTask<TransportListener> ListenAsync(string host, int port, CancellationToken cancellationToken) =>
        new SlowListener(await inner.ListenAsync(host, port, cancellationToken), this);

    public async ValueTask<TransportConnection> ConnectAsync(string host, int port, CancellationToken cancellationToken)
    {
        await PauseAsync(cancellationToken);
        return Slow(await inner.ConnectAsync(host, port, cancellationToken));
    }

    private TransportConnection Slow(TransportConnection fast) => new(new SlowStream(fast.Stream, this), fast.RemoteHost, fast.RemotePort);

    private Task PauseAsync(CancellationToken cancellationToken) =>
        Task.Delay(TimeSpan.FromMilliseconds(random.Next(maxMilliseconds + 1)), time, cancellationToken);

    private sealed class SlowListener(TransportListener inner, SlowTransport transport) : TransportListener
    {
        public override string Host => inner.Host;

        public override int Port => inner.Port;

        public override async ValueTask<TransportConnection?> AcceptAsync(CancellationToken cancellationToken) =>
            await inner.AcceptAsync(cancellationToken) is { } fast ? transport.Slow(fast) : null;

        public override ValueTask DisposeAsync() => inner.DisposeAsync();
    }

    private sealed class SlowStream(Stream inner, SlowTransport transport) : Stream
    {
        public override bool CanRead => true;

        public override bool CanWrite => true;

        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => inner.ReadAsync(buffer, cancellationToken);

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await transport.PauseAsync(cancellationToken);
            await inner.WriteAsync(buffer, cancellationToken);
        }

        public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                inner.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
