using BenchmarkDotNet.Attributes;
using Meshara.Wire;

namespace Meshara.Micro;

/// <summary>Frames of a live link, written into a buffer and read back from it.</summary>
public class FrameCodecParts
{
    private const ulong Id = 12345;

    private readonly byte[] _body = new byte[64];
    private readonly byte[] _buffer = new byte[FrameCodec.HeaderSize + FrameCodec.MaxPayload];
    private readonly byte[] _data = Frame(b => StreamFrames.WriteData(b, FrameFlags.EndOfMessage, Id, new byte[64]));
    private readonly byte[] _open = Frame(b => StreamFrames.WriteOpen(b, Id, StreamKind.Request, "chat/1"));
    private readonly byte[] _window = Frame(b => StreamFrames.WriteWindow(b, Id, 16384));
    private readonly byte[] _ping = Frame(b => ControlFrames.WritePing(b, 42));

    [Benchmark(Description = "write DATA of 64 B")]
    public int WriteData() => StreamFrames.WriteData(_buffer, FrameFlags.EndOfMessage, Id, _body);

    [Benchmark(Description = "parse DATA of 64 B")]
    public int ParseData()
    {
        ReadOnlySpan<byte> payload = Payload(_data, out FrameHeader header);
        StreamFrames.ParseData(header.Flags, payload, out _, out ReadOnlySpan<byte> body);
        return body.Length;
    }

    [Benchmark(Description = "write OPEN")]
    public int WriteOpen() => StreamFrames.WriteOpen(_buffer, Id, StreamKind.Request, "chat/1");

    [Benchmark(Description = "parse OPEN")]
    public int ParseOpen()
    {
        StreamFrames.ParseOpen(Payload(_open, out _), out _, out _, out ReadOnlySpan<byte> protocol, out _);
        return protocol.Length;
    }

    [Benchmark(Description = "write WINDOW")]
    public int WriteWindow() => StreamFrames.WriteWindow(_buffer, Id, 16384);

    [Benchmark(Description = "parse WINDOW")]
    public long ParseWindow()
    {
        StreamFrames.ParseWindow(Payload(_window, out _), out _, out long increment);
        return increment;
    }

    [Benchmark(Description = "write PING")]
    public int WritePing() => ControlFrames.WritePing(_buffer, 42);

    [Benchmark(Description = "parse PING")]
    public ulong ParsePing() => ControlFrames.ParsePing(Payload(_ping, out _));

    private static byte[] Frame(Func<byte[], int> write)
    {
        byte[] buffer = new byte[1024];
        return buffer[..write(buffer)];
    }

    private static ReadOnlySpan<byte> Payload(byte[] frame, out FrameHeader header) =>
        FrameCodec.TryReadHeader(frame, FrameCodec.MaxPayload, out header) ? frame.AsSpan(FrameCodec.HeaderSize, header.Length) : default;
}
