using Meshara.Net;
using Meshara.Tests.Support;
using Meshara.Wire;

namespace Meshara.Allocations;

/// <summary>A link that is driven by hand, so that all of it happens on one thread.</summary>
internal static class LinkParts
{
    // Of the 64 KiB that the outbox holds.
    private const int MessagesOfOneWrite = 500;

    // The credit is enough for all messages.
    private static readonly LinkLimits Plenty = new() { InitialWindow = 1 << 30 };

    public static IEnumerable<(string Name, Action Work)> All()
    {
        using NodeIdentity peer = NodeIdentity.Create();

        // Its clock stands still: on a link so quick, the buffers have their last size before anything is measured.
        Link link = LinkSide.Create(Stream.Null, peer.PublicKey, inbound: false, Plenty, Plenty, timeouts: null, new ManualTimeProvider(), CancellationToken.None).Link;
        byte[] payload = new byte[64], large = new byte[16 << 10], buffer = new byte[256];
        Send(link, payload);
        byte[] window = buffer[..StreamFrames.WriteWindow(buffer, FirstStream(link), 1)];
        byte[] ping = buffer[..ControlFrames.WritePing(buffer, 42)];
        int sent = 0;
        return
        [
            ("send 64 B", () =>
            {
                Send(link, payload);
                if (++sent % MessagesOfOneWrite == 0)
                {
                    link.Outgoing.TakeNext();
                }
            }),
            ("send 16 KiB that waits for room", () =>
            {
                ValueTask sending = link.SendAsync("chat/1", large, CancellationToken.None);
                while (!sending.IsCompleted)
                {
                    link.Outgoing.TakeNext();
                }

#pragma warning disable VSTHRD002 // It is done; who takes the result lets it be used again.
                sending.GetAwaiter().GetResult();
#pragma warning restore VSTHRD002
            }),
            ("receive WINDOW", () => Receive(link, window)),
            ("answer PING", () =>
            {
                Receive(link, ping);
                link.Outgoing.TakeNext();
            }),
        ];
    }

    private static void Send(Link link, byte[] payload)
    {
        ValueTask sending = link.SendAsync("chat/1", payload, CancellationToken.None);
        if (!sending.IsCompletedSuccessfully)
        {
            throw new InvalidOperationException("There is no room or no credit.");
        }
    }

    private static void Receive(Link link, ReadOnlySpan<byte> frame) => link.Dispatch(FrameParts.HeaderOf(frame), FrameParts.PayloadOf(frame));

    // OPEN is what goes out first.
    private static ulong FirstStream(Link link)
    {
        StreamFrames.ParseOpen(FrameParts.PayloadOf(link.Outgoing.TakeNext().Span), out ulong id, out _, out ReadOnlySpan<byte> _, out _);
        return id;
    }
}
