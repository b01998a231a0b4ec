using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Meshara.Security;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Security;

public sealed class ClientHelloTests
{
    [Theory]
    [InlineData(4, 1)]
    [InlineData(300, 1)]
    [InlineData(16 << 10, 1)]
    [InlineData(300, 7)]
    [InlineData(300, 300)]
    [InlineData(10, 10)]
    [InlineData(16 << 10, 200)]
    public void Look_WholeAndPartial_TrueOnlyAtTheEnd(int size, int records)
    {
        byte[] bytes = Hello(size, records);
        ClientHello hello = default;
        for (int length = 0; length < bytes.Length; length++)
        {
            Assert.Null(hello.Look(bytes.AsSpan(0, length), out int needed));
            Assert.InRange(needed, length + 1, bytes.Length);
        }

        Assert.True(hello.Look(bytes, out _));
        Assert.True(default(ClientHello).Look([.. bytes, 1, 2, 3], out _));
    }

    public static TheoryData<string, byte[]> Wrong => new()
    {
        { "H2 HTTP", Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\n") },
        { "H2 SSH", Encoding.ASCII.GetBytes("SSH-2.0-OpenSSH_9.6\r\n") },
        { "H2 zeros", new byte[16] },
        { "H2 0xFF", [0xFF] },
        { "H3 record of 65535", [22, 3, 1, 0xFF, 0xFF] },
        { "a record one over the limit", [22, 3, 1, 0x40, 0x01] },
        { "an empty record", [22, 3, 1, 0, 0] },
        { "another version of the record layer", [22, 4] },
        { "a ServerHello", [22, 3, 3, 0, 50, 2] },
        { "a message of 16 MiB", [22, 3, 1, 0x40, 0, 1, 0xFF, 0xFF, 0xFF] },
        { "application data", [23] },
        { "small records without end", [22, 3, 1, 0, 4, 1, 0, 0x3F, 0, .. Enumerable.Repeat<byte[]>([22, 3, 1, 0, 1, 0], 4000).SelectMany(b => b)] },
    };

    [Theory]
    [MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public void Look_SomethingElse_IsFalseByItsLastByte(string what, byte[] bytes)
    {
        ClientHello hello = default;
        bool? judged = null;
        for (int length = 1; length <= bytes.Length && judged is null; length++)
        {
            judged = hello.Look(bytes.AsSpan(0, length), out _);
        }

        Assert.False(judged, what);
    }

    [Fact]
    public void Look_AnyBytesInAnyPieces_IsAsAtOnceAndNeverWantsMoreThanTheBound() =>
        Prop.ForAll<byte[], PositiveInt>((tail, piece) =>
        {
            byte[] bytes = [22, 3, 1, 0, (byte)Math.Max(1, tail.Length / 2), 1, 0, 0, .. tail, .. tail];
            ClientHello hello = default;
            bool? judged = null;
            for (int length = 0; length < bytes.Length && judged is null;)
            {
                length = Math.Min(bytes.Length, length + piece.Get);
                judged = hello.Look(bytes.AsSpan(0, length), out int needed);
                Assert.True(judged is not null || needed <= ClientHello.MaxBytes);
            }

            Assert.Equal(default(ClientHello).Look(bytes, out _), judged);
        }).Check(Seeded.Config);

    [Fact]
    public void Look_AsManyBytesAsAreLookedAt_TrueAndOneMoreFalse()
    {
        // In so many records that their headers fill what is left beside the message.
        byte[] Of(int bytes) => Hello(bytes - (5 * 205), 205);
        Assert.Equal(ClientHello.MaxBytes, Of(ClientHello.MaxBytes).Length);
        Assert.True(default(ClientHello).Look(Of(ClientHello.MaxBytes), out _));
        Assert.False(default(ClientHello).Look(Of(ClientHello.MaxBytes + 1), out _));
    }

    /// <summary>A message of this size, its header included, in so many records.</summary>
    private static byte[] Hello(int size, int records)
    {
        byte[] message = new byte[size];
        Array.Fill(message, (byte)0xFF);
        (message[0], message[1]) = (1, 0);
        (message[2], message[3]) = ((byte)((size - 4) >> 8), (byte)(size - 4));
        return [.. message.Chunk((size + records - 1) / records).SelectMany(c => (byte[])[22, 3, 1, (byte)(c.Length >> 8), (byte)c.Length, .. c])];
    }
}
