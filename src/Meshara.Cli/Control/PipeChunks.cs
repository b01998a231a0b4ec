using System.Buffers.Binary;
using System.Text.Json;

namespace Meshara.Cli.Control;

/// <summary>What a chunk is.</summary>
internal enum PipeChunk : byte
{
    /// <summary>Bytes of the stream.</summary>
    Data = 0,

    /// <summary>Empty: this direction is over, and nothing is missing (FIN in the mesh).</summary>
    End = 1,

    /// <summary>A <see cref="PipeStatus"/> in JSON, the last chunk of its sender: all went well, or why not.</summary>
    Status = 2,

    /// <summary>Empty: the client is alive, although it may have nothing to say or no room to read.</summary>
    Alive = 3,
}

/// <summary>
/// The bytes of <c>meshara pipe</c> on the control socket, after the request line of the client and the answer line of the node.
/// </summary>
/// <remarks>
/// <code>
///   chunk   = kind(1) length(4, big-endian, at most 65536) payload
///   client  : Data* End? Alive* ... or Status(ok = false) to abort
///   node    : Data* End Status(ok = true), or Status(ok = false) at any moment
/// </code>
/// Each direction ends by itself: End is its half-close. It is a chunk rather than shutdown(SHUT_WR) because the end of a Unix socket looks
/// the same whether the other process meant it, crashed or was killed; here an end of the socket before End and Status is always an abort.
/// Nothing is kept but one chunk in each direction: who does not read makes the other wait, from the reader's standard output over both
/// nodes to the writer's standard input. A client that can neither read nor write at the moment still says Alive every
/// <see cref="AliveEvery"/>; the node closes one that says nothing for <see cref="ControlTimeouts.Silence"/>.
/// </remarks>
/// <param name="stream">The connection; stays the caller's.</param>
/// <param name="rest">What was read with the answer line already.</param>
internal sealed class PipeChunks(Stream stream, ReadOnlyMemory<byte> rest)
{
    public const int HeaderSize = 5;

    /// <summary>Most bytes of a payload.</summary>
    public const int MaxPayload = 64 << 10;

    private readonly byte[] _received = new byte[HeaderSize + MaxPayload];
    private readonly SemaphoreSlim _writing = new(1);
    private ReadOnlyMemory<byte> _rest = rest;
    private bool _torn;

    /// <summary>How often a client says that it is alive.</summary>
    public static TimeSpan AliveEvery { get; } = TimeSpan.FromSeconds(5);

    /// <summary>The next chunk, its payload valid until the next call; null at the end of the connection.</summary>
    /// <exception cref="InvalidDataException">What came is not a chunk, or the connection ended within one.</exception>
    public async ValueTask<(PipeChunk Kind, ReadOnlyMemory<byte> Payload)?> ReadAsync(CancellationToken cancellationToken)
    {
        int got = await FillAsync(_received.AsMemory(0, HeaderSize), cancellationToken);
        if (got == 0)
        {
            return null;
        }

        PipeChunk kind = (PipeChunk)_received[0];
        uint length = BinaryPrimitives.ReadUInt32BigEndian(_received.AsSpan(1));
        bool isKnown = kind is PipeChunk.Data or PipeChunk.Status || (kind is PipeChunk.End or PipeChunk.Alive && length == 0);
        if (got < HeaderSize || !isKnown || length > MaxPayload)
        {
            throw new InvalidDataException("The control socket carried something that is not a chunk of a pipe.");
        }

        Memory<byte> payload = _received.AsMemory(HeaderSize, (int)length);
        return await FillAsync(payload, cancellationToken) == length
            ? (kind, payload)
            : throw new InvalidDataException("The control socket ended within a chunk.");
    }

    /// <summary>Writes Data; the first <see cref="HeaderSize"/> bytes of <paramref name="buffer"/> are free for the header.</summary>
    public ValueTask WriteDataAsync(Memory<byte> buffer, CancellationToken cancellationToken) => WriteAsync(PipeChunk.Data, buffer, cancellationToken);

    /// <summary>Writes End or Alive.</summary>
    public ValueTask WriteAsync(PipeChunk kind, CancellationToken cancellationToken) => WriteAsync(kind, new byte[HeaderSize], cancellationToken);

    public ValueTask WriteStatusAsync(PipeStatus status, CancellationToken cancellationToken) =>
        WriteAsync(PipeChunk.Status, (byte[])[.. new byte[HeaderSize], .. JsonSerializer.SerializeToUtf8Bytes(status, ControlJson.Default.PipeStatus)], cancellationToken);

    /// <summary>Reads the payload of Status.</summary>
    /// <exception cref="InvalidDataException">It is no status.</exception>
    public static PipeStatus ParseStatus(ReadOnlyMemory<byte> payload)
    {
        try
        {
            return JsonSerializer.Deserialize(payload.Span, ControlJson.Default.PipeStatus) ?? throw new InvalidDataException("The status of a pipe is null.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException("The status of a pipe is not what this version of the command understands.", e);
        }
    }

    private async ValueTask WriteAsync(PipeChunk kind, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            if (_torn)
            {
                throw new IOException("A chunk was given up half-way: nothing can follow it.");
            }

            buffer.Span[0] = (byte)kind;
            BinaryPrimitives.WriteUInt32BigEndian(buffer.Span[1..], (uint)(buffer.Length - HeaderSize));
            _torn = true;
            await stream.WriteAsync(buffer, cancellationToken);
            _torn = false;
        }
        finally
        {
            _writing.Release();
        }
    }

    // As much as is wanted, or less at the end of the connection.
    private async ValueTask<int> FillAsync(Memory<byte> destination, CancellationToken cancellationToken)
    {
        int taken = Math.Min(_rest.Length, destination.Length);
        _rest[..taken].CopyTo(destination);
        _rest = _rest[taken..];
        return taken + await stream.ReadAtLeastAsync(destination[taken..], destination.Length - taken, throwOnEndOfStream: false, cancellationToken);
    }
}

/// <summary>How a pipe ended.</summary>
internal sealed record PipeStatus
{
    public required bool Ok { get; init; }

    /// <summary>As in <see cref="ControlReply.Code"/>.</summary>
    public string? Code { get; init; }

    /// <summary>The same for people.</summary>
    public string? Message { get; init; }

    /// <summary>Bytes that the stream took from this client.</summary>
    public long Sent { get; init; }

    /// <summary>Bytes that came over the stream and were given to this client.</summary>
    public long Received { get; init; }
}

/// <summary>Codes with which a pipe aborts its stream; the other side's application sees them.</summary>
internal static class PipeCode
{
    /// <summary>The other side waits for another node.</summary>
    public const long NotExpected = 256;

    /// <summary>The other side has its stream already.</summary>
    public const long Taken = 257;

    /// <summary>Whoever read the other side's output has closed it.</summary>
    public const long ReaderGone = 258;
}
