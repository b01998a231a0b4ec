using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Meshara.Mdns.Engine;
using Microsoft.Extensions.Logging;

namespace Meshara.Mdns.Net;

/// <summary>A packet on its way out.</summary>
/// <param name="Link">Through which link.</param>
/// <param name="Destination">To whom; null: to the group.</param>
/// <param name="Packet">What.</param>
/// <param name="IsRetry">Sent only to see whether sending works again.</param>
internal readonly record struct SendJob(LinkKey Link, IPEndPoint? Destination, ReadOnlyMemory<byte> Packet, bool IsRetry = false);

/// <summary>What became of a packet.</summary>
/// <param name="Job">Which.</param>
/// <param name="Error">What the system said; null: it was sent.</param>
internal readonly record struct SendResult(SendJob Job, SocketError? Error);

/// <summary>Sends the packets of one family in their order, so that a family or link that stalls holds nobody else up.</summary>
internal sealed class SendQueue(IMulticastTransport transport, TimeProvider clock, ILogger log, Action<SendResult> report)
{
    /// <summary>How long a packet may take; then it counts as not sent.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(100);

    /// <summary>Most packets that wait.</summary>
    private const int Capacity = 512;

    private readonly Channel<(SendJob Job, long Number)> _jobs = Channel.CreateBounded<(SendJob Job, long Number)>(new BoundedChannelOptions(Capacity) { SingleReader = true });

    // Of links that are stuck: up to which packet. Apart: those on which an answer to somebody alone was, for his address may be chosen to be one that takes nothing.
    private readonly Dictionary<(LinkKey Link, bool IsToOne), long> _stuck = [];
    private string? _fault;
    private long _added;
    private int _pending;

    /// <summary>Packets that wait or are being sent.</summary>
    public int Pending => Volatile.Read(ref _pending);

    /// <summary>Takes a packet; if too many wait it is reported as not sent.</summary>
    public void Add(SendJob job)
    {
        Interlocked.Increment(ref _pending);
        if (_jobs.Writer.TryWrite((job, Interlocked.Increment(ref _added))))
            return;
        Interlocked.Decrement(ref _pending);
        report(new SendResult(job, SocketError.NoBufferSpaceAvailable));
    }

    /// <summary>Takes no more; <see cref="RunAsync"/> ends when what waits is sent.</summary>
    public void Complete() => _jobs.Writer.TryComplete();

    /// <summary>Sends until <see cref="Complete"/>.</summary>
    public async Task RunAsync()
    {
        CancellationTokenSource guard = new(Timeout.InfiniteTimeSpan, clock);
        await foreach ((SendJob job, long number) in _jobs.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            // What waited behind a packet that was not sent in time would take as long, and the other links wait behind it.
            SocketError? error = SocketError.TimedOut;
            bool isToOne = job.Destination is not null;
            if (number > _stuck.GetValueOrDefault((job.Link, false)) && (!isToOne || number > _stuck.GetValueOrDefault((job.Link, true))))
            {
                guard.CancelAfter(Patience);
                error = await SendAsync(job, guard.Token).ConfigureAwait(false);
                if (error == SocketError.TimedOut)
                    MarkStuck((job.Link, isToOne), number);
                if (!guard.TryReset())
                {
                    guard.Dispose();
                    guard = new CancellationTokenSource(Timeout.InfiniteTimeSpan, clock);
                }
            }

            report(new SendResult(job, error));
            Interlocked.Decrement(ref _pending);
        }

        guard.Dispose();
    }

    private void MarkStuck((LinkKey Link, bool IsToOne) link, long number)
    {
        foreach (((LinkKey Link, bool IsToOne) other, long last) in _stuck)
        {
            if (last < number)
                _stuck.Remove(other);
        }

        _stuck[link] = Volatile.Read(ref _added);
    }

    private async ValueTask<SocketError?> SendAsync(SendJob job, CancellationToken cancellationToken)
    {
        try
        {
            await transport.SendAsync(job.Link, job.Destination, job.Packet, cancellationToken).ConfigureAwait(false);
            return null;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode;
        }
        catch (OperationCanceledException)
        {
            return SocketError.TimedOut;
        }
        catch (ObjectDisposedException)
        {
            return SocketError.OperationAborted;
        }
        catch (ArgumentException)
        {
            // A destination that the system's own types refuse.
            return SocketError.AddressNotAvailable;
        }
        catch (Exception e)
        {
            // This packet is lost; those behind it must not be.
            if (e.Message != _fault)
                Log.SendThrew(log, job.Link.IPv6 ? "IPv6" : "IPv4", e);
            _fault = e.Message;
            return SocketError.SocketError;
        }
    }
}
