using FsCheck;
using FsCheck.Fluent;
using Meshara.Net;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Net;

public sealed class ReplayStreamTests
{
    [Fact]
    public void ReadAsync_AnySizes_TheFirstBytesThenTheStream() =>
        Prop.ForAll<byte[], byte[], PositiveInt>((first, rest, size) =>
        {
            using ReplayStream stream = new(new MemoryStream(rest), first);
            using MemoryStream all = new();
            stream.CopyTo(all, size.Get);
            Assert.Equal([.. first, .. rest], all.ToArray());
        }).Check(Seeded.Config);

    [Fact]
    public async Task ReadAsync_WhileBytesAreLeft_DoesNotTouchTheStream()
    {
        await using ReplayStream stream = new(Stream.Null, new byte[] { 1, 2, 3 });

        Assert.Equal(0, await stream.ReadAsync(Memory<byte>.Empty));
        Assert.Equal(2, await stream.ReadAsync(new byte[2]));
        Assert.Equal(1, await stream.ReadAsync(new byte[2]));
        Assert.Equal(0, await stream.ReadAsync(new byte[2]));
    }

    [Fact]
    public async Task WriteAndDispose_GoToTheStream()
    {
        MemoryStream inner = new();
        ReplayStream stream = new(inner, new byte[] { 1 });
        await stream.WriteAsync(new byte[] { 7 });
        Assert.Equal([7], inner.ToArray());
        await stream.DisposeAsync();
        Assert.False(inner.CanRead);
    }
}
