using System.IO.Pipelines;

namespace Meshara.Benchmarks;

/// <summary>A stream behind two pipes: one task writes what was gathered meanwhile, another reads ahead of who wants it. So much stands between a program and its connection at the least, where many streams share it.</summary>
internal sealed class PipedStream : IAsyncDisposable
{
    private static readonly PipeOptions Options = new(
        pauseWriterThreshold: 4 * Workload.BulkWrite, resumeWriterThreshold: 2 * Workload.BulkWrite, minimumSegmentSize: Workload.BulkWrite, useSynchronizationContext: false);

    private readonly Stream _inner;
    private readonly Pipe _incoming = new(Options);
    private readonly Pipe _outgoing = new(Options);
    private readonly Task _work;

    public PipedStream(Stream inner)
    {
        _inner = inner;
        _work = Task.WhenAll(Task.Run(ReadAsync), Task.Run(WriteAsync));
        Incoming = _incoming.Reader.AsStream();
        Outgoing = _outgoing.Writer.AsStream();
    }

    public Stream Incoming { get; }

    public Stream Outgoing { get; }

    public async ValueTask DisposeAsync()
    {
        await _outgoing.Writer.CompleteAsync();
        await _incoming.Reader.CompleteAsync();
        await _inner.DisposeAsync();
        await _work;
    }

    private async Task ReadAsync()
    {
        Exception? end = null;
        try
        {
            while (await _inner.ReadAsync(_incoming.Writer.GetMemory(Workload.BulkWrite)) is > 0 and int read)
            {
                _incoming.Writer.Advance(read);
                await _incoming.Writer.FlushAsync();
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            end = e;
        }

        await _incoming.Writer.CompleteAsync(end);
    }

    private async Task WriteAsync()
    {
        try
        {
            for (bool more = true; more;)
            {
                ReadResult written = await _outgoing.Reader.ReadAsync();
                foreach (ReadOnlyMemory<byte> segment in written.Buffer)
                {
                    await _inner.WriteAsync(segment);
                }

                _outgoing.Reader.AdvanceTo(written.Buffer.End);
                more = !written.IsCompleted;
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // Whoever waits for an answer hears it from the other pipe.
        }
    }
}
