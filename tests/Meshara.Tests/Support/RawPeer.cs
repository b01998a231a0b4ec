using System.Buffers.Binary;
using Meshara.Core;
using Meshara.Net;
using Meshara.Security;
using Xunit;

namespace Meshara.Tests.Support;

/// <summary>One honest link at one end of a real TLS connection, and at the other end a peer that keeps to no rule.</summary>
/// <remarks>It reads only when told to, so that it can also be the peer that never does.</remarks>
internal sealed class RawPeer : IAsyncDisposable
{
    public static readonly TimeSpan Guard = TimeSpan.FromSeconds(30);

    private readonly LoopbackPair _sockets;
    private readonly Stream _stream;
    private readonly CancellationTokenSource _stop;
    private readonly byte[] _header = new byte[6];
    private ulong _pings = 1UL << 40;

    private RawPeer(LoopbackPair sockets, Stream stream, LinkSide honest, CancellationTokenSource stop, bool dials)
    {
        (_sockets, _stream, Honest, _stop, Dials) = (sockets, stream, honest, stop, dials);
    }

    public LinkSide Honest { get; }

    public Link Link => Honest.Link;

    /// <summary>Whether this peer dialled: its streams are the even ones then.</summary>
    public bool Dials { get; }

    /// <summary>Frames that <see cref="UntilAsync"/> passed over.</summary>
    public List<RawFrame> Seen { get; } = [];

    /// <summary>The stream id of this peer's n-th OPEN.</summary>
    public ulong Own(int n) => (ulong)(2 * n) + (Dials ? 0u : 1u);

    /// <summary>The stream id of the honest link's n-th OPEN.</summary>
    public ulong Honests(int n) => (ulong)(2 * n) + (Dials ? 1u : 0u);

    public static async Task<RawPeer> StartAsync(
        LinkLimits? limits = null, LinkLimits? own = null, NodeTimeouts? timeouts = null, TimeProvider? time = null, bool dials = true, Func<Stream, Stream>? wrap = null, NodePlaces? nodePlaces = null)
    {
        SecureChannelOptions options = new(MinimumTls.Tls12, Guard, TimeProvider.System);
        using NodeIdentity dialer = NodeIdentity.Create();
        using NodeIdentity acceptor = NodeIdentity.Create();
        LoopbackPair sockets = await LoopbackPair.CreateAsync();
        Task<SecureChannel> accepting = SecureChannel.AcceptAsync(sockets.Acceptor, new NodeCertificate(acceptor), "dialer", options, CancellationToken.None);
        SecureChannel dialed = await SecureChannel.ConnectAsync(sockets.Dialer, new NodeCertificate(dialer), acceptor.Id, "acceptor", options, CancellationToken.None);
        SecureChannel accepted = await accepting;
        (SecureChannel honest, SecureChannel raw) = dials ? (accepted, dialed) : (dialed, accepted);
        CancellationTokenSource stop = new();
        Stream stream = wrap?.Invoke(honest.Stream) ?? honest.Stream;
        LinkSide side = LinkSide.Create(stream, honest.RemoteKey, inbound: dials, limits ?? new(), own ?? new(), timeouts, time, stop.Token, nodePlaces);
        RawPeer peer = new(sockets, raw.Stream, side, stop, dials);
        side.Start();
        return peer;
    }

    /// <summary>From here on nothing that the honest end says goes out, until the gate opens: a PING of its waits there.</summary>
    public async Task StopWritingAsync(GatedStream gate)
    {
        gate.Shut();
        Link.SendPing();
        await gate.WriteWaits.WaitAsync(Guard);
    }

    /// <summary>Writes all of it at once.</summary>
    public Task SendAsync(params byte[][] frames) => SendAsync(frames.SelectMany(f => f).ToArray());

    public async Task SendAsync(byte[] bytes)
    {
        await _stream.WriteAsync(bytes).AsTask().WaitAsync(Guard);
        await _stream.FlushAsync().WaitAsync(Guard);
    }

    /// <summary>Bytes that are no TLS, or at least none of this connection's.</summary>
    public async Task SendBelowTlsAsync(byte[] bytes) => await (Dials ? _sockets.Dialer : _sockets.Acceptor).WriteAsync(bytes).AsTask().WaitAsync(Guard);

    /// <summary>TCP FIN under the TLS: nothing more comes, but this peer still reads.</summary>
    public void ShutdownWrites() => (Dials ? _sockets.Dialer : _sockets.Acceptor).Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);

    /// <summary>The next frame; null at the end of the stream.</summary>
    public async Task<RawFrame?> ReadAsync()
    {
        if (await _stream.ReadAtLeastAsync(_header, 6, throwOnEndOfStream: false).AsTask().WaitAsync(Guard) < 6)
        {
            return null;
        }

        byte[] payload = new byte[BinaryPrimitives.ReadUInt32BigEndian(_header)];
        (byte type, byte flags) = (_header[4], _header[5]);
        await _stream.ReadExactlyAsync(payload).AsTask().WaitAsync(Guard);
        return new RawFrame(type, flags, payload);
    }

    /// <summary>Reads on to the next frame of this type; what it passes over is kept in <see cref="Seen"/>.</summary>
    public async Task<RawFrame> UntilAsync(byte type, Func<RawFrame, bool>? where = null)
    {
        while (true)
        {
            RawFrame frame = await ReadAsync() ?? throw new EndOfStreamException($"No frame 0x{type:x2} before the end; seen: {string.Join(' ', Seen.Select(f => f.Type.ToString("x2")))}");
            if (frame.Type == type && where?.Invoke(frame) != false)
            {
                return frame;
            }

            Seen.Add(frame);
        }
    }

    /// <summary>A PING answered: everything sent before has been dealt with, and the link lives.</summary>
    public async Task RoundTripAsync()
    {
        ulong nonce = ++_pings;
        await SendAsync(Raw.PingFrame(nonce));
        await UntilAsync(Raw.Pong, f => BinaryPrimitives.ReadUInt64BigEndian(f.Payload) == nonce);
        Assert.False(Honest.Ended.IsCompleted, "The link has ended.");
    }

    /// <summary>Outcome P: GOODBYE(4), the end of the stream, and the link reports a peer to be penalised.</summary>
    public async Task<LinkEnd> AssertPenalisedAsync()
    {
        RawFrame goodbye = await UntilAsync(Raw.Goodbye);
        Assert.Equal(4, goodbye.Payload[0]);
        ShutdownWrites();
        await AssertEndFollowsAsync();
        LinkEnd end = await Honest.Ended.WaitAsync(Guard);
        Assert.Equal(DisconnectReason.ProtocolError, end.Reason);
        Assert.True(end.Penalise);
        Assert.Empty(Honest.Faults);
        return end;
    }

    /// <summary>Outcome C: the link ends and nobody is blamed.</summary>
    public async Task<LinkEnd> AssertClosedWithoutBlameAsync()
    {
        LinkEnd end = await Honest.Ended.WaitAsync(Guard);
        Assert.False(end.Penalise, end.ToString());
        Assert.NotEqual(DisconnectReason.ProtocolError, end.Reason);
        Assert.Empty(Honest.Faults);
        return end;
    }

    /// <summary>What was on its way may come yet, then the end of the stream; nothing is said twice.</summary>
    public async Task AssertEndFollowsAsync()
    {
        try
        {
            while (await ReadAsync() is { } frame)
            {
                Assert.NotEqual(Raw.Goodbye, frame.Type);
            }
        }
        catch (IOException)
        {
            // A reset connection is as much an end.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _stream.DisposeAsync();
        Link.Close(DisconnectReason.ConnectionLost, "");
        await Honest.Ended.WaitAsync(Guard);
        await _sockets.DisposeAsync();
        _stop.Dispose();
    }
}
