using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests;

/// <summary>What the application holds of a byte stream, in the manner of other streams.</summary>
public sealed class MeshStreamTests
{
    [Fact]
    public async Task Dispose_ReadIsPending_ItEndsAndLaterOnesThrowAtOnce()
    {
        await using NodeBed bed = new();
        MeshStream stream = await OpenAsync(bed, static async (_, ct) => await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct));
        Task<int> pending = stream.ReadAsync(new byte[10]).AsTask();
        Assert.True(stream.CanRead && stream.CanWrite);

        await stream.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => pending.WaitAsync(NodeBed.Guard));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => stream.ReadAsync(new byte[10]).AsTask().WaitAsync(NodeBed.Guard));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => stream.ReadAsync(new byte[10], 0, 10).WaitAsync(NodeBed.Guard));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await stream.WriteAsync(new byte[10]));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await stream.WriteAsync(Array.Empty<byte>()));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => stream.WriteAsync(new byte[10], 0, 10));
        Assert.False(stream.CanRead || stream.CanWrite);
        await stream.DisposeAsync();
    }

    [Fact]
    public async Task Dispose_BytesAreThere_AreNotReadAnyMore()
    {
        await using NodeBed bed = new();
        MeshStream stream = await OpenAsync(bed, static async (s, ct) =>
        {
            await s.WriteAsync(new byte[2000], ct);
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
        });
        Assert.Equal(1, await stream.ReadAsync(new byte[1]).AsTask().WaitAsync(NodeBed.Guard));

        await stream.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => stream.ReadAsync(new byte[10]).AsTask().WaitAsync(NodeBed.Guard));
    }

    [Fact]
    public async Task Dispose_PeerStillHeldItsSide_WhatWasWrittenArrivesAndItsWritesFail()
    {
        await using NodeBed bed = new();
        TaskCompletionSource<(int Read, MesharaErrorCode Code)> seen = new();
        MeshStream stream = await OpenAsync(bed, async (s, ct) =>
        {
            using MemoryStream all = new();
            await s.CopyToAsync(all, ct);
            MesharaException e = await Assert.ThrowsAsync<MesharaException>(async () =>
            {
                while (true)
                {
                    await s.WriteAsync(new byte[1000], ct);
                }
            });
            seen.TrySetResult(((int)all.Length, e.Code));
        });
        await stream.WriteAsync(new byte[5000]);

        await stream.DisposeAsync();

        Assert.Equal((5000, MesharaErrorCode.StreamReset), await seen.Task.WaitAsync(NodeBed.Guard));
    }

    [Fact]
    public async Task HandlerReturns_ItsReadIsStillPending_ThatReadEnds()
    {
        await using NodeBed bed = new();
        TaskCompletionSource<Task<int>> left = new();
        await using MeshStream stream = await OpenAsync(bed, (s, _) =>
        {
            left.TrySetResult(s.ReadAsync(new byte[1], CancellationToken.None).AsTask());
            return ValueTask.CompletedTask;
        });
        await stream.WriteAsync(Array.Empty<byte>());

        Task<int> pending = await left.Task.WaitAsync(NodeBed.Guard);

        await Assert.ThrowsAsync<ObjectDisposedException>(() => pending.WaitAsync(NodeBed.Guard));
    }

    [Fact]
    public async Task Abort_ByThisSide_ReadsAndWritesThrowItsCodeAndTheTokenIsCancelled()
    {
        await using NodeBed bed = new();
        MeshStream stream = await OpenAsync(bed, static async (_, ct) => await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct));
        Task<int> pending = stream.ReadAsync(new byte[10]).AsTask();

        stream.Abort(300);

        foreach (Func<Task> use in new[] { () => pending, () => stream.ReadAsync(new byte[1]).AsTask(), () => stream.WriteAsync(new byte[1]).AsTask() })
        {
            MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => use().WaitAsync(NodeBed.Guard));
            Assert.Equal((MesharaErrorCode.StreamReset, 300), (e.Code, e.StreamCode));
        }

        await Eventually.TrueAsync(() => stream.Aborted.IsCancellationRequested);
        await stream.DisposeAsync();
    }

    [Fact]
    public async Task Abort_WithoutACode_BothSidesSeeZero()
    {
        await using NodeBed bed = new();
        TaskCompletionSource<MesharaException> there = new();
        MeshStream stream = await OpenAsync(bed, async (s, _) =>
            there.TrySetResult(await Assert.ThrowsAsync<MesharaException>(() => s.ReadExactlyAsync(new byte[100]).AsTask())));
        await stream.WriteAsync(new byte[1]);

        stream.Abort();

        Assert.Equal((MesharaErrorCode.StreamReset, 0), await there.Task.WaitAsync(NodeBed.Guard) is var e ? (e.Code, e.StreamCode) : default);
        MesharaException here = await Assert.ThrowsAsync<MesharaException>(() => stream.ReadAsync(new byte[1]).AsTask().WaitAsync(NodeBed.Guard));
        Assert.Equal((MesharaErrorCode.StreamReset, 0), (here.Code, here.StreamCode));
    }

    private static async Task<MeshStream> OpenAsync(NodeBed bed, Func<MeshStream, CancellationToken, ValueTask> handler)
    {
        Node alice = await bed.StartAsync(Admission.Open), bob = await bed.StartAsync(Admission.Open);
        bob.HandleStream("bytes/1", handler);
        await NodeBed.AddAsync(alice, bob);
        return await alice.OpenStreamAsync(bob.Id, "bytes/1");
    }
}
