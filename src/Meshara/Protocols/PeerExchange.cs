using Meshara.Core.Policy;
using Meshara.Net;
using Meshara.Wire;
using Microsoft.Extensions.Logging;

namespace Meshara.Protocols;

/// <summary>Lists of peers that peers give each other, and their word on where they are themselves: protocols on streams like any user's. Wire protocol sections 11.4 and 12.</summary>
internal sealed class PeerExchange
{
    /// <summary>Request and reply.</summary>
    public const string Protocol = "meshara/peers/1";

    /// <summary>Requests or records over the limit for which nobody is blamed.</summary>
    public const int MostEarly = 10;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);
    private static readonly Pace Requests = new(1.0 / 60, 1);
    private static readonly Pace Changes = new(1.0 / 60, 8);

    private readonly MeshDriver _driver;
    private readonly Records _records;
    private readonly LiveLinks _live;
    private readonly NodeClock _clock;
    private readonly TaskTracker _tasks;
    private readonly ILogger _logger;
    private readonly Func<bool> _enabled;
    private readonly PeerPaces _asked = new(Requests, MostEarly);
    private readonly PeerPaces _changed = new(Changes, MostEarly);
    private readonly PeerPaces _asking = new(Requests, int.MaxValue);

    /// <summary>Registers both protocols.</summary>
    /// <param name="driver">Learns what is said.</param>
    /// <param name="records">Of this node and others.</param>
    /// <param name="live">The links.</param>
    /// <param name="handlers">Where streams are served.</param>
    /// <param name="clock">The node's.</param>
    /// <param name="tasks">For requests of this node.</param>
    /// <param name="enabled">Whether to ask and to answer now; a peer's word on itself is taken in any case.</param>
    /// <param name="logger">The node's.</param>
    public PeerExchange(MeshDriver driver, Records records, LiveLinks live, Handlers handlers, NodeClock clock, TaskTracker tasks, Func<bool> enabled, ILogger logger)
    {
        (_driver, _records, _live, _clock, _tasks, _enabled, _logger) = (driver, records, live, clock, tasks, enabled, logger);
        handlers.AddOwnRequests(Protocol, AnswerAsync);
        handlers.AddOwnMessages(MeshDriver.RecordProtocol, TakeChangeAsync);
    }

    /// <summary>Asks the peer of a link for others, unless it was asked within the minute. Does not wait.</summary>
    public void Ask(Link link)
    {
        if (_enabled() && _asking.TryTake(link.PeerId, _clock.Now, out _))
        {
            _tasks.Start(() => AskAsync(link));
        }
    }

    private async Task AskAsync(Link link)
    {
        try
        {
            byte[] reply = await link.RequestAsync(Protocol, PeerLists.Request, Deadline, CancellationToken.None).ConfigureAwait(false);
            IReadOnlyList<byte[]> records = PeerLists.ParseReply(reply);
            if (await _driver.LearnAsync(link.PeerId, _driver.HostOf(link.PeerId), records.Select(r => (ReadOnlyMemory<byte>)r)).ConfigureAwait(false) is { } added)
            {
                _logger.Exchanged(link.PeerId, records.Count, added);
            }
        }
        catch (WireException e)
        {
            await MisbehavedAsync(link.PeerId, e).ConfigureAwait(false);
        }
        catch (MesharaException)
        {
            // It knows no such protocol, has no time, or the link is gone: others are asked.
        }
    }

    private async ValueTask<ReadOnlyMemory<byte>> AnswerAsync(Message request, CancellationToken cancellationToken)
    {
        NodeId peer = request.Peer;
        try
        {
            bool isKnown = PeerLists.ParseRequest(request.Payload.Span);
            bool inTime = TryTake(_asked, peer, out bool tooOften);
            if (tooOften)
            {
                WireException.Violation($"It asked for peers over {MostEarly} times too early; once a minute is allowed.");
            }

            return isKnown && inTime && _enabled() && _live.Find(peer) is { } live
                ? PeerLists.WriteReply(_records.Book.Choose(RecordBook.MostGiven, peer, _driver.HostOf(peer)), live.Link.Streams.PeerMaxMessage)
                : PeerLists.WriteReply([], int.MaxValue);
        }
        catch (WireException e)
        {
            await MisbehavedAsync(peer, e).ConfigureAwait(false);
            return PeerLists.WriteReply([], int.MaxValue);
        }
    }

    private async ValueTask TakeChangeAsync(Message change, CancellationToken cancellationToken)
    {
        try
        {
            bool inTime = TryTake(_changed, change.Peer, out bool tooOften);
            if (tooOften)
            {
                WireException.Violation($"It told over {MostEarly} changes of its record too early; one a minute is allowed, and eight at once.");
            }

            if (inTime)
            {
                await _driver.HeardRecordAsync(change.Peer, change.Payload).ConfigureAwait(false);
            }
        }
        catch (WireException e)
        {
            await MisbehavedAsync(change.Peer, e).ConfigureAwait(false);
        }
        catch (MesharaException)
        {
            // The node has been stopped.
        }
    }

    private bool TryTake(PeerPaces paces, NodeId peer, out bool tooOften)
    {
        bool inTime = paces.TryTake(peer, _clock.Now, out tooOften);
        if (!inTime)
        {
            _driver.CameEarly();
        }

        return inTime;
    }

    private async Task MisbehavedAsync(NodeId peer, WireException what)
    {
        try
        {
            await _driver.MisbehavedAsync(peer, what).ConfigureAwait(false);
        }
        catch (MesharaException)
        {
            // The node has been stopped.
        }
    }
}
