using Meshara.Testing.Engine;
using Meshara.Testing.Network;
using Xunit;

#pragma warning disable CA2012, VSTHRD002, xUnit1031 // The wire is stepped by hand on a virtual clock: nothing is waited for, and what is read has ended.
namespace Meshara.Testing.Tests.Network;

public sealed class OutageTests : IDisposable
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private readonly WireWorld _world = new();
    private readonly byte[] _buffer = new byte[1 << 20];

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Partition_HoldsAndDeliversLater_WithinTheOutageOrAMinute()
    {
        List<TimeSpan> waited = [];
        foreach (int outage in (int[])[10, 10, 10, 600, 600, 600])
        {
            (Stream a, Stream b) = _world.Connect();
            Cut cut = new([_world.A], [_world.B], bothWays: true);
            _world.Net.Apply(cut);
            Assert.True(a.WriteAsync(new byte[] { 1 }).IsCompletedSuccessfully);
            Assert.True(a.WriteAsync(new byte[] { 2 }).IsCompletedSuccessfully);
            ValueTask<int> read = b.ReadAsync(_buffer);
            _world.Run(TimeSpan.FromSeconds(outage));
            Assert.False(read.IsCompleted);

            Assert.True(_world.Net.Remove(cut));
            waited.Add(_world.RunUntil(() => read.IsCompleted));
            Assert.Equal(2, read.Result);
            Assert.Equal([1, 2], _buffer[..2]);
        }

        Assert.All(waited[..3], time => Assert.InRange(time, TimeSpan.Zero, 10 * Second));
        Assert.All(waited[3..], time => Assert.InRange(time, TimeSpan.Zero, Minute));
        Assert.Contains(waited, time => time > 10 * Second);
    }

    [Fact]
    public void Partition_OneWay_HoldsThatWayOnly()
    {
        (Stream a, Stream b) = _world.Connect();
        _world.Net.Apply(new Cut([_world.A], [_world.B], bothWays: false));
        Assert.True(a.WriteAsync(new byte[1]).IsCompletedSuccessfully);
        Assert.True(b.WriteAsync(new byte[2]).IsCompletedSuccessfully);
        ValueTask<int> readA = a.ReadAsync(_buffer), readB = b.ReadAsync(_buffer);
        _world.Run(Minute);

        Assert.Equal(2, readA.Result);
        Assert.False(readB.IsCompleted);
        Assert.False(_world.Net.CanReach(_world.A, _world.B));
        Assert.False(_world.Net.CanReach(_world.B, _world.A));
    }

    [Fact]
    public void Partition_IsolatesOne_FromEverybodyButItself()
    {
        Cut cut = new([_world.A], to: null, bothWays: true);

        Assert.True(cut.Stops(_world.A, _world.B));
        Assert.True(cut.Stops(_world.B, _world.A));
        Assert.False(cut.Stops(_world.B, _world.B));
        Assert.False(cut.Stops(_world.A, _world.A));
    }

    [Fact]
    public void Killed_Process_TheOtherEndIsToldAtOnce()
    {
        (Stream a, _) = _world.Connect();
        ValueTask<int> read = a.ReadAsync(_buffer);
        _world.ProcessB.Die();
        _world.Net.Bury(_world.ProcessB, silent: false);

        Assert.Equal(TimeSpan.FromMilliseconds(10), _world.RunUntil(() => read.IsCompleted));
        Assert.IsType<IOException>(read.AsTask().Exception!.InnerException);
        Assert.Empty(_world.Net.Wires);
    }

    [Fact]
    public void PoweredOff_Machine_IsSilentAndRefusesTheNextSegmentOnceItIsBack()
    {
        (Stream a, _) = _world.Connect();
        ValueTask<int> read = a.ReadAsync(_buffer);
        _world.B.IsOff = true;
        _world.ProcessB.Die();
        _world.Net.Bury(_world.ProcessB, silent: true);
        _world.Run(Minute);
        Assert.False(read.IsCompleted);
        Assert.True(a.WriteAsync(new byte[1]).IsCompletedSuccessfully);
        _world.Run(Minute);
        Assert.False(read.IsCompleted);

        _world.B.IsOff = false;
        _world.B.Process = new HostProcess(_world.B, new NodeTime(_world.Time));
        _world.Net.ReleaseAll();
        _world.RunUntil(() => read.IsCompleted);
        Assert.IsType<IOException>(read.AsTask().Exception!.InnerException);
        Assert.Empty(_world.Net.Wires);
    }

    [Fact]
    public void Suspended_Machine_HearsNothingUntilItWakes()
    {
        (Stream a, Stream b) = _world.Connect();
        ValueTask<int> read = b.ReadAsync(_buffer);
        _world.ProcessB.Time.Stop(ClockState.Suspended);
        Assert.True(a.WriteAsync(new byte[1]).IsCompletedSuccessfully);
        _world.Run(Minute);
        Assert.False(read.IsCompleted);
        Assert.False(_world.Net.CanReach(_world.A, _world.B));

        _world.ProcessB.Continue();
        _world.Net.ReleaseAll();
        Assert.InRange(_world.RunUntil(() => read.IsCompleted), TimeSpan.Zero, Minute);
        Assert.Equal(1, read.Result);
    }

    [Fact]
    public void Moved_Machine_ItsConnectionsLeadNowhere()
    {
        (Stream a, Stream b) = _world.Connect();
        ValueTask<int> readA = a.ReadAsync(_buffer), readB = b.ReadAsync(_buffer);
        _world.Net.Move(_world.B, System.Net.IPAddress.Parse("20.2.0.10"));
        Assert.True(a.WriteAsync(new byte[1]).IsCompletedSuccessfully);
        Assert.True(b.WriteAsync(new byte[1]).IsCompletedSuccessfully);
        _world.Run(Minute);

        Assert.False(readA.IsCompleted || readB.IsCompleted);
        Assert.Null(_world.Net.Find(System.Net.IPAddress.Parse("20.1.0.10"), _world.A));
        Assert.Same(_world.B, _world.Net.Find(System.Net.IPAddress.Parse("20.2.0.10"), _world.A));
        Assert.Same(_world.B, _world.Net.WhoIs("20.1.0.10:4040"));
        a.Dispose();
        b.Dispose();
        Assert.Empty(_world.Net.Wires);
    }
}
