using System.Text.Json;

namespace Meshara.Cli.Control;

/// <summary>Lines of bytes over a stream, each of bounded length.</summary>
/// <param name="stream">The stream; stays the caller's.</param>
/// <param name="longest">Most bytes of a line, its end not counted.</param>
internal sealed class LineChannel(Stream stream, int longest)
{
    private byte[] _buffer = new byte[1024];
    private int _start;
    private int _end;

    /// <summary>The next line without its end, valid until the next call; null at the end of the stream.</summary>
    /// <exception cref="InvalidDataException">The line is longer than allowed, or the stream ends within one.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> ReadAsync(CancellationToken cancellationToken)
    {
        int looked = 0;
        while (true)
        {
            int found = _buffer.AsSpan(_start + looked, _end - _start - looked).IndexOf((byte)'\n');
            if (found >= 0)
            {
                ReadOnlyMemory<byte> line = _buffer.AsMemory(_start, looked + found);
                _start += looked + found + 1;
                return line;
            }

            looked = _end - _start;
            if (looked > longest)
            {
                throw new InvalidDataException($"A line is longer than {longest} bytes.");
            }

            MakeRoom();
            int read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                return looked == 0 ? null : throw new InvalidDataException("The connection ended within a line.");
            }

            _end += read;
        }
    }

    /// <summary>Writes a line; <paramref name="line"/> has no line end in it.</summary>
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> line, CancellationToken cancellationToken) =>
        await stream.WriteAsync((byte[])[.. line.Span, (byte)'\n'], cancellationToken).ConfigureAwait(false);

    /// <summary>Writes a reply within the deadline of one write.</summary>
    public async Task WriteAsync(ControlReply reply, ControlTimeouts timeouts)
    {
        using CancellationTokenSource deadline = new(timeouts.Write, timeouts.Time);
        await WriteAsync(JsonSerializer.SerializeToUtf8Bytes(reply, ControlJson.Default.ControlReply), deadline.Token);
    }

    /// <summary>What was read beyond the last line; the channel is not to be read from any more.</summary>
    public ReadOnlyMemory<byte> TakeRest()
    {
        ReadOnlyMemory<byte> rest = _buffer.AsMemory(_start, _end - _start);
        _start = _end;
        return rest;
    }

    private void MakeRoom()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        if (_end == _buffer.Length)
        {
            // One byte over the limit is enough to know that a line is too long.
            Array.Resize(ref _buffer, Math.Min(_buffer.Length * 2, longest + 1));
        }
    }
}
