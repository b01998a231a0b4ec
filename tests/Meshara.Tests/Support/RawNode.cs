using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Meshara.Security;
using Meshara.Wire;

namespace Meshara.Tests.Support;

/// <summary>A node that keeps to no rule beyond the handshake, at the other end of a whole node's link over loopback.</summary>
internal sealed class RawNode : IAsyncDisposable
{
    private static readonly SecureChannelOptions Tls = new(MinimumTls.Tls12, RawPeer.Guard, TimeProvider.System);

    private readonly NodeCertificate _certificate;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly NodeIdentity _identity;
    private SecureChannel? _channel;
    private ulong _nextStream;
    private ulong? _goodbye;

    public RawNode(NodeIdentity identity, string mesh = "test")
    {
        (_identity, Mesh) = (identity, mesh);
        _certificate = new NodeCertificate(identity);
        _listener.Start();
    }

    public string Mesh { get; }

    public NodeId Id => _identity.Id;

    /// <summary>The one version that it speaks.</summary>
    public ushort Version { get; init; } = 1;

    /// <summary>What its HELLO says it wants.</summary>
    public HelloPurpose Purpose { get; init; }

    /// <summary>Where it can be dialled.</summary>
    public PeerAddress Address => new("127.0.0.1", ((IPEndPoint)_listener.LocalEndpoint).Port, Id);

    /// <summary>What the other side's READY had in its extension 2; null: nothing.</summary>
    public byte[]? Record { get; private set; }

    /// <summary>Dials a node and greets it.</summary>
    /// <param name="node">The node.</param>
    /// <param name="record">What READY says to be this node's record.</param>
    public async Task DialAsync(Node node, byte[]? record = null)
    {
        PeerAddress to = node.Addresses[0];
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, to.Port);
        await DialAsync(node, new NetworkStream(socket, ownsSocket: true), record);
    }

    /// <summary>The same over a connection that another transport made.</summary>
    public async Task DialAsync(Node node, Stream connection, byte[]? record = null)
    {
        _channel = await SecureChannel.ConnectAsync(connection, _certificate, node.Id, "raw", Tls, CancellationToken.None).WaitAsync(RawPeer.Guard);
        _nextStream = 0;
        await GreetAsync(record);
    }

    /// <summary>Waits to be dialled, and greets.</summary>
    /// <param name="record">What READY says to be this node's record.</param>
    /// <param name="refuse">Sent instead of READY.</param>
    public async Task AcceptAsync(byte[]? record = null, Refuse? refuse = null)
    {
        Socket socket = await _listener.AcceptSocketAsync().WaitAsync(RawPeer.Guard);
        socket.NoDelay = true;
        _channel = await SecureChannel.AcceptAsync(new NetworkStream(socket, ownsSocket: true), _certificate, "raw", Tls, CancellationToken.None).WaitAsync(RawPeer.Guard);
        _nextStream = 1;
        await GreetAsync(record, refuse);
    }

    public async Task SendAsync(params byte[][] frames)
    {
        await _channel!.Stream.WriteAsync(frames.SelectMany(f => f).ToArray()).AsTask().WaitAsync(RawPeer.Guard);
        await _channel.Stream.FlushAsync().WaitAsync(RawPeer.Guard);
    }

    /// <summary>Sends a request and waits for all of its reply; null: the stream was reset, or the link has ended.</summary>
    public async Task<byte[]?> RequestAsync(string protocol, byte[] body)
    {
        ulong id = Take();
        await SendAsync(Raw.OpenFrame(id, 1, protocol), Raw.DataFrame(id, Raw.Fin, body));
        List<byte> reply = [];
        while (await ReadAsync() is { } frame)
        {
            if (frame.Type == Raw.Data && frame.Id == id)
            {
                reply.AddRange(frame.Body);
                if ((frame.Flags & Raw.Fin) != 0)
                {
                    return [.. reply];
                }
            }
            else if (frame.Type is Raw.Goodbye || (frame.Type == Raw.Reset && frame.Id == id))
            {
                return null;
            }
        }

        return null;
    }

    /// <summary>The next stream of this node.</summary>
    public ulong Take() => (_nextStream += 2) - 2;

    /// <summary>Answers the next request for peers with this body; the id of its asker's stream.</summary>
    public async Task AnswerAsync(byte[] body)
    {
        RawFrame open = await UntilAsync(Raw.Open);
        byte[][] frames = [.. body.Chunk(8000).Select(c => Raw.DataFrame(open.Id, 0, c))];
        await SendAsync([.. frames, Raw.DataFrame(open.Id, Raw.Fin)]);
    }

    /// <summary>The next frame of this type; null: the end.</summary>
    public async Task<RawFrame> UntilAsync(byte type)
    {
        while (await ReadAsync() is { } frame)
        {
            if (frame.Type == type)
            {
                return frame;
            }
        }

        throw new EndOfStreamException($"No frame 0x{type:x2} before the end.");
    }

    /// <summary>The code of the other side's GOODBYE, once it has come; null: it closed without.</summary>
    public async Task<ulong?> GoodbyeAsync()
    {
        while (_goodbye is null && await ReadAsync() is not null)
        {
        }

        return _goodbye;
    }

    public async Task<RawFrame?> ReadAsync()
    {
        try
        {
            byte[] header = new byte[6];
            if (await _channel!.Stream.ReadAtLeastAsync(header, 6, throwOnEndOfStream: false).AsTask().WaitAsync(RawPeer.Guard) < 6)
            {
                return null;
            }

            byte[] payload = new byte[BinaryPrimitives.ReadUInt32BigEndian(header)];
            await _channel.Stream.ReadExactlyAsync(payload).AsTask().WaitAsync(RawPeer.Guard);
            RawFrame frame = new(header[4], header[5], payload);
            _goodbye ??= frame.Type == Raw.Goodbye ? frame.Varints[0] : null;
            return frame;
        }
        catch (IOException)
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_channel is not null)
        {
            await _channel.DisposeAsync();
        }

        _listener.Dispose();
        _certificate.Dispose();
    }

    private async Task GreetAsync(byte[]? record, Refuse? refuse = null)
    {
        byte[] frame = new byte[1 << 16];
        int length = ControlFrames.WriteHello(frame, new Hello
        {
            MinVersion = Version,
            MaxVersion = Version,
            Id = Id,
            Instance = 77,
            Purpose = Purpose,
            Nonce = new byte[32],
            Mesh = Mesh,
            MaxMessage = 1 << 20,
            InitialWindow = 1 << 20,
            MaxStreams = 1024,
        });
        await SendAsync(frame[..length]);
        await UntilAsync(Raw.Hello);
        if (refuse is not null)
        {
            await SendAsync(frame[..ControlFrames.WriteRefuse(frame, refuse)]);
            return;
        }

        // G waits for S, section 5.5.
        byte[] ready = frame[..ControlFrames.WriteReady(frame, record)];
        if (Id < _channel!.RemoteId)
        {
            await SendAsync(ready);
            await TakeReadyAsync();
        }
        else
        {
            await TakeReadyAsync();
            await SendAsync(ready);
        }
    }

    private async Task TakeReadyAsync()
    {
        if (await ReadAsync() is { Type: Raw.Ready } ready)
        {
            ReadOnlySpan<byte> own = ControlFrames.ParseReady(ready.Payload);
            Record = own.IsEmpty ? null : own.ToArray();
        }
    }
}
