using Meshara.Mdns.Net;
using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Tests.Support;

/// <summary>Listens on a network in memory without taking part.</summary>
internal static class Ear
{
    /// <summary>All packets of a family that were heard since the last call.</summary>
    public static async Task<List<DnsMessage>> AllAsync(MemoryHost host, bool ipv6)
    {
        List<DnsMessage> all = [];
        byte[] buffer = new byte[9000];
        using CancellationTokenSource stop = new();
        while (true)
        {
            ValueTask<Datagram> next = host.ReceiveAsync(ipv6, buffer, stop.Token);
            if (!next.IsCompleted)
            {
                await stop.CancelAsync();
                await next.AsTask().ContinueWithNothing();
                return all;
            }

            Datagram packet = await next;
            if (DnsReader.TryRead(buffer.AsSpan(0, packet.Size), out DnsMessage? message))
                all.Add(message);
        }
    }

    private static async Task ContinueWithNothing(this Task<Datagram> cancelled)
    {
        try
        {
            await cancelled;
        }
        catch (OperationCanceledException)
        {
            // It was we who cancelled.
        }
    }
}
