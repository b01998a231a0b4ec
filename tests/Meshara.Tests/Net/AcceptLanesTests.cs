using System.Collections.Concurrent;
using System.Net;
using Meshara.Net;
using Meshara.Tests.Support;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Meshara.Tests.Net;

/// <summary>Who is in which lane, what is said of the refused, and transports that are not TCP.</summary>
public sealed class AcceptLanesTests : IAsyncDisposable
{
    private readonly NodeBed _bed = new();
    private readonly ManualTimeProvider _clock = new();
    private readonly Lines _log = new();
    private readonly NamedHosts _network = new();
    private Node _node = null!;

    public async ValueTask DisposeAsync()
    {
        await _bed.DisposeAsync(_clock);
        _log.Dispose();
    }

    [Theory]
    [InlineData("203.0.113.7", 16)]
    [InlineData("198.51.100.9", 64)]
    [InlineData("127.0.0.1", 100)]
    [InlineData("10.1.2.3", 100)]
    [InlineData("::ffff:10.1.2.3", 100)]
    [InlineData("fd00:1:0:12ff::5", 100)]
    [InlineData("fd00:1:0:1300::5", 16)]
    [InlineData("memory", 100)]
    public async Task UserTransport_HundredCallers_AsManyAsTheirLaneLetsIn(string host, int expected)
    {
        using Readings readings = new();
        await StartAsync(new AcceptLimits { TrustedRanges = ["10.0.0.0/8", "fd00:1:0:1200::/56"], TotalBurst = 100, MaxWaiting = 100 });
        Stream[] callers = [.. Enumerable.Range(0, 100).Select(_ => _network.Call(host))];

        await Eventually.TrueAsync(() => readings.Of(_node, "meshara.accept.refused").Sum() == 100 - expected && callers.Count(c => ((Probe)c).Closed) == 100 - expected);
        await Eventually.TrueAsync(() => _node.AtTheDoor.Waiting == (expected == 100 ? 0 : expected));
    }

    [Fact]
    public async Task Reconfigure_OtherLimits_HoldForTheNextCallers()
    {
        using Readings readings = new();
        await StartAsync(new AcceptLimits { AddressBurst = 2 });
        Call(3, "203.0.113.7");
        await Eventually.TrueAsync(() => readings.Of(_node, "meshara.accept.refused").Sum() == 1);

        Assert.All(await _node.ReconfigureAsync(_node.Options with { Accept = new AcceptLimits { AddressBurst = 4, TrustedRanges = ["198.51.100.0/24"] } }), c => Assert.True(c.IsApplied));

        // One loop judges them in this order: when the last is refused, no trusted one is still to be judged by the next limits.
        Call(100, "198.51.100.9");
        Call(5, "203.0.113.7");
        await Eventually.TrueAsync(() => readings.Of(_node, "meshara.accept.refused").Sum() == 2);

        // Who is trusted changes alone: what the others have spent is not forgotten.
        await _node.ReconfigureAsync(_node.Options with { Accept = _node.Options.Accept with { TrustedRanges = [] } });
        Call(1, "203.0.113.7");
        await Eventually.TrueAsync(() => readings.Of(_node, "meshara.accept.refused").Sum() == 3);

        void Call(int times, string host)
        {
            for (int i = 0; i < times; i++)
            {
                _network.Call(host);
            }
        }
    }

    [Fact]
    public async Task Refused_Thousands_AreLoggedOnceAMinuteWithTheirNumber()
    {
        using Readings readings = new();
        await StartAsync(new AcceptLimits());
        await RefusedAsync(17, 1);
        await RefusedAsync(500, 501);
        Assert.Single(_log.All, l => l.Contains("AcceptLimits.AddressRate", StringComparison.Ordinal));
        _clock.Advance(TimeSpan.FromSeconds(59));

        // Eleven have a token again, and after 60 s a twelfth.
        await RefusedAsync(100, 590);
        Assert.Single(_log.All, l => l.Contains("AcceptLimits.AddressRate", StringComparison.Ordinal));
        _clock.Advance(TimeSpan.FromSeconds(1));
        await RefusedAsync(2, 591);

        Assert.Equal(
            ["Closed 1 inbound connection before it had a link, the latest from 203.0.113.7", "Closed 590 inbound connections before they had a link, the latest from 203.0.113.7"],
            _log.All.Where(l => l.Contains("AcceptLimits.AddressRate", StringComparison.Ordinal)).Select(l => l.Split(':')[0]));

        async Task RefusedAsync(int calls, int total)
        {
            for (int i = 0; i < calls; i++)
            {
                _network.Call("203.0.113.7");
            }

            await Eventually.TrueAsync(() => readings.Of(_node, "meshara.accept.refused", ("meshara.accept.level", "address")).Sum() == total);
        }
    }

    [Fact]
    public void Of_Hosts_NamesAreLeftOutAndMappedAddressesDecoded()
    {
        LaneAddresses lanes = LaneAddresses.Of(["198.51.100.9", "example.org", "::ffff:203.0.113.7"], ["2001:db8::1"]);

        Assert.Equal([IPAddress.Parse("198.51.100.9"), IPAddress.Parse("203.0.113.7")], lanes.Pinned.OrderBy(a => a.ToString()));
        Assert.Equal([IPAddress.Parse("2001:db8::1")], lanes.Proven);
    }

    private async Task StartAsync(AcceptLimits limits) => _node = await _bed.StartAsync(new NodeOptions
    {
        Mesh = "test",
        Listen = ["node:1"],
        Transport = _network,
        TimeProvider = _clock,
        Accept = limits,
        LoggerFactory = _log,
        Peers = [PeerAddress.Parse($"{new string('0', 64)}@198.51.100.9:1")],
    });

    /// <summary>A transport of the user's: connections come from whatever host the test says, and say nothing.</summary>
    private sealed class NamedHosts : ITransport
    {
        private readonly Listener _listener = new();

        public Probe Call(string host)
        {
            Probe stream = new();
            _listener.Calls.Add(new TransportConnection(stream, host, 1));
            return stream;
        }

        public ValueTask<TransportListener> ListenAsync(string host, int port, CancellationToken cancellationToken) => ValueTask.FromResult<TransportListener>(_listener);

        public ValueTask<TransportConnection> ConnectAsync(string host, int port, CancellationToken cancellationToken) =>
            throw new MesharaException(MesharaErrorCode.ConnectFailed, "nobody is there", isTransient: true);

        private sealed class Listener : TransportListener
        {
            private readonly CancellationTokenSource _stop = new();

            public AsyncQueue Calls { get; } = new();

            public override string Host => "node";

            public override int Port => 1;

            public override ValueTask<TransportConnection?> AcceptAsync(CancellationToken cancellationToken) => Calls.TakeAsync(_stop.Token);

            public override async ValueTask DisposeAsync()
            {
                await _stop.CancelAsync();
                _stop.Dispose();
            }
        }
    }

    private sealed class AsyncQueue
    {
        private readonly System.Threading.Channels.Channel<TransportConnection> _calls = System.Threading.Channels.Channel.CreateUnbounded<TransportConnection>();

        public void Add(TransportConnection call) => _calls.Writer.TryWrite(call);

        public async ValueTask<TransportConnection?> TakeAsync(CancellationToken stop)
        {
            try
            {
                return await _calls.Reader.ReadAsync(stop);
            }
            catch (OperationCanceledException)
            {
                return null;
            }
        }
    }

    /// <summary>Never says anything; knows whether it was closed.</summary>
    private sealed class Probe : MemoryStream
    {
        private readonly TaskCompletionSource<int> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool Closed => _end.Task.IsCompleted;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(_end.Task);

        protected override void Dispose(bool disposing)
        {
            _end.TrySetResult(0);
            base.Dispose(disposing);
        }
    }

    private sealed class Lines : ILoggerFactory, ILogger
    {
        public ConcurrentQueue<string> All { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => All.Enqueue(formatter(state, exception));

        public void Dispose()
        {
        }
    }
}
