using System.Net.Sockets;
using System.Threading.Channels;
using Meshara.Mdns.Engine;
using Meshara.Mdns.Wire;
using Microsoft.Extensions.Logging;

namespace Meshara.Mdns.Net;

/// <summary>The one loop that owns the engine: packets, scans and commands in, packets and news out, one timer.</summary>
internal sealed partial class MdnsDriver : IAsyncDisposable
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
    private readonly string?[] _familyFaults = new string?[2];
    private readonly Lock _ending = new();
    private Task[] _tasks = [];
    private Task? _end;
    private bool _isStopping;
    private long _lastId;
    private string? _lastFault;

    public MdnsDriver(IMulticastTransport transport, MdnsOptions options, ILogger log, int seed)
    {
        _transport = transport;
        _clock = options.TimeProvider;
        _log = log;
        _engine = new MdnsEngine(new EngineConfig(options.CacheLimit, options.PacketsPerSecond), new Random(seed));
        _links = new LinkTable(transport, _log, options.UseIPv4, options.UseIPv6);
        _watch = new InterfaceWatch(transport, _clock, _log, async (scan, hasSlept) => await PostAsync(now => Apply(scan, hasSlept, now)).ConfigureAwait(false));
        _queues = [new SendQueue(transport, _clock, _log, Report), new SendQueue(transport, _clock, _log, Report)];
        _start = _clock.GetTimestamp();
        _timer = _clock.CreateTimer(_ => Signal(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>How the interfaces fare.</summary>
    public IReadOnlyList<InterfaceState> Interfaces => _links.States;

    /// <summary>Why a family cannot be used now; null: it can.</summary>
    public string? Fault(bool ipv6) => _transport.Fault(ipv6);

    /// <summary>Nothing waits to be done now.</summary>
    internal bool IsIdle =>
        _signal.Reader.Count == 0 && _commands.Reader.Count == 0 && _packets.Reader.Count == 0 && _results.Reader.Count == 0 && Unsent == 0;

    /// <summary>Packets that wait to be sent, or are being sent.</summary>
    internal int Unsent => _queues[0].Pending + _queues[1].Pending;

    private TimeSpan Now => _clock.GetElapsedTime(_start);

    /// <summary>Begins: when this ends, the interfaces that are there now are in use.</summary>
    public async ValueTask StartAsync()
    {
        FollowFamilies();
        _tasks = [RunAsync(), _queues[0].RunAsync(), _queues[1].RunAsync(), HearAsync(ipv6: false), HearAsync(ipv6: true)];
        await _watch.StartAsync().ConfigureAwait(false);
        await DrainAsync().ConfigureAwait(false);
    }

    /// <summary>Publishes a service; the publication is told of its names.</summary>
    /// <exception cref="ObjectDisposedException">It has ended.</exception>
    public async ValueTask<PublicationId> PublishAsync(PublicationState publication, ServiceProfile profile)
    {
        PublicationId id = new(Interlocked.Increment(ref _lastId));
        bool isDone = await DoAsync(now =>
        {
            _engine.Publish(id, profile, now);
            _publications.Add(id, publication);
        }).ConfigureAwait(false);
        return isDone ? id : throw Gone(Face);
    }

    /// <summary>Changes what is published.</summary>
    /// <exception cref="ObjectDisposedException">It has ended, or the publication has.</exception>
    public async ValueTask UpdateAsync(PublicationId id, ServiceProfile profile)
    {
        bool isThere = false;
        bool isDone = await DoAsync(now =>
        {
            if (isThere = _publications.ContainsKey(id))
                _engine.Update(id, profile, now);
        }).ConfigureAwait(false);
        if (!isThere)
            throw Gone(isDone ? "ServicePublication" : Face);
    }

    /// <summary>Withdraws a service; when this ends, its goodbye is on its way.</summary>
    public ValueTask UnpublishAsync(PublicationId id) => EndAsync(now =>
    {
        if (!_publications.Remove(id))
            return;
        _engine.Unpublish(id, now);
        Flush(now);
    });

    /// <summary>Looks for services; what is found goes into the queue.</summary>
    /// <exception cref="ObjectDisposedException">It has ended.</exception>
    public async ValueTask<BrowseId> BrowseAsync(ChangeQueue changes, string type, BrowseOptions options)
    {
        BrowseId id = new(Interlocked.Increment(ref _lastId));
        bool isDone = await DoAsync(now =>
        {
            _engine.Browse(id, DnsName.Parse($"{type}.local"), options.Subtype, new BrowseSchedule(options.RequeryInterval), now);
            _browses.Add(id, changes);
        }).ConfigureAwait(false);
        return isDone ? id : throw Gone(Face);
    }

    /// <summary>Ends a browse.</summary>
    public ValueTask StopBrowseAsync(BrowseId id) => EndAsync(now =>
    {
        if (_browses.Remove(id))
            _engine.StopBrowse(id, now);
    });

    /// <summary>Says goodbye for all and ends.</summary>
    public ValueTask DisposeAsync()
    {
        lock (_ending)
            return new ValueTask(_end ??= StopAsync());
    }

    /// <summary>Ends when all that was posted before is done.</summary>
    internal async Task DrainAsync() => await DoAsync(static _ => { }).ConfigureAwait(false);

    private static ObjectDisposedException Gone(string what) => new(what);

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

    // Ends when the loop has done it; what it throws is the caller's. False: the loop has ended and it is not done.
    private async ValueTask<bool> DoAsync(Action<TimeSpan> command)
    {
        TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        bool isTaken = await PostAsync(now =>
        {
            try
            {
                command(now);
                done.SetResult();
            }
            catch (Exception e)
            {
                done.SetException(e);
                throw;
            }
        }).ConfigureAwait(false);
        if (isTaken)
            await done.Task.ConfigureAwait(false);
        return isTaken;
    }

    // As above, for the end of something: a fault of ours is in the log, and nothing that whoever ends it could mend.
    private async ValueTask EndAsync(Action<TimeSpan> command) => await DoAsync(now => Do(command, now)).ConfigureAwait(false);

    private void Report(SendResult result)
    {
        _results.Writer.TryWrite(result);
        Signal();
    }

    private async Task RunAsync()
    {
        try
        {
            while (!_isStopping && await _signal.Reader.WaitToReadAsync().ConfigureAwait(false))
            {
                _signal.Reader.TryRead(out _);
                Turn();
            }
        }
        finally
        {
            // Who still waits learns that it is over, however it came to its end.
            _commands.Writer.TryComplete();
            Turn();
            _queues[0].Complete();
            _queues[1].Complete();
            foreach (ChangeQueue changes in _browses.Values)
                changes.Complete();
            foreach (PublicationState publication in _publications.Values)
                publication.OnEnded();
        }
    }

    // Each step ends whatever the one before it did.
    private async Task StopAsync()
    {
        try
        {
            await _watch.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            try
            {
                await SayGoodbyeAsync().ConfigureAwait(false);
            }
            finally
            {
                try
                {
                    await _stop.CancelAsync().ConfigureAwait(false);
                    await _transport.DisposeAsync().ConfigureAwait(false);
                }
                finally
                {
                    await Task.WhenAll(_tasks).ConfigureAwait(false);
                    await _timer.DisposeAsync().ConfigureAwait(false);
                    _stop.Dispose();
                }
            }
        }
    }

    private async Task SayGoodbyeAsync()
    {
        if (_tasks.Length == 0)
            return;
        await PostAsync(now =>
        {
            _isStopping = true;
            _engine.Shutdown(now);
        }).ConfigureAwait(false);
        await Task.WhenAll(_tasks[0], _tasks[1], _tasks[2]).ConfigureAwait(false);
    }

    // Throws nothing: a fault of ours must not end discovery for good. What follows the fault goes on.
    private void Turn()
    {
        TimeSpan now = Now;
        double leastWait = 1;
        try
        {
            while (_commands.Reader.TryRead(out Action<TimeSpan>? command))
                Do(command, now);
            while (_results.Reader.TryRead(out SendResult result))
                Take(result, now);
            for (int i = 0; i < PacketsATurn && _packets.Reader.TryRead(out HeardPacket packet); i++)
                Take(packet, now);
            RetryDead(now);
            Flush(now);
        }
        catch (Exception e)
        {
            // The next packet, command or second goes on.
            Tell(e);
            leastWait = 1000;
        }

        if (_packets.Reader.Count > 0 || _commands.Reader.Count > 0)
            Signal();
        try
        {
            SetTimer(leastWait);
        }
        catch (Exception e)
        {
            Tell(e);
            _timer.Change(TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
        }
    }

    private void Do(Action<TimeSpan> command, TimeSpan now)
    {
        try
        {
            command(now);
        }
        catch (Exception e)
        {
            Tell(e);
        }
    }

    private void Flush(TimeSpan now)
    {
        while (_engine.TryPoll(now, out EngineAction? action))
            Do(action);
    }

    // One that comes with each packet must not fill the log.
    private void Tell(Exception fault)
    {
        string text = fault.ToString();
        if (text != _lastFault)
            Log.TurnFailed(_log, fault);
        _lastFault = text;
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
        FollowFamilies();
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

    // A family that could not be opened at the start may come later.
    private void FollowFamilies()
    {
        foreach (bool ipv6 in (ReadOnlySpan<bool>)[false, true])
        {
            int at = ipv6 ? 1 : 0;
            string? fault = _transport.Fault(ipv6);
            if (fault is not null && fault != _familyFaults[at])
                Log.FamilyFault(_log, Family(ipv6), fault);
            if (fault is null && _familyFaults[at] is not null)
                Log.FamilyWorks(_log, Family(ipv6));
            if (fault is null)
                _usable[at].TrySetResult();
            _familyFaults[at] = fault;
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
        if (link.MayTell(text, now))
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
        if (link.MayTell(null, now))
            Log.SendWorks(_log, link.Label);
        _engine.LinkUp(link.Key, now);
    }
}
