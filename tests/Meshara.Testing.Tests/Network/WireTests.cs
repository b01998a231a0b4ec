using Meshara.Testing.Engine;
using Meshara.Testing.Network;
using Xunit;

#pragma warning disable CA2012, VSTHRD002, xUnit1031 // The wire is stepped by hand on a virtual clock: nothing is waited for, and what is read has ended.
namespace Meshara.Testing.Tests.Network;

public sealed class WireTests : IDisposable
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private readonly WireWorld _world = new();
    private readonly byte[] _buffer = new byte[1 << 20];

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Write_WithLatency_ReturnsAtOnceAndArrivesAfterIt()
    {
        (Stream a, Stream b) = _world.Connect();
        ValueTask<int> read = b.ReadAsync(_buffer);

        Assert.True(a.WriteAsync(new byte[] { 1, 2, 3 }).IsCompletedSuccessfully);
        Assert.False(read.IsCompleted);
        Assert.Equal(TimeSpan.FromMilliseconds(10), _world.RunUntil(() => read.IsCompleted));
        Assert.Equal(3, read.Result);
        Assert.Equal([1, 2, 3], _buffer[..3]);
    }

    [Fact]
    public void Write_WithJitter_ComesInOrder()
    {
        _world.Net.Everywhere.Jitter = TimeSpan.FromMilliseconds(500);
        (Stream a, Stream b) = _world.Connect();
        for (byte i = 0; i < 200; i++)
        {
            Assert.True(a.WriteAsync(new[] { i }).IsCompletedSuccessfully);
        }

        _world.Run(Second);
        Assert.Equal(200, b.ReadAsync(_buffer).Result);
        Assert.Equal(Enumerable.Range(0, 200).Select(i => (byte)i), _buffer[..200]);
    }

    [Fact]
    public void Jitter_OfManyWrites_FillsItsRange()
    {
        _world.Net.Everywhere.Jitter = TimeSpan.FromMilliseconds(100);
        (Stream a, Stream b) = _world.Connect();
        List<double> took = [];
        for (int i = 0; i < 200; i++)
        {
            Assert.True(a.WriteAsync(new byte[1]).IsCompletedSuccessfully);
            ValueTask<int> read = b.ReadAsync(_buffer);
            took.Add(_world.RunUntil(() => read.IsCompleted).TotalMilliseconds);
            Assert.Equal(1, read.Result);
        }

        Assert.InRange(took.Min(), 10, 15);
        Assert.InRange(took.Max(), 105, 110);
    }

    [Fact]
    public void Write_WithBandwidth_TakesAsLongAsItsBytes()
    {
        (Stream a, Stream b) = _world.Connect();
        WarmUp(a, b);
        _world.Net.PathBetween(_world.A, _world.B, bothWays: true).BytesPerSecond = 10_000;

        Assert.True(a.WriteAsync(new byte[20_000]).IsCompletedSuccessfully);
        ValueTask<int> read = b.ReadAsync(_buffer);

        Assert.Equal(TimeSpan.FromMilliseconds(2010), _world.RunUntil(() => read.IsCompleted));
        Assert.Equal(20_000, read.Result);
    }

    [Fact]
    public void Write_FirstFour_CountAsMuchWhateverTheyHold()
    {
        _world.Net.Everywhere.BytesPerSecond = 2048;
        (Stream a, Stream b) = _world.Connect();
        List<double> took = [];
        foreach (int length in (int[])[1, 700, 701, 5000, 4096])
        {
            Assert.True(a.WriteAsync(new byte[length]).IsCompletedSuccessfully);
            ValueTask<int> read = b.ReadAsync(_buffer);
            took.Add(_world.RunUntil(() => read.IsCompleted).TotalSeconds);
            Assert.Equal(length, read.Result);
        }

        Assert.Equal([1.01, 1.01, 1.01, 1.01, 2.01], took);
    }

    [Fact]
    public void Write_MoreThanTheWindow_WaitsUntilItIsRead()
    {
        (Stream a, Stream b) = _world.Connect();
        Assert.True(a.WriteAsync(new byte[Direction.Window]).IsCompletedSuccessfully);
        ValueTask waits = a.WriteAsync(new byte[] { 7 });
        _world.Run(Second);
        Assert.False(waits.IsCompleted);

        Assert.Equal(1000, b.ReadAsync(_buffer.AsMemory(0, 1000)).Result);
        _world.Run(Second);
        Assert.False(waits.IsCompleted, "Buffers are freed write by write.");

        Assert.Equal(Direction.Window - 1000, b.ReadAsync(_buffer).Result);
        Assert.True(waits.IsCompletedSuccessfully);
        ValueTask<int> last = b.ReadAsync(_buffer);
        _world.RunUntil(() => last.IsCompleted);
        Assert.Equal((1, (byte)7), (last.Result, _buffer[0]));
    }

    [Fact]
    public void Read_OfNothing_EndsWhenThereIsSomething()
    {
        (Stream a, Stream b) = _world.Connect();
        ValueTask<int> none = b.ReadAsync(Memory<byte>.Empty);
        Assert.False(none.IsCompleted);
        Assert.True(a.WriteAsync(new byte[5]).IsCompletedSuccessfully);
        _world.RunUntil(() => none.IsCompleted);

        Assert.Equal(0, none.Result);
        Assert.Equal(5, b.ReadAsync(_buffer).Result);
    }

    [Fact]
    public void Read_Cancelled_LosesNothing()
    {
        (Stream a, Stream b) = _world.Connect();
        using CancellationTokenSource cancel = new();
        ValueTask<int> read = b.ReadAsync(_buffer, cancel.Token);
        cancel.Cancel();
        Assert.True(read.IsCanceled);

        Assert.True(a.WriteAsync(new byte[5]).IsCompletedSuccessfully);
        _world.Run(Second);
        Assert.Equal(5, b.ReadAsync(_buffer).Result);
    }

    [Fact]
    public void Dispose_OfOneEnd_TheOtherReadsWhatWasSentAndThenFails()
    {
        (Stream a, Stream b) = _world.Connect();
        Assert.True(a.WriteAsync(new byte[5]).IsCompletedSuccessfully);
        a.Dispose();
        _world.Run(Second);

        Assert.Equal(5, b.ReadAsync(_buffer).Result);
        Assert.True(b.ReadAsync(_buffer).AsTask().Exception!.InnerException is IOException);
        Assert.True(b.WriteAsync(new byte[1]).AsTask().Exception!.InnerException is IOException);
        Assert.Empty(_world.Net.Wires);
        Assert.Equal(0, _world.Time.Pending);
    }

    [Fact]
    public void Dispose_WithBytesNotYetOnTheWire_LosesThem()
    {
        (Stream a, Stream b) = _world.Connect();
        WarmUp(a, b);
        _world.Net.PathBetween(_world.A, _world.B, bothWays: true).BytesPerSecond = 1000;
        for (int i = 0; i < 5; i++)
        {
            Assert.True(a.WriteAsync(new byte[1000]).IsCompletedSuccessfully);
        }

        _world.Run(TimeSpan.FromMilliseconds(2500));
        a.Dispose();
        _world.Run(Second);

        Assert.Equal(2000, b.ReadAsync(_buffer).Result);
        Assert.True(b.ReadAsync(_buffer).AsTask().Exception!.InnerException is IOException);
    }

    [Fact]
    public void Dispose_OfBothEnds_LeavesNothing()
    {
        (Stream a, Stream b) = _world.Connect();
        Assert.True(a.WriteAsync(new byte[5]).IsCompletedSuccessfully);
        ValueTask<int> read = a.ReadAsync(_buffer);
        a.Dispose();
        b.Dispose();

        Assert.True(read.AsTask().Exception!.InnerException is ObjectDisposedException);
        Assert.Empty(_world.Net.Wires);
        Assert.Equal(0, _world.Time.Pending);
    }

    [Fact]
    public void Reset_OfAConnection_BothEndsFailAtOnce()
    {
        (Stream a, Stream b) = _world.Connect();
        ValueTask<int> readA = a.ReadAsync(_buffer), readB = b.ReadAsync(_buffer);
        _world.Net.Wires[0].Reset();

        Assert.True(readA.AsTask().Exception!.InnerException is IOException);
        Assert.True(readB.AsTask().Exception!.InnerException is IOException);
    }

    [Fact]
    public void MeanLifetime_OfManyConnections_IsTheirMean()
    {
        _world.Net.Everywhere.MeanLifetime = TimeSpan.FromMinutes(10);
        List<double> minutes = [];
        for (int i = 0; i < 300; i++)
        {
            (Stream a, _) = _world.Connect();
            ValueTask<int> read = a.ReadAsync(_buffer);
            minutes.Add(_world.RunUntil(() => read.IsCompleted).TotalMinutes);
            Assert.True(read.IsFaulted);
        }

        Assert.InRange(minutes.Average(), 8, 12);
    }

    [Fact]
    public void Frozen_ReaderHearsNothing_UntilTheThaw()
    {
        (Stream a, Stream b) = _world.Connect();
        ValueTask<int> read = b.ReadAsync(_buffer);
        _world.ProcessB.Time.Stop(ClockState.Frozen);
        Assert.True(a.WriteAsync(new byte[5]).IsCompletedSuccessfully);
        _world.Run(Second);
        Assert.False(read.IsCompleted);

        _world.ProcessB.Continue();
        Assert.Equal(5, read.Result);
    }

    [Fact]
    public async Task Frozen_Process_ItsSystemStillTakesConnections()
    {
        _world.ProcessB.Time.Stop(ClockState.Frozen);
        _world.Listener.Expected++;
        TransportConnection a = _world.Net.Join(_world.ProcessA, _world.ProcessB, _world.Listener, new System.Net.IPEndPoint(_world.B.Address, 4040));
        Assert.True(a.Stream.WriteAsync(new byte[5]).IsCompletedSuccessfully);
        ValueTask<TransportConnection?> accepting = _world.Listener.AcceptAsync(CancellationToken.None);
        _world.Run(Second);
        Assert.False(accepting.IsCompleted);

        _world.ProcessB.Continue();
        Assert.Equal(5, await (await accepting)!.Stream.ReadAsync(_buffer, TestContext.Current.CancellationToken));
    }

    // The lengths of the first writes vary with the signatures of certificates: they count the same.
    private void WarmUp(Stream a, Stream b)
    {
        for (int i = 0; i < 4; i++)
        {
            Assert.True(a.WriteAsync(new byte[1]).IsCompletedSuccessfully);
        }

        _world.Run(Second);
        Assert.Equal(4, b.ReadAsync(_buffer).Result);
    }
}
