using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Meshara.Mdns.Engine;
using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Net;

// The way in: a loop for each family, that reads and drops; what it keeps the driver's loop gives to the engine.
internal sealed partial class MdnsDriver
{
    // Ends when the family can be used.
    private readonly TaskCompletionSource[] _usable = [new(TaskCreationOptions.RunContinuationsAsynchronously), new(TaskCreationOptions.RunContinuationsAsynchronously)];

    private async Task HearAsync(bool ipv6)
    {
        await _usable[ipv6 ? 1 : 0].Task.WaitAsync(_stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        SourceLimiter limiter = new();
        byte[] buffer = new byte[DnsReader.MaxPacket + 1];
        TimeSpan pause = TimeSpan.Zero;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                Datagram packet = await _transport.ReceiveAsync(ipv6, buffer, _stop.Token).ConfigureAwait(false);
                Hear(ipv6, packet, buffer, limiter);
                pause = TimeSpan.Zero;
            }
            catch (Exception) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.MessageSize)
            {
                // Windows says so of a packet that is too long: the next may fit.
            }
            catch (Exception e)
            {
                // Whatever it is, the next may go well.
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
        IPAddress sender = packet.From.Address.OnInterface(link.InterfaceIndex);
        IPEndPoint from = ReferenceEquals(sender, packet.From.Address) ? packet.From : new IPEndPoint(sender, packet.From.Port);
        byte[] copy = ArrayPool<byte>.Shared.Rent(Math.Max(1, packet.Size));
        buffer.AsSpan(0, packet.Size).CopyTo(copy);
        if (_packets.Writer.TryWrite(new HeardPacket(link, from, toGroup, copy, packet.Size)))
            Signal();
        else
            ArrayPool<byte>.Shared.Return(copy);
    }

    private void Take(HeardPacket packet, TimeSpan now)
    {
        try
        {
            _engine.Receive(packet.Link, packet.From, packet.ToGroup, packet.Buffer.AsSpan(0, packet.Size), now);
        }
        catch (Exception e)
        {
            // This packet is lost. Those behind it, and what is due, are not: somebody may send it each second.
            Tell(e);
        }

        ArrayPool<byte>.Shared.Return(packet.Buffer);
        _links.Find(packet.Link)?.Set(s => s with { PacketsHeard = s.PacketsHeard + 1, LastHeard = _clock.GetUtcNow(), PacketsLoopedBack = _engine.LoopbackHeard(packet.Link) });
    }

    private readonly record struct HeardPacket(LinkKey Link, IPEndPoint From, bool ToGroup, byte[] Buffer, int Size);
}
