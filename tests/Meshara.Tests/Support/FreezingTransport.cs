namespace Meshara.Tests.Support;

/// <summary>A network that can go dead without telling: what is written vanishes, what is read never comes.</summary>
internal sealed class FreezingTransport(ITransport inner) : ITransport
{
    private readonly Lock _sync = new();
    private readonly List<FreezingStream> _streams = [];

    /// <summary>Freezes the connections that there are; new ones work.</summary>
    public void Freeze()
    {
        lock (_sync)
        {
            _streams.ForEach(s => s.Freeze());
            _streams.Clear();
        }
    }

    public ValueTask<TransportListener> ListenAsync(string host, int port, CancellationToken cancellationToken) => inner.ListenAsync(host, port, cancellationToken);

    public async ValueTask<TransportConnection> ConnectAsync(string host, int port, CancellationToken cancellationToken)
    {
        TransportConnection connection = await inner.ConnectAsync(host, port, cancellationToken);
        FreezingStream stream = new(connection.Stream);
        lock (_sync)
        {
            _streams.Add(stream);
        }

        return new TransportConnection(stream, connection.RemoteHost, connection.RemotePort);
    }

    private sealed class FreezingStream(Stream inner) : Stream
    {
        private readonly TaskCompletionSource _frozen = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override bool CanRead => true;

        public override bool CanWrite => true;

        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public void Freeze() => _frozen.TrySetResult();

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Task<int> read = inner.ReadAsync(buffer, cancellationToken).AsTask();
            if (await Task.WhenAny(read, _frozen.Task) == read && !_frozen.Task.IsCompleted)
            {
                return await read;
            }

            await _disposed.Task.WaitAsync(cancellationToken);
            throw new IOException("disposed");
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            _frozen.Task.IsCompleted ? ValueTask.CompletedTask : inner.WriteAsync(buffer, cancellationToken);

        public override void Flush()
        {
        }

        public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        // A dead network tells the other side nothing of this either.
        protected override void Dispose(bool disposing)
        {
            _disposed.TrySetResult();
            if (!_frozen.Task.IsCompleted)
            {
                inner.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
