using System.Buffers.Binary;
using System.Text;

namespace Meshara.Tests.Support;

/// <summary>One frame as it came off the wire.</summary>
internal sealed record RawFrame(byte Type, byte Flags, byte[] Payload)
{
    /// <summary>The varints that the payload begins with: stream id, and code or increment.</summary>
    public ulong[] Varints
    {
        get
        {
            List<ulong> values = [];
            for (int at = 0; at < Payload.Length;)
            {
                int length = 1 << (Payload[at] >> 6);
                if (at + length > Payload.Length)
                {
                    break;
                }

                ulong value = (ulong)(Payload[at] & 0x3F);
                for (int i = 1; i < length; i++)
                {
                    value = (value << 8) | Payload[at + i];
                }

                values.Add(value);
                at += length;
            }

            return [.. values];
        }
    }

    public ulong Id => Varints[0];

    public ulong Code => Varints[1];

    /// <summary>Bytes of DATA after the id.</summary>
    public ReadOnlySpan<byte> Body => Payload.AsSpan(1 << (Payload[0] >> 6));
}

/// <summary>An encoder of frames of its own: it shares no line with the one under test, and forbids nothing.</summary>
internal static class Raw
{
    public const byte Hello = 0x01, Proof = 0x02, Ready = 0x03, Refuse = 0x04, Ping = 0x05, Pong = 0x06, Goodbye = 0x07, Done = 0x08;
    public const byte Open = 0x10, Data = 0x11, Reset = 0x12, StopSending = 0x13, Window = 0x14, MaxStreams = 0x15, Ack = 0x16, Notice = 0x81;
    public const byte Eom = 1, Fin = 2, AckFlag = 4;

    public static byte[] Frame(byte type, byte flags = 0, params byte[] payload) => Header((uint)payload.Length, type, flags, payload);

    /// <summary>A header that says what it likes, and some bytes.</summary>
    public static byte[] Header(uint length, byte type, byte flags = 0, params byte[] rest)
    {
        byte[] frame = new byte[6 + rest.Length];
        BinaryPrimitives.WriteUInt32BigEndian(frame, length);
        frame[4] = type;
        frame[5] = flags;
        rest.CopyTo(frame, 6);
        return frame;
    }

    public static byte[] Varint(ulong value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        (int length, int prefix) = value switch { < 1UL << 6 => (1, 0x00), < 1UL << 14 => (2, 0x40), < 1UL << 30 => (4, 0x80), _ => (8, 0xC0) };
        byte[] result = bytes[(8 - length)..];
        result[0] |= (byte)prefix;
        return result;
    }

    public static byte[] OpenFrame(ulong id, byte kind, string protocol) => OpenFrame(id, kind, Encoding.UTF8.GetBytes(protocol), 0);

    public static byte[] OpenFrame(ulong id, byte kind, byte[] protocol, params byte[] extensions) =>
        Frame(Open, 0, [.. Varint(id), kind, .. Varint((ulong)protocol.Length), .. protocol, .. extensions]);

    public static byte[] DataFrame(ulong id, byte flags, params byte[] body) => Frame(Data, flags, [.. Varint(id), .. body]);

    public static byte[] DataFrame(ulong id, byte flags, int length) => DataFrame(id, flags, new byte[length]);

    public static byte[] Pair(byte type, ulong id, ulong value) => Frame(type, 0, [.. Varint(id), .. Varint(value)]);

    public static byte[] ResetFrame(ulong id, ulong code = 1) => Pair(Reset, id, code);

    public static byte[] PingFrame(ulong nonce) => Opaque(Ping, nonce);

    public static byte[] PongFrame(ulong nonce) => Opaque(Pong, nonce);

    public static byte[] GoodbyeFrame(ulong code, string message = "") =>
        Frame(Goodbye, 0, [.. Varint(code), .. Varint(0), .. Varint((ulong)Encoding.UTF8.GetByteCount(message)), .. Encoding.UTF8.GetBytes(message)]);

    private static byte[] Opaque(byte type, ulong value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        return Frame(type, 0, bytes);
    }
}
