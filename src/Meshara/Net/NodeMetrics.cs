using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Runtime.InteropServices;
using Meshara.Core.Policy;

namespace Meshara.Net;

/// <summary>Counts and measures for one node; what is there is described at <see cref="MesharaTelemetry"/>.</summary>
internal sealed class NodeMetrics : IDisposable
{
    private const string Direction = "meshara.direction";
    private const string IoDirection = "network.io.direction";
    private const string ErrorType = "error.type";
    private const string Protocol = "meshara.protocol";
    private const string AcceptLevelTag = "meshara.accept.level";

    private static readonly KeyValuePair<string, object?> Transmit = new(IoDirection, "transmit");
    private static readonly KeyValuePair<string, object?> Receive = new(IoDirection, "receive");

    // Made once: a flood asks for them thousands of times a second.
    private static readonly KeyValuePair<string, object?>[] LevelTags =
        [.. Enum.GetValues<AcceptLevel>().Select(level => new KeyValuePair<string, object?>(AcceptLevelTag, NameOf(level)))];

    private readonly TimeProvider _time;
    private readonly Meter _meter;
    private readonly Histogram<double> _linkDuration;
    private readonly Histogram<double> _roundTrip;
    private readonly Histogram<double> _handshake;
    private readonly Counter<long> _acceptRefused;
    private readonly Counter<long> _exchangeIgnored;
    private readonly Histogram<double> _clientRequest;
    private readonly Histogram<double> _serverRequest;
    private readonly Lock _sync = new();
    private readonly HashSet<Link> _running = [];
    private Traffic _ended;

    public NodeMetrics(string mesh, NodeId id, TimeProvider time)
    {
        _time = time;
        _meter = new Meter(new MeterOptions(MesharaTelemetry.MeterName) { Tags = [new("meshara.mesh", mesh), new("meshara.node.id", id.ToString())] });
        _linkDuration = _meter.CreateHistogram<double>("meshara.link.duration", "s", "How long links lived.");
        _roundTrip = _meter.CreateHistogram<double>("meshara.link.round_trip", "s", "From PING to PONG.");
        _handshake = _meter.CreateHistogram<double>("meshara.handshake.duration", "s", "From dial or accept to a live link, or to its failure.");
        _exchangeIgnored = _meter.CreateCounter<long>("meshara.exchange.ignored", "{item}", "Peer records, addresses in them, and requests for them that did not count.");
        _acceptRefused = _meter.CreateCounter<long>("meshara.accept.refused", "{connection}", "Inbound connections closed before they had a link.");
        _clientRequest = _meter.CreateHistogram<double>("meshara.client.request.duration", "s", "Requests of this node, up to the reply.");
        _serverRequest = _meter.CreateHistogram<double>("meshara.server.request.duration", "s", "Runs of handlers of requests.");
        _meter.CreateObservableUpDownCounter("meshara.links", CountLinks, "{link}", "Live links.");
        _meter.CreateObservableCounter("meshara.network.io", () => Both(Sum(), static t => (t.BytesSent, t.BytesReceived)), "By", "Bytes of frames, before TLS.");
        _meter.CreateObservableCounter("meshara.messages", () => Both(Sum(), static t => (t.MessagesSent, t.MessagesReceived)), "{message}", "Messages and requests.");
    }

    public static ActivitySource Source { get; } = new(MesharaTelemetry.ActivitySourceName);

    public void Dispose() => _meter.Dispose();

    public void LinkUp(Link link)
    {
        lock (_sync)
        {
            _running.Add(link);
        }
    }

    public void LinkEnded(Link link, DisconnectReason reason)
    {
        PeerInfo info = link.Describe(pinned: false, reputation: 0);
        lock (_sync)
        {
            if (!_running.Remove(link))
            {
                return;
            }

            _ended += Traffic.Of(info);
        }

        // By the wall clock, which may have been set meanwhile.
        double lived = Math.Max(0, (_time.GetUtcNow() - info.ConnectedSince).TotalSeconds);
        _linkDuration.Record(lived, new KeyValuePair<string, object?>("meshara.disconnect.reason", reason.ToString()));
    }

    /// <summary>An inbound connection was closed before it had a link.</summary>
    public void AcceptRefused(AcceptLevel level) => _acceptRefused.Add(1, LevelTags[(int)level]);

    /// <summary>Something of peer exchange did not count.</summary>
    /// <param name="cause">One of few texts of this program's own.</param>
    /// <param name="count">How many.</param>
    public void ExchangeIgnored(string cause, long count = 1) => _exchangeIgnored.Add(count, new KeyValuePair<string, object?>("meshara.exchange.cause", cause));

    public void RoundTrip(TimeSpan time) => _roundTrip.Record(time.TotalSeconds);

    /// <summary>A connection is live, or came to nothing.</summary>
    /// <param name="inbound">Whether the other side dialled.</param>
    /// <param name="address">The other end, <c>host:port</c>.</param>
    /// <param name="began">When it was dialled or accepted, as <see cref="TimeProvider.GetTimestamp"/> says.</param>
    /// <param name="error">Why it came to nothing; null: it is live.</param>
    public void Handshake(bool inbound, string address, long began, MesharaErrorCode? error)
    {
        TimeSpan took = _time.GetElapsedTime(began);
        DateTimeOffset now = _time.GetUtcNow();
        TagList tags = new() { { Direction, inbound ? "inbound" : "outbound" } };
        if (error is { } code)
        {
            tags.Add(ErrorType, code.ToString());
        }

        _handshake.Record(took.TotalSeconds, tags);

        // Made when it is over: an activity that is current in the driver's loop would become the parent of everything.
        using Activity? activity = Source.StartActivity(
            inbound ? "accept" : "connect", inbound ? ActivityKind.Server : ActivityKind.Client, parentContext: default, tags: null, links: null, now - took);
        activity?.SetTag("network.peer.address", PeerText.Clean(address));
        SetError(activity, error?.ToString());
        activity?.SetEndTime(now.UtcDateTime);
    }

    public async ValueTask<byte[]> RequestAsync(string protocol, Func<ValueTask<byte[]>> request)
    {
        long began = _time.GetTimestamp();
        using Activity? activity = Source.StartActivity($"request {protocol}", ActivityKind.Client);
        activity?.SetTag(Protocol, protocol);
        string? error = null;
        try
        {
            return await request().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            error = NameOf(e);
            throw;
        }
        finally
        {
            Record(_clientRequest, protocol, began, error);
            SetError(activity, error);
        }
    }

    /// <summary>Whether anybody looks at requests of this node.</summary>
    public bool MeasuresRequests => _clientRequest.Enabled || Source.HasListeners();

    /// <summary>A handler of requests that is measured when somebody looks.</summary>
    public Func<Message, CancellationToken, ValueTask<ReadOnlyMemory<byte>>> Measured(
        string protocol, Func<Message, CancellationToken, ValueTask<ReadOnlyMemory<byte>>> handler) =>
        (message, ct) => _serverRequest.Enabled || Source.HasListeners() ? ServeAsync(protocol, handler, message, ct) : handler(message, ct);

    /// <summary>A handler of messages or streams that is traced when somebody looks.</summary>
    public static Func<T, CancellationToken, ValueTask> Traced<T>(string? protocol, Func<T, CancellationToken, ValueTask> handler) =>
        (item, ct) => Source.HasListeners() ? TraceAsync(protocol, handler, item, ct) : handler(item, ct);

    private static async ValueTask TraceAsync<T>(string? protocol, Func<T, CancellationToken, ValueTask> handler, T item, CancellationToken cancellationToken)
    {
        using Activity? activity = StartHandler(protocol);
        try
        {
            await handler(item, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            SetError(activity, NameOf(e));
            throw;
        }
    }

    private async ValueTask<ReadOnlyMemory<byte>> ServeAsync(
        string protocol, Func<Message, CancellationToken, ValueTask<ReadOnlyMemory<byte>>> handler, Message message, CancellationToken cancellationToken)
    {
        long began = _time.GetTimestamp();
        using Activity? activity = StartHandler(protocol);
        string? error = null;
        try
        {
            return await handler(message, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            error = NameOf(e);
            throw;
        }
        finally
        {
            Record(_serverRequest, protocol, began, error);
            SetError(activity, error);
        }
    }

    // The catch-all handler's protocols are chosen by peers: they are no names here.
    private static Activity? StartHandler(string? protocol)
    {
        Activity? activity = Source.StartActivity(protocol is null ? "handle" : $"handle {protocol}", ActivityKind.Server);
        return protocol is null ? activity : activity?.SetTag(Protocol, protocol);
    }

    private static void SetError(Activity? activity, string? error)
    {
        if (error is not null)
        {
            activity?.SetTag(ErrorType, error).SetStatus(ActivityStatusCode.Error);
        }
    }

    private static string NameOf(Exception e) => e is MesharaException { Code: var code } ? code.ToString() : e.GetType().Name;

    private static string NameOf(AcceptLevel level) => level switch
    {
        AcceptLevel.Address => "address",
        AcceptLevel.Network => "network",
        AcceptLevel.Wide => "wide",
        AcceptLevel.Pool => "pool",
        AcceptLevel.Late => "late",
        AcceptLevel.NotTls => "not_tls",
        AcceptLevel.Stalled => "stalled",
        _ => "greetings",
    };

    private static IEnumerable<Measurement<long>> Both(Traffic traffic, Func<Traffic, (long Sent, long Received)> pick)
    {
        (long sent, long received) = pick(traffic);
        return [new(sent, Transmit), new(received, Receive)];
    }

    private void Record(Histogram<double> histogram, string protocol, long began, string? error)
    {
        TagList tags = new() { { Protocol, protocol } };
        if (error is not null)
        {
            tags.Add(ErrorType, error);
        }

        histogram.Record(_time.GetElapsedTime(began).TotalSeconds, tags);
    }

    private IEnumerable<Measurement<int>> CountLinks()
    {
        lock (_sync)
        {
            int inbound = _running.Count(static l => l.Inbound);
            return
            [
                new(inbound, new KeyValuePair<string, object?>(Direction, "inbound")),
                new(_running.Count - inbound, new KeyValuePair<string, object?>(Direction, "outbound")),
            ];
        }
    }

    private Traffic Sum()
    {
        lock (_sync)
        {
            return _running.Aggregate(_ended, static (sum, link) => sum + Traffic.Of(link.Describe(pinned: false, reputation: 0)));
        }
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Traffic(long BytesSent, long BytesReceived, long MessagesSent, long MessagesReceived)
    {
        public static Traffic operator +(Traffic a, Traffic b) =>
            new(a.BytesSent + b.BytesSent, a.BytesReceived + b.BytesReceived, a.MessagesSent + b.MessagesSent, a.MessagesReceived + b.MessagesReceived);

        public static Traffic Of(PeerInfo info) => new(info.BytesSent, info.BytesReceived, info.MessagesSent, info.MessagesReceived);
    }
}
