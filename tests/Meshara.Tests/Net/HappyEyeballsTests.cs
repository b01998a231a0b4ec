using System.Net;
using System.Net.Sockets;
using Meshara.Net;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Net;

/// <summary>RFC 8305 on a clock that stands still, with a resolver and a kernel of the test's.</summary>
public sealed class HappyEyeballsTests
{
    private const int Port = 4040;
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(1);
    private readonly ManualTimeProvider _clock = new();
    private readonly FakeNet _net = new();
    private readonly TaskCompletionSource<IPAddress[]> _six = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<IPAddress[]> _four = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    public async Task Connect_SeveralAddresses_TriesTheFamiliesInTurn250MsApart()
    {
        Answer(_six, "2001:db8::1", "2001:db8::2", "2001:db8::3");
        Answer(_four, "192.0.2.1", "192.0.2.2");
        Task<TransportConnection> connecting = ConnectAsync();
        string[] order = ["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "2001:db8::3"];
        for (int started = 1; started <= order.Length; started++)
        {
            await StartedAsync(order[..started]);
            _clock.Advance(HappyEyeballs.AttemptDelay - Moment);
            await StartedAsync(order[..started]);
            _clock.Advance(Moment);
        }

        _net.Connect("2001:db8::2");
        await using TransportConnection winner = await connecting.WaitAsync(NodeBed.Guard);

        Assert.Equal("2001:db8::2", winner.RemoteHost);
        Assert.Equal(order.Where(a => a != "2001:db8::2"), _net.Cancelled.Order(Comparer<string>.Create((a, b) => Array.IndexOf(order, a) - Array.IndexOf(order, b))));
        Assert.Equal(0, _clock.PendingTimers);
    }

    [Fact]
    public async Task Connect_AnAttemptFails_TheNextStartsAtOnce()
    {
        Answer(_six, "2001:db8::1");
        Answer(_four, "192.0.2.1", "192.0.2.2");
        Task<TransportConnection> connecting = ConnectAsync();
        await StartedAsync("2001:db8::1");

        _net.Fail("2001:db8::1", SocketError.NetworkUnreachable);
        await StartedAsync("2001:db8::1", "192.0.2.1");
        _net.Fail("192.0.2.1", SocketError.ConnectionRefused);
        await StartedAsync("2001:db8::1", "192.0.2.1", "192.0.2.2");
        _net.Connect("192.0.2.2");

        await using TransportConnection winner = await connecting.WaitAsync(NodeBed.Guard);
        Assert.Equal(TimeSpan.Zero, _clock.Now);
    }

    [Fact]
    public async Task Connect_IPv4AnswersFirst_WaitsFor50MsAndThenGoesOn()
    {
        Task<TransportConnection> connecting = ConnectAsync();
        Answer(_four, "192.0.2.1");
        await TimersAsync(1);
        _clock.Advance(HappyEyeballs.ResolutionDelay - Moment);
        await StartedAsync();
        _clock.Advance(Moment);
        await StartedAsync("192.0.2.1");

        // A late answer is not lost.
        Answer(_six, "2001:db8::1");
        _clock.Advance(HappyEyeballs.AttemptDelay);
        await StartedAsync("192.0.2.1", "2001:db8::1");
        _net.Connect("2001:db8::1");

        await using TransportConnection winner = await connecting.WaitAsync(NodeBed.Guard);
        Assert.Equal("2001:db8::1", winner.RemoteHost);
    }

    [Fact]
    public async Task Connect_IPv6AnswersWithinTheDelay_GoesFirst()
    {
        Task<TransportConnection> connecting = ConnectAsync();
        Answer(_four, "192.0.2.1");
        await TimersAsync(1);
        _clock.Advance(HappyEyeballs.ResolutionDelay - Moment);
        Answer(_six, "2001:db8::1");

        await StartedAsync("2001:db8::1");
        _net.Connect("2001:db8::1");
        await using TransportConnection winner = await connecting.WaitAsync(NodeBed.Guard);
    }

    [Fact]
    public async Task Connect_NoIPv6Address_GoesOnWithoutTheDelay()
    {
        Task<TransportConnection> connecting = ConnectAsync();
        Answer(_four, "192.0.2.1");
        await TimersAsync(1);
        _six.SetException(new SocketException((int)SocketError.NoData));

        await StartedAsync("192.0.2.1");
        Assert.Equal(TimeSpan.Zero, _clock.Now);
        _net.Connect("192.0.2.1");
        await using TransportConnection winner = await connecting.WaitAsync(NodeBed.Guard);
    }

    [Fact]
    public async Task Connect_IPv4NeverAnswers_DoesNotWaitForIt()
    {
        Task<TransportConnection> connecting = ConnectAsync();
        Answer(_six, "2001:db8::1");
        await StartedAsync("2001:db8::1");
        _net.Connect("2001:db8::1");

        await using TransportConnection winner = await connecting.WaitAsync(NodeBed.Guard);
        Assert.Equal(TimeSpan.Zero, _clock.Now);
    }

    [Fact]
    public async Task Connect_AllFail_SaysWhatEachAnswered()
    {
        Answer(_six, "2001:db8::1");
        Answer(_four, "192.0.2.1");
        _net.Fail("2001:db8::1", SocketError.NetworkUnreachable);
        _net.Fail("192.0.2.1", SocketError.ConnectionRefused);

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => ConnectAsync().WaitAsync(NodeBed.Guard));

        Assert.Equal(MesharaErrorCode.ConnectFailed, e.Code);
        Assert.True(e.IsTransient);
        Assert.Equal(
            "Cannot connect to name:4040: [2001:db8::1]:4040: there is no route to it; 192.0.2.1:4040: nothing listens there. Check the port, and that the node runs.",
            e.Message);
        Assert.Equal(0, _clock.PendingTimers);
    }

    [Fact]
    public async Task Connect_AllFailAlike_SaysItOnce()
    {
        Answer(_six, "2001:db8::1");
        Answer(_four, "192.0.2.1");
        _net.Fail("2001:db8::1", SocketError.ConnectionRefused);
        _net.Fail("192.0.2.1", SocketError.ConnectionRefused);

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => ConnectAsync().WaitAsync(NodeBed.Guard));

        Assert.Equal(
            "Cannot connect to name:4040 ([2001:db8::1]:4040, 192.0.2.1:4040): nothing listens there. Check the port, and that the node runs.", e.Message);
    }

    [Fact]
    public async Task Connect_AThousandAddresses_TriesABoundedNumberAndShowsFew()
    {
        Answer(_six, [.. Enumerable.Range(1, 500).Select(i => $"2001:db8::{i:x}")]);
        Answer(_four, [.. Enumerable.Range(1, 500).Select(i => $"198.18.{i / 256}.{i % 256}")]);
        _net.FailAll(SocketError.ConnectionRefused);

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => ConnectAsync().WaitAsync(NodeBed.Guard));

        Assert.Equal(HappyEyeballs.MaxAttempts, _net.Started.Length);
        Assert.Equal(HappyEyeballs.MaxAttempts / 2, _net.Started.Count(a => a.Contains('.', StringComparison.Ordinal)));
        Assert.Contains("and 24 more", e.Message, StringComparison.Ordinal);
        Assert.True(e.Message.Length < 500);
    }

    [Theory]
    [InlineData(SocketError.HostNotFound, SocketError.HostNotFound, false)]
    [InlineData(SocketError.NoData, SocketError.TryAgain, true)]
    [InlineData(SocketError.TryAgain, SocketError.NoData, true)]
    public async Task Connect_NoAddress_IsNotResolved(SocketError six, SocketError four, bool transient)
    {
        _six.SetException(new SocketException((int)six));
        _four.SetException(new SocketException((int)four));

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => ConnectAsync().WaitAsync(NodeBed.Guard));

        Assert.Equal(MesharaErrorCode.NameNotResolved, e.Code);
        Assert.Equal(transient, e.IsTransient);
    }

    [Fact]
    public async Task Connect_TwoWin_TheLaterIsClosed()
    {
        Answer(_six, "2001:db8::1");
        Answer(_four, "192.0.2.1");
        Task<TransportConnection> connecting = ConnectAsync();
        await StartedAsync("2001:db8::1");
        _clock.Advance(HappyEyeballs.AttemptDelay);
        await StartedAsync("2001:db8::1", "192.0.2.1");

        // This one does not heed its cancellation: it connects after the other has won.
        _net.ConnectWhenCancelled("2001:db8::1");
        _net.Connect("192.0.2.1");
        await using TransportConnection winner = await connecting.WaitAsync(NodeBed.Guard);

        Assert.Equal("192.0.2.1", winner.RemoteHost);
        Assert.True(winner.Stream.CanRead);
        Assert.False(_net.StreamOf("2001:db8::1").CanRead);
    }

    [Fact]
    public async Task Connect_Cancelled_EndsEveryAttemptAndTimer()
    {
        Answer(_six, "2001:db8::1");
        using CancellationTokenSource cancel = new();
        Task<TransportConnection> connecting = ConnectAsync(cancel.Token);
        await StartedAsync("2001:db8::1");
        _clock.Advance(HappyEyeballs.AttemptDelay);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting.WaitAsync(NodeBed.Guard));
        Assert.Equal(["2001:db8::1"], _net.Cancelled);
        Assert.Equal(0, _clock.PendingTimers);
    }

    [Fact]
    public async Task Connect_CancelledAfterAFailure_TellsIt()
    {
        Answer(_six, "2001:db8::1");
        Answer(_four, "192.0.2.1");
        _net.Fail("2001:db8::1", SocketError.ConnectionRefused);
        using CancellationTokenSource cancel = new();
        Task<TransportConnection> connecting = ConnectAsync(cancel.Token);
        await StartedAsync("2001:db8::1", "192.0.2.1");

        await cancel.CancelAsync();

        OperationCanceledException e = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting.WaitAsync(NodeBed.Guard));
        Assert.Contains("[2001:db8::1]:4040", Assert.IsType<MesharaException>(e.InnerException).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Connect_CancelledDuringTheLookUp_EndsAtOnce()
    {
        using CancellationTokenSource cancel = new();
        Task<TransportConnection> connecting = ConnectAsync(cancel.Token);
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting.WaitAsync(NodeBed.Guard));
        Assert.Empty(_net.Started);
    }

    private static void Answer(TaskCompletionSource<IPAddress[]> source, params string[] addresses) => source.SetResult([.. addresses.Select(IPAddress.Parse)]);

    private Task<TransportConnection> ConnectAsync(CancellationToken cancellationToken = default) => new TcpTransport(
        _clock, (_, family) => (family == AddressFamily.InterNetworkV6 ? _six : _four).Task, _net.ConnectAsync).ConnectAsync("name", Port, cancellationToken).AsTask();

    private Task TimersAsync(int count) => Eventually.TrueAsync(() => _clock.PendingTimers == count);

    // These were started, in this order, and whatever waits has set its timer.
    private async Task StartedAsync(params string[] addresses)
    {
        await Eventually.TrueAsync(() => _net.Started.Length >= addresses.Length && (addresses.Length == 0 || _clock.PendingTimers > 0));
        Assert.Equal(addresses, _net.Started);
    }
}

/// <summary>Attempts to connect that end when the test says so.</summary>
internal sealed class FakeNet
{
    private readonly Lock _lock = new();
    private readonly List<string> _started = [];
    private readonly List<string> _cancelled = [];
    private readonly HashSet<string> _late = [];
    private readonly Dictionary<string, TaskCompletionSource<TransportConnection>> _ends = [];
    private readonly Dictionary<string, MemoryStream> _streams = [];
    private SocketError? _all;

    public string[] Started => Copy(_started);

    public string[] Cancelled => Copy(_cancelled);

    public MemoryStream StreamOf(string address)
    {
        lock (_lock)
        {
            return _streams[address];
        }
    }

    public async ValueTask<TransportConnection> ConnectAsync(IPEndPoint where, CancellationToken cancellationToken)
    {
        string address = where.Address.ToString();
        TaskCompletionSource<TransportConnection> end = End(address);
        lock (_lock)
        {
            _started.Add(address);
            if (_all is { } error)
            {
                throw new SocketException((int)error);
            }
        }

        await using CancellationTokenRegistration registered = cancellationToken.Register(() => Cancel(address, end));
        return await end.Task;
    }

    public void Connect(string address) => End(address).TrySetResult(Made(address));

    public void ConnectWhenCancelled(string address)
    {
        lock (_lock)
        {
            _late.Add(address);
        }
    }

    public void Fail(string address, SocketError error) => End(address).TrySetException(new SocketException((int)error));

    public void FailAll(SocketError error) => _all = error;

    private void Cancel(string address, TaskCompletionSource<TransportConnection> end)
    {
        bool late;
        lock (_lock)
        {
            late = _late.Contains(address);
            if (!late && !end.Task.IsCompleted)
            {
                _cancelled.Add(address);
            }
        }

        if (late)
        {
            end.TrySetResult(Made(address));
        }
        else
        {
            end.TrySetCanceled();
        }
    }

    private TransportConnection Made(string address)
    {
        MemoryStream stream = new();
        lock (_lock)
        {
            _streams[address] = stream;
        }

        return new TransportConnection(stream, address, 4040);
    }

    private TaskCompletionSource<TransportConnection> End(string address)
    {
        lock (_lock)
        {
            return _ends.TryGetValue(address, out TaskCompletionSource<TransportConnection>? end)
                ? end
                : _ends[address] = new TaskCompletionSource<TransportConnection>(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    private string[] Copy(List<string> list)
    {
        lock (_lock)
        {
            return [.. list];
        }
    }
}
