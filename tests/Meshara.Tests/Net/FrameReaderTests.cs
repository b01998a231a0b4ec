using System.Buffers;
using System.Runtime.InteropServices;
using FsCheck;
using FsCheck.Fluent;
using Meshara.Net;
using Meshara.Tests.Support;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Net;

public sealed class FrameReaderTests
{
    [Fact]
    public async Task TryTake_TwoFramesInOneRead_BothInOrder()
    {
        using FrameReader reader = new(new ChunkStream([.. Frame(FrameType.Ping, 8, 1), .. Frame(FrameType.Data, 3, 2)]));

        Assert.False(reader.TryTake(FrameCodec.MaxPayload, out _, out _));
        Assert.True(await reader.FillAsync(CancellationToken.None));
        Assert.True(reader.TryTake(FrameCodec.MaxPayload, out FrameHeader header, out ReadOnlySpan<byte> payload));
        Assert.Equal(new FrameHeader(FrameType.Ping, FrameFlags.None, 8), header);
        Assert.Equal([1, 1, 1, 1, 1, 1, 1, 1], payload.ToArray());
        Assert.True(reader.HasPartial);
        Assert.True(reader.TryTake(FrameCodec.MaxPayload, out header, out payload));
        Assert.Equal(FrameType.Data, header.Type);
        Assert.Equal([2, 2, 2], payload.ToArray());
        Assert.False(reader.HasPartial);
        Assert.False(await reader.FillAsync(CancellationToken.None));
    }

    [Fact]
    public async Task Rest_WhileTheNextByteIsWaitedFor_GivesTheBufferBack_AndItGoesOn()
    {
        (MemoryStreamEnd near, MemoryStreamEnd far) = MemoryStreamEnd.CreatePair();
        using FrameReader reader = new(near);
        await far.WriteAsync(Frame(FrameType.Ping, 8, 1));
        Assert.True(await reader.FillAsync(CancellationToken.None));
        reader.Rest();
        Assert.True(reader.TryTake(FrameCodec.MaxPayload, out _, out _));
        Assert.NotEqual(0, reader.Capacity);

        ValueTask<bool> filling = reader.FillAsync(CancellationToken.None);
        reader.Rest();
        Assert.Equal(0, reader.Capacity);
        await far.WriteAsync(Frame(FrameType.Ping, 8, 2));

        Assert.True(await filling);
        Assert.True(reader.TryTake(FrameCodec.MaxPayload, out _, out ReadOnlySpan<byte> payload));
        Assert.Equal([2, 2, 2, 2, 2, 2, 2, 2], payload.ToArray());
        await far.DisposeAsync();
        await near.DisposeAsync();
    }

    [Fact]
    public async Task FillAsync_LittleComes_LittleIsHeld_WhatFillsItMakesItGrow()
    {
        (MemoryStreamEnd near, MemoryStreamEnd far) = MemoryStreamEnd.CreatePair();
        using FrameReader reader = new(near);
        List<int> capacities = [];
        foreach (int size in (int[])[8, 8, 10_000, 60_000])
        {
            Task writing = far.WriteAsync(Frame(size == 8 ? FrameType.Ping : FrameType.Data, size, 1)).AsTask();
            while (!reader.TryTake(FrameCodec.MaxPayload, out _, out _))
            {
                Assert.True(await reader.FillAsync(CancellationToken.None));
                capacities.Add(reader.Capacity);
            }

            await writing;
        }

        Assert.Equal([4096, 32768, 131072], capacities.Distinct());
        await far.DisposeAsync();
        await near.DisposeAsync();
    }

    [Fact]
    public async Task FillAsync_ManySmallFramesFillIt_TheNextReadHasMoreRoom()
    {
        using FrameReader reader = new(new MemoryStream([.. Enumerable.Range(0, 2000).SelectMany(static i => Frame(FrameType.Ping, 8, (byte)i))]));
        List<int> capacities = [];
        while (await reader.FillAsync(CancellationToken.None))
        {
            capacities.Add(reader.Capacity);
            while (reader.TryTake(FrameCodec.MaxPayload, out _, out _))
            {
            }
        }

        Assert.Equal([4096, 32768], capacities.Distinct());
    }

    [Fact]
    public async Task F6_TruncatedFrameThenEnd_IsToldApartFromAnEndBetweenFrames()
    {
        using FrameReader cut = new(new ChunkStream(Frame(FrameType.Ping, 8, 1)[..^1]));
        Assert.True(await cut.FillAsync(CancellationToken.None));
        Assert.False(cut.TryTake(FrameCodec.MaxPayload, out _, out _));
        Assert.False(await cut.FillAsync(CancellationToken.None));
        Assert.True(cut.HasPartial);

        using FrameReader whole = new(new ChunkStream(Frame(FrameType.Ping, 8, 1)));
        Assert.Equal([(FrameType.Ping, 8)], await ReadAllAsync(whole));
        Assert.False(whole.HasPartial);
    }

    [Fact]
    public async Task F1_LengthFfffffff_ThrowsBeforeAnythingIsAllocated()
    {
        using FrameReader reader = new(new ChunkStream([0xFF, 0xFF, 0xFF, 0xFF, (byte)FrameType.Data, 0]));
        Assert.True(await reader.FillAsync(CancellationToken.None));
        int before = reader.Capacity;

        WireException e = Assert.Throws<WireException>(() => reader.TryTake(FrameCodec.MaxPayload, out _, out _));

        Assert.True(e.IsViolation);
        Assert.Equal(before, reader.Capacity);
    }

    [Theory]
    [InlineData(FrameCodec.MaxHelloPayload)]
    [InlineData(FrameCodec.MaxHandshakePayload)]
    [InlineData(FrameCodec.MaxPayload)]
    public async Task F2_ExactlyTheLimit_IsTaken_OneOver_Throws(int limit)
    {
        using FrameReader exact = new(new ChunkStream(Frame(FrameType.Data, limit, 7), Frame(FrameType.Ping, 8, 1)));
        Assert.Equal([(FrameType.Data, limit), (FrameType.Ping, 8)], await ReadAllAsync(exact, limit));

        using FrameReader over = new(new ChunkStream([0, .. BitConverter.GetBytes(limit + 1).AsEnumerable().Reverse().Skip(1), (byte)FrameType.Data, 0]));
        Assert.True(await over.FillAsync(CancellationToken.None));
        Assert.True(Assert.Throws<WireException>(() => over.TryTake(limit, out _, out _)).IsViolation);
    }

    [Fact]
    public async Task F5_OneByteEachRead_SameFrames()
    {
        byte[] bytes = [.. Frame(FrameType.Ping, 8, 1), .. Frame(FrameType.Data, 0, 0), .. Frame(FrameType.Data, 300, 3)];
        using FrameReader reader = new(new ChunkStream(bytes.Select(b => new[] { b })));

        Assert.Equal([(FrameType.Ping, 8), (FrameType.Data, 0), (FrameType.Data, 300)], await ReadAllAsync(reader));
    }

    [Fact]
    public void TryTake_AnyCutOfAnyFrames_SameFramesAndBytes() =>
        Prop.ForAll(
            ArbMap.Default.ArbFor<int[]>(), ArbMap.Default.ArbFor<int[]>(),
            (lengths, cuts) =>
            {
                byte[][] frames = [.. lengths.Select((l, i) => Frame(FrameType.Data, (int)((uint)l * 7919 % (FrameCodec.MaxPayload + 1)), (byte)i))];
                byte[] bytes = [.. frames.SelectMany(f => f)];
                int[] sizes = [.. cuts.Select(c => 1 + (int)((uint)c * 104729 % 50_000)), 40_000];
                List<byte[]> chunks = [];
                for (int at = 0, i = 0; at < bytes.Length; at += chunks[^1].Length, i++)
                {
                    chunks.Add(bytes.AsSpan(at, Math.Min(sizes[i % sizes.Length], bytes.Length - at)).ToArray());
                }

                using FrameReader reader = new(new ChunkStream(chunks));
                List<byte> seen = [];
                while (Complete(reader.FillAsync(CancellationToken.None)))
                {
                    while (reader.TryTake(FrameCodec.MaxPayload, out FrameHeader header, out ReadOnlySpan<byte> payload))
                    {
                        byte[] head = new byte[FrameCodec.HeaderSize];
                        FrameCodec.WriteHeader(head, header.Type, header.Flags, header.Length);
                        seen.AddRange([.. head, .. payload]);
                    }
                }

                return bytes.AsSpan().SequenceEqual(CollectionsMarshal.AsSpan(seen)) && !reader.HasPartial && reader.Capacity <= 128 << 10;
            }).Check(Seeded.Config);

    [Fact]
    public async Task Dispose_WhileAReadIsUnderWay_KeepsItsBufferOutOfThePool()
    {
        TaskCompletionSource gate = new();
        ChunkStream stream = new([1]) { Gate = gate.Task };
        FrameReader reader = new(stream);
        Task<bool> filling = reader.FillAsync(CancellationToken.None).AsTask();
        Assert.True(MemoryMarshal.TryGetArray((ReadOnlyMemory<byte>)stream.LastDestination, out ArraySegment<byte> destination));

        reader.Dispose();

        // A pool hands out last what came in last: had the buffer been returned, this thread would get it now.
        byte[] rented = ArrayPool<byte>.Shared.Rent(32 << 10);
        Assert.NotSame(destination.Array, rented);
        ArrayPool<byte>.Shared.Return(rented);
        gate.SetResult();
        await filling.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Discard_AfterAPartialFrame_StartsAfresh()
    {
        using FrameReader reader = new(new ChunkStream(Frame(FrameType.Data, 60_000, 1)[..100], Frame(FrameType.Ping, 8, 2)));
        Assert.True(await reader.FillAsync(CancellationToken.None));
        Assert.False(reader.TryTake(FrameCodec.MaxPayload, out _, out _));

        reader.Discard();

        Assert.False(reader.HasPartial);
        Assert.Equal([(FrameType.Ping, 8)], await ReadAllAsync(reader));
    }

    private static async Task<List<(FrameType Type, int Length)>> ReadAllAsync(FrameReader reader, int maxPayload = FrameCodec.MaxPayload)
    {
        List<(FrameType, int)> seen = [];
        while (await reader.FillAsync(CancellationToken.None))
        {
            while (reader.TryTake(maxPayload, out FrameHeader header, out ReadOnlySpan<byte> payload))
            {
                Assert.Equal(header.Length, payload.Length);
                seen.Add((header.Type, header.Length));
            }
        }

        return seen;
    }

    // ChunkStream never waits without a gate.
#pragma warning disable VSTHRD002 // It is complete.
    private static bool Complete(ValueTask<bool> task) => task.IsCompleted ? task.GetAwaiter().GetResult() : throw new InvalidOperationException("It waits.");
#pragma warning restore VSTHRD002

    private static byte[] Frame(FrameType type, int length, byte fill)
    {
        byte[] frame = new byte[FrameCodec.HeaderSize + length];
        FrameCodec.WriteHeader(frame, type, FrameFlags.None, length);
        frame.AsSpan(FrameCodec.HeaderSize).Fill(fill);
        return frame;
    }
}
