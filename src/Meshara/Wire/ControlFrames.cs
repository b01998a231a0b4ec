using System.Buffers.Binary;

namespace Meshara.Wire;

/// <summary>Whole frames of the handshake and of the link itself. Each Write returns the length of the whole frame, header included.</summary>
internal static class ControlFrames
{
    /// <summary>Bytes of a PROOF, spec section 5.2.</summary>
    public const int ProofSize = 32;

    /// <summary>Bytes of the payload of PING and PONG, spec section 7.1.</summary>
    public const int PingSize = 8;

    /// <summary>The extension of READY that holds its sender's record, spec section 5.3.</summary>
    public const ulong ReadyRecord = 2;

    /// <summary>The extension of READY that tells a probe why its sender would find no place as a peer, spec section 5.3.</summary>
    public const ulong ReadyNoPlace = 4;

    /// <summary>No frame written here is longer, but a REFUSE with records.</summary>
    public const int MaxFrame = FrameCodec.HeaderSize + FrameCodec.MaxHelloPayload;

    /// <summary>HELLO, spec section 5.1.</summary>
    /// <exception cref="ArgumentException">A field outside what a receiver accepts, or no room.</exception>
    public static int WriteHello(Span<byte> destination, Hello hello) =>
        Finish(destination, FrameType.Hello, hello.Write(destination[FrameCodec.HeaderSize..]));

    /// <summary>PROOF, spec section 5.2: the 32 bytes of the HMAC.</summary>
    /// <exception cref="ArgumentException">Not 32 bytes, or no room.</exception>
    public static int WriteProof(Span<byte> destination, ReadOnlySpan<byte> proof)
    {
        if (proof.Length != ProofSize)
            throw new ArgumentException("A proof has 32 bytes.", nameof(proof));

        proof.CopyTo(destination[FrameCodec.HeaderSize..]);
        return Finish(destination, FrameType.Proof, ProofSize);
    }

    /// <summary>Reads the payload of PROOF, spec section 5.2: the 32 bytes, which lie in <paramref name="payload"/>.</summary>
    /// <exception cref="WireException">Another length.</exception>
    public static ReadOnlySpan<byte> ParseProof(ReadOnlySpan<byte> payload)
    {
        WireReader reader = new(payload);
        ReadOnlySpan<byte> proof = reader.ReadBytes(ProofSize);
        reader.End();
        return proof;
    }

    /// <summary>READY, spec section 5.3.</summary>
    /// <param name="destination">Room for the frame.</param>
    /// <param name="record">The sender's own record (section 11), at most 1024 bytes; empty: none.</param>
    /// <param name="noPlace">To a probe: why its sender would find no place as a peer; null: it would, or it is no probe.</param>
    /// <exception cref="ArgumentException">The record is too long, or no room.</exception>
    public static int WriteReady(Span<byte> destination, ReadOnlySpan<byte> record = default, NoPlace? noPlace = null)
    {
        WireWriter writer = new(destination[FrameCodec.HeaderSize..]);
        writer.WriteCount((record.IsEmpty ? 0 : 1) + (noPlace is null ? 0 : 1), WireReader.MaxExtensions);
        if (!record.IsEmpty)
        {
            writer.WriteVarint(ReadyRecord);
            writer.WriteBlob(record, WireReader.MaxExtensionValue);
        }

        if (noPlace is not null)
        {
            Span<byte> value = stackalloc byte[NoPlace.MaxSize];
            writer.WriteVarint(ReadyNoPlace);
            writer.WriteBlob(value[..noPlace.Write(value)], WireReader.MaxExtensionValue);
        }

        return Finish(destination, FrameType.Ready, writer.Written);
    }

    /// <summary>Reads the payload of READY, spec section 5.3: the sender's own record, which lies in <paramref name="payload"/> and was not looked at; empty: none.</summary>
    /// <exception cref="WireException">Malformed (protocol error), or an unknown critical extension (close).</exception>
    public static ReadOnlySpan<byte> ParseReady(ReadOnlySpan<byte> payload) => ParseReady(payload, out _);

    /// <summary>As <see cref="ParseReady(ReadOnlySpan{byte})"/>.</summary>
    /// <param name="payload">The payload.</param>
    /// <param name="noPlace">What <see cref="NoPlace.TryParse"/> reads, not looked at; empty: none.</param>
    public static ReadOnlySpan<byte> ParseReady(ReadOnlySpan<byte> payload, out ReadOnlySpan<byte> noPlace)
    {
        WireReader reader = new(payload);
        bool acceptable = reader.ReadExtensions(ReadyRecord, out ReadOnlySpan<byte> record, ReadyNoPlace, out noPlace);
        reader.End();
        if (!acceptable)
            WireException.Close("READY with an unknown critical extension.");

        return record;
    }

    /// <summary>REFUSE, spec section 5.4.</summary>
    /// <exception cref="ArgumentException">A negative value, or no room.</exception>
    public static int WriteRefuse(Span<byte> destination, Refuse refuse) =>
        Finish(destination, FrameType.Refuse, refuse.Write(destination[FrameCodec.HeaderSize..]));

    /// <summary>PING, spec section 7.1; the 8 bytes as a number.</summary>
    public static int WritePing(Span<byte> destination, ulong opaque) => WriteOpaque(destination, FrameType.Ping, opaque);

    /// <summary>PONG, spec section 7.1; the bytes of the PING it answers.</summary>
    public static int WritePong(Span<byte> destination, ulong opaque) => WriteOpaque(destination, FrameType.Pong, opaque);

    /// <summary>Reads the payload of PING or PONG, spec section 7.1.</summary>
    /// <exception cref="WireException">Not 8 bytes.</exception>
    public static ulong ParsePing(ReadOnlySpan<byte> payload)
    {
        WireReader reader = new(payload);
        ulong opaque = reader.ReadU64();
        reader.End();
        return opaque;
    }

    /// <summary>GOODBYE, spec section 7.2.</summary>
    public static int WriteGoodbye(Span<byte> destination, Goodbye goodbye) =>
        Finish(destination, FrameType.Goodbye, goodbye.Write(destination[FrameCodec.HeaderSize..]));

    /// <summary>DONE, spec section 7.2.</summary>
    public static int WriteDone(Span<byte> destination) => Finish(destination, FrameType.Done, 0);

    /// <summary>Reads the payload of DONE, spec section 7.2: it has none.</summary>
    /// <exception cref="WireException">Not empty.</exception>
    public static void ParseDone(ReadOnlySpan<byte> payload) => new WireReader(payload).End();

    /// <summary>NOTICE, spec section 7.3.</summary>
    public static int WriteNotice(Span<byte> destination, Notice notice) =>
        Finish(destination, FrameType.Notice, notice.Write(destination[FrameCodec.HeaderSize..]));

    private static int WriteOpaque(Span<byte> destination, FrameType type, ulong opaque)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination[FrameCodec.HeaderSize..], opaque);
        return Finish(destination, type, PingSize);
    }

    private static int Finish(Span<byte> destination, FrameType type, int length)
    {
        FrameCodec.WriteHeader(destination, type, FrameFlags.None, length);
        return FrameCodec.HeaderSize + length;
    }
}
