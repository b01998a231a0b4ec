namespace Meshara.Tests.Support;

/// <summary>A stream that gives the chunks it was made with, at most one each read, and then ends.</summary>
internal sealed class ChunkStream(params IEnumerable<byte[]> chunks) : Stream
{
    private readonly Queue<byte[]> _chunks = new(chunks);
    private ReadOnlyMemory<byte> _rest;

    /// <summary>The memory of the last read.</summary>
    public Memory<byte> LastDestination { get; private set; }

    /// <summary>If set, reads wait for it.</summary>
    public Task? Gate { get; init; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        LastDestination = buffer;
        if (Gate is { } gate)
        {
            await gate.WaitAsync(cancellationToken);
        }

        if (_rest.IsEmpty)
        {
            _rest = _chunks.TryDequeue(out byte[]? next) ? next : default;
        }

        int count = Math.Min(buffer.Length, _rest.Length);
        _rest[..count].CopyTo(buffer);
        _rest = _rest[count..];
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
