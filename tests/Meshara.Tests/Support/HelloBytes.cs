using System.Buffers.Binary;
using System.Net.Security;
using Meshara.Security;

namespace Meshara.Tests.Support;

#pragma warning disable CA5359 // Nobody answers, and so nobody is checked.

/// <summary>A ClientHello that an acceptor answers.</summary>
internal static class HelloBytes
{
    /// <summary>What the dialer of this library sends first.</summary>
    public static async Task<byte[]> CaptureAsync()
    {
        using NodeIdentity identity = NodeIdentity.Create();
        using NodeCertificate certificate = new(identity);
        await using FirstWrite first = new();
        await using SslStream tls = new(first);
        try
        {
            await tls.AuthenticateAsClientAsync(TlsRules.ForDialer(certificate, MinimumTls.Tls12, (_, _, _, _) => true));
        }
        catch (IOException)
        {
            // Nobody answers.
        }

        return first.Bytes;
    }

    /// <summary>The same with an extension of padding (RFC 7685), so that its record has this many bytes without the header.</summary>
    public static byte[] Pad(byte[] hello, int size)
    {
        // Record 5, message 4, version 2, random 32; session, suites, compression.
        int at = 5 + 4 + 2 + 32;
        at += 1 + hello[at];
        at += 2 + BinaryPrimitives.ReadUInt16BigEndian(hello.AsSpan(at));
        at += 1 + hello[at];
        int padding = size - (hello.Length - 5) - 4;
        byte[] padded = [.. hello, 0, 21, (byte)(padding >> 8), (byte)padding, .. new byte[padding]];
        BinaryPrimitives.WriteUInt16BigEndian(padded.AsSpan(at), (ushort)(padded.Length - at - 2));
        BinaryPrimitives.WriteUInt16BigEndian(padded.AsSpan(3), (ushort)size);
        BinaryPrimitives.WriteUInt16BigEndian(padded.AsSpan(7), (ushort)(size - 4));
        return padded;
    }

    private sealed class FirstWrite : MemoryStream
    {
        public byte[] Bytes { get; private set; } = [];

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.FromResult(0);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Bytes = Bytes.Length == 0 ? buffer.ToArray() : Bytes;
            return ValueTask.CompletedTask;
        }
    }
}
