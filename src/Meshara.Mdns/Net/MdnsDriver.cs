using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Meshara.Mdns.Engine;
using Meshara.Mdns.Wire;
using Microsoft.Extensions.Logging;

namespace Meshara.Mdns.Net;

/// <summary>The one loop that owns the engine: packets, scans and commands in, packets and news out, one timer.</summary>
internal sealed class MdnsDriver : IAsyncDisposable
{
    // What the program knows us as.
    private const string Face = "MdnsService";
    private const int MaxCommands = 1024;
    private const int MaxPackets = 1024;

    // Packets of one turn; then commands and deadlines have their turn again.
    private const int PacketsATurn = 128;

    // A link that cannot send is tried this often at first (an address that is being tried for duplicates takes 1 to 2 s), then with each scan.
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan RetryFor = TimeSpan.FromSeconds(5);
    private static readonly byte[] EmptyQuery = new byte[DnsReader.HeaderSize];

    private readonly IMulticastTransport _transport;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly MdnsEngine _engine;
    private readonly LinkTable _links;
    private readonly InterfaceWatch _watch;
    private readonly SendQueue[] _queues;
    private readonly Dictionary<PublicationId, PublicationState> _publications = [];
    private readonly Dictionary<BrowseId, ChangeQueue> _browses = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly long _start;
    private readonly ITimer _timer;

    // Wakes the loop; what there is to do lies in the channels below, each with room of its own, so that packets keep no command out.
    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Channel<Action<TimeSpan>> _commands = Channel.CreateBounded<Action<TimeSpan>>(new BoundedChannelOptions(MaxCommands) { SingleReader = true });
    private readonly Channel<HeardPacket> _packets = Channel.CreateBounded<HeardPacket>(new BoundedChannelOptions(MaxPackets) { SingleReader = true });
    private readonly Channel<SendResult> _results = Channel.CreateUnbounded<SendResult>();
    private Task[] _tasks = [];
    private bool _isStopping;
    private long _lastId;
    private int _isDisposed;

    public MdnsDriver(IMulticastTransport transport, MdnsOptions options, int seed)
    {
        _transport = transport;
        _clock = options.TimeProvider;
        _log = options.LoggerFactory.CreateLogger("Meshara.Mdns");
        _engine = new MdnsEngine(new EngineConfig(options.CacheLimit, options.PacketsPerSecond), new Random(seed));
        _links = new LinkTable(transport, _log);
        _watch = new InterfaceWatch(transport, _clock, _log, async (scan, hasSlept) => await PostAsync(now => Apply(scan, hasSlept, now)).ConfigureAwait(false));
        _queues = [new SendQueue(transport, _clock, Report), new SendQueue(transport, _clock, Report)];
        _start = _clock.GetTimestamp();
        _timer = _clock.CreateTimer(_ => Signal(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>How the interfaces fare.</summary>
    public IReadOnlyList<InterfaceState> Interfaces => _links.States;

    /// <summary>Nothing waits to be done now.</summary>
    internal bool IsIdle =>
        _signal.Reader.Count == 0 && _commands.Reader.Count == 0 && _packets.Reader.Count == 0 && _results.Reader.Count == 0 && _queues[0].Pending == 0 && _queues[1].Pending == 0;

    private TimeSpan Now => _clock.GetElapsedTime(_start);

    /// <summary>Begins: when this ends, the interfaces that are there now are in use.</summary>
    public async ValueTask StartAsync()
    {
        foreach (bool ipv6 in (ReadOnlySpan<bool>)[false, true])
        {
            if (_transport.Fault(ipv6) is { } fault)
                Log.FamilyFault(_log, Family(ipv6), fault);
        }

        _tasks = [RunAsync(), _queues[0].RunAsync(), _queues[1].RunAsync(), HearAsync(ipv6: false), HearAsync(ipv6: true)];
        await _watch.StartAsync().ConfigureAwait(false);
        await DrainAsync().ConfigureAwait(false);
    }

    /// <summary>Publishes a service; the publication is told of its names.</summary>
    /// <exception cref="ObjectDisposedException">It has ended.</exception>
    public async ValueTask<PublicationId> PublishAsync(PublicationState publication, ServiceProfile profile)
    {
        PublicationId id = new(Interlocked.Increment(ref _lastId));
        bool isTaken = await PostAsync(now =>
        {
            _publications.Add(id, publication);
            _engine.Publish(id, profile, now);
        }).ConfigureAwait(false);
        return isTaken ? id : throw new ObjectDisposedException(Face);
    }

    /// <summary>Changes what is published.</summary>
    /// <exception cref="ObjectDisposedException">It has ended.</exception>
    public async ValueTask UpdateAsync(PublicationId id, ServiceProfile profile)
    {
        bool isTaken = await PostAsync(now =>
        {
            if (_publications.ContainsKey(id))
                _engine.Update(id, profile, now);
        }).ConfigureAwait(false);
        ObjectDisposedException.ThrowIf(!isTaken, this);
    }

    /// <summary>Withdraws a service; when this ends, its goodbye is on its way.</summary>
    public async ValueTask UnpublishAsync(PublicationId id)
    {
        TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        bool isTaken = await PostAsync(now =>
        {
            // First: whoever waits must not wait for ever, whatever becomes of the rest.
            done.SetResult();
            if (_publications.Remove(id))
                _engine.Unpublish(id, now);
        }).ConfigureAwait(false);
        if (isTaken)
            await done.Task.ConfigureAwait(false);
    }

    /// <summary>Looks for services; what is found goes into the queue.</summary>
    /// <exception cref="ObjectDisposedException">It has ended.</exception>
    public async ValueTask<BrowseId> BrowseAsync(ChangeQueue changes, string type, BrowseOptions options)
    {
        BrowseId id = new(Interlocked.Increment(ref _lastId));
        bool isTaken = await PostAsync(now =>
        {
            _browses.Add(id, changes);
            _engine.Browse(id, DnsName.Parse($"{type}.local"), options.Subtype, new BrowseSchedule(options.RequeryInterval), now);
        }).ConfigureAwait(false);
        return isTaken ? id : throw new ObjectDisposedException(Face);
    }

    /// <summary>Ends a browse.</summary>
    public async ValueTask StopBrowseAsync(BrowseId id) => await PostAsync(now =>
    {
        if (_browses.Remove(id))
            _engine.StopBrowse(id, now);
    }).ConfigureAwait(false);

    /// <summary>Says goodbye for all and ends.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
            return;
        await _watch.DisposeAsync().ConfigureAwait(false);
        if (_tasks.Length > 0)
        {
            await PostAsync(now =>
            {
                _isStopping = true;
                _engine.Shutdown(now);
            }).ConfigureAwait(false);
            await Task.WhenAll(_tasks[0], _tasks[1], _tasks[2]).ConfigureAwait(false);
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        await _transport.DisposeAsync().ConfigureAwait(false);
        await Task.WhenAll(_tasks).ConfigureAwait(false);
        await _timer.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Ends when all that was posted before is done.</summary>
    internal async Task DrainAsync()
    {
        TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        if (await PostAsync(_ => done.SetResult()).ConfigureAwait(false))
            await done.Task.ConfigureAwait(false);
    }

    private static string Family(bool ipv6) => ipv6 ? "IPv6" : "IPv4";

    private void Signal() => _signal.Writer.TryWrite(true);

    // False: the loop has ended and the command will not be run.
    private async ValueTask<bool> PostAsync(Action<TimeSpan> command)
    {
        while (!_commands.Writer.TryWrite(command))
        {
            if (!await _commands.Writer.WaitToWriteAsync().ConfigureAwait(false))
                return false;
        }

        Signal();
        return true;
    }

    private void Report(SendResult result)
    {
        _results.Writer.TryWrite(result);
        Signal();
    }

    private async Task RunAsync()
    {
        while (!_isStopping && await _signal.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            _signal.Reader.TryRead(out _);
            Turn();
        }

        // Who still waits for a command learns that it is over.
        _commands.Writer.TryComplete();
        Turn();
        _queues[0].Complete();
        _queues[1].Complete();
        foreach (ChangeQueue changes in _browses.Values)
            changes.Complete();
        foreach (PublicationState publication in _publications.Values)
            publication.OnEnded();
    }

    private void Turn()
    {
        TimeSpan now = Now;
        double leastWait = 1;
        try
        {
            while (_commands.Reader.TryRead(out Action<TimeSpan>? command))
                command(now);
            while (_results.Reader.TryRead(out SendResult result))
                Take(result, now);
            for (int i = 0; i < PacketsATurn && _packets.Reader.TryRead(out HeardPacket packet); i++)
                Take(packet, now);
            RetryDead(now);
            while (_engine.TryPoll(now, out EngineAction? action))
                Do(action);
        }
        catch (Exception e)
        {
            // A fault of ours must not end discovery for good, nor fill the log: the next packet, command or second goes on.
            Log.TurnFailed(_log, e);
            leastWait = 1000;
        }

        if (_packets.Reader.Count > 0 || _commands.Reader.Count > 0)
            Signal();
        SetTimer(leastWait);
    }

    // At least so many milliseconds: a deadline that a fault left behind must not make the loop spin.
    private void SetTimer(double least)
    {
        TimeSpan? due = _engine.NextDeadline;
        foreach (LinkHealth link in _links.Links)
        {
            if (link.NextRetry is { } retry && (due is null || retry < due))
                due = retry;
        }

        TimeSpan wait = due is null ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(Math.Clamp(Math.Ceiling((due.Value - Now).TotalMilliseconds), least, int.MaxValue - 1));
        _timer.Change(wait, Timeout.InfiniteTimeSpan);
    }

    private void Do(EngineAction action)
    {
        switch (action)
        {
            case EngineAction.Send send:
                _queues[send.Link.IPv6 ? 1 : 0].Add(new SendJob(send.Link, send.Destination, send.Packet));
                break;
            case EngineAction.Changed changed:
                _browses.GetValueOrDefault(changed.Browse)?.Add(changed.Change);
                break;
            case EngineAction.Published published:
                _publications.GetValueOrDefault(published.Publication)?.OnPublished(published.Names);
                break;
            case EngineAction.Renamed renamed:
                Tell(renamed);
                break;
        }
    }

    private void Tell(EngineAction.Renamed renamed)
    {
        try
        {
            _publications.GetValueOrDefault(renamed.Publication)?.OnRenamed(renamed.Names);
        }
        catch (Exception e)
        {
            // The program's own code.
            Log.HandlerFailed(_log, e);
        }
    }

    private void Apply(InterfaceScan scan, bool hasSlept, TimeSpan now)
    {
        if (_links.Apply(scan) is { } interfaces)
            _engine.SetInterfaces(interfaces, now);
        if (hasSlept)
        {
            Log.Woke(_log);
            _engine.Wake(now);
        }

        foreach (LinkHealth link in _links.Links)
        {
            if (link.DeadSince is not null)
                link.NextRetry = now;
        }
    }

    // While a link is dead the engine sends nothing there: an empty query, which nobody answers, shows when it can again.
    private void RetryDead(TimeSpan now)
    {
        foreach (LinkHealth link in _links.Links)
        {
            if (link.NextRetry is not { } retry || retry > now)
                continue;
            link.NextRetry = null;
            _queues[link.Key.IPv6 ? 1 : 0].Add(new SendJob(link.Key, null, EmptyQuery, IsRetry: true));
        }
    }

    private void Take(SendResult result, TimeSpan now)
    {
        if (_links.Find(result.Job.Link) is not { } link)
            return;
        if (result.Error is not { } error)
        {
            Sent(link, result.Job, now);
            return;
        }

        // To one host: it may be gone. Too long: the packet's fault. Neither says anything of the link.
        if (result.Job.Destination is not null || error == SocketError.MessageSize)
            return;
        string text = SendFault.Describe(error);
        if (link.State.LastSendError != text)
            Log.SendFailed(_log, link.Label, text, SendFault.Advice(error, link.Name, link.Key.IPv6));
        link.Set(s => s with { LastSendError = text });
        link.DeadSince ??= now;

        // Later the scans do it.
        if (now - link.DeadSince < RetryFor)
            link.NextRetry = now + RetryPause;
        _engine.SendFailed(link.Key, now);
    }

    private void Sent(LinkHealth link, SendJob job, TimeSpan now)
    {
        link.Set(s => s with { PacketsSent = s.PacketsSent + (job.IsRetry ? 0 : 1), LastSendError = job.Destination is null ? null : s.LastSendError });
        if (job.Destination is not null || link.DeadSince is null)
            return;
        (link.DeadSince, link.NextRetry) = (null, null);
        Log.SendWorks(_log, link.Label);
        _engine.LinkUp(link.Key, now);
    }

    private void Take(HeardPacket packet, TimeSpan now)
    {
        _engine.Receive(packet.Link, packet.From, packet.ToGroup, packet.Buffer.AsSpan(0, packet.Size), now);
        ArrayPool<byte>.Shared.Return(packet.Buffer);
        _links.Find(packet.Link)?.Set(s => s with { PacketsHeard = s.PacketsHeard + 1, LastHeard = _clock.GetUtcNow(), PacketsLoopedBack = _engine.LoopbackHeard(packet.Link) });
    }

    private async Task HearAsync(bool ipv6)
    {
        if (_transport.Fault(ipv6) is not null)
            return;
        SourceLimiter limiter = new();
        byte[] buffer = new byte[DnsReader.MaxPacket + 1];
        TimeSpan pause = TimeSpan.Zero;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                Datagram packet = await _transport.ReceiveAsync(ipv6, buffer, _stop.Token).ConfigureAwait(false);
                pause = TimeSpan.Zero;
                Hear(ipv6, packet, buffer, limiter);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e)
            {
                // Windows says so of a packet that is too long: the next may fit.
                if (e.SocketErrorCode == SocketError.MessageSize)
                    continue;
                if (_stop.IsCancellationRequested)
                    return;
                if (pause == TimeSpan.Zero)
                    Log.ReceiveFailed(_log, Family(ipv6), e.Message);
                pause = pause == TimeSpan.Zero ? TimeSpan.FromMilliseconds(10) : TimeSpan.FromMilliseconds(Math.Min(1000, pause.TotalMilliseconds * 2));
                await Task.Delay(pause, _clock, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Hear(bool ipv6, in Datagram packet, byte[] buffer, SourceLimiter limiter)
    {
        // Judged by its sender before anything of it is looked at.
        if (packet.Size > DnsReader.MaxPacket || !_links.TryRoute(ipv6, packet, out LinkKey link, out bool toGroup) || !limiter.TryTake(packet.From.Address, Now))
            return;
        IPEndPoint from = packet.From.Address is { IsIPv6LinkLocal: true } address && address.ScopeId != link.InterfaceIndex
            ? new IPEndPoint(new IPAddress(address.GetAddressBytes(), link.InterfaceIndex), packet.From.Port)
            : packet.From;
        byte[] copy = ArrayPool<byte>.Shared.Rent(Math.Max(1, packet.Size));
        buffer.AsSpan(0, packet.Size).CopyTo(copy);
        if (_packets.Writer.TryWrite(new HeardPacket(link, from, toGroup, copy, packet.Size)))
            Signal();
        else
            ArrayPool<byte>.Shared.Return(copy);
    }

    private readonly record struct HeardPacket(LinkKey Link, IPEndPoint From, bool ToGroup, byte[] Buffer, int Size);
}
