using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Meshara.Net;
using Meshara.Security;
using Meshara.Tests.Support;
using Meshara.Wire;

namespace Meshara.Tests.Net;

/// <summary>Two nodes that have finished TLS over a real connection on loopback, and can now shake hands or be played by a test.</summary>
internal sealed class HandshakeBed : IAsyncDisposable
{
    public static readonly TimeSpan Guard = TimeSpan.FromSeconds(30);

    private static readonly SecureChannelOptions Tls = new(MinimumTls.Tls12, Guard, TimeProvider.System);

    private readonly LoopbackPair _pair;
    private readonly List<IDisposable> _owned = [];

    private HandshakeBed(LoopbackPair pair) => _pair = pair;

    public required SecureChannel Dialer { get; init; }

    public required SecureChannel Acceptor { get; init; }

    /// <summary>The clock of every config. It stands still unless the test moves it.</summary>
    public ManualTimeProvider Clock { get; } = new();

    public NodeId DialerId => Acceptor.RemoteId;

    public NodeId AcceptorId => Dialer.RemoteId;

    /// <summary>Connects and does TLS.</summary>
    /// <param name="greaterDials">Whether the node with the greater id is the dialer.</param>
    /// <param name="wrap">Put between the dialer's TLS and its socket.</param>
    public static async Task<HandshakeBed> CreateAsync(bool greaterDials = true, Func<Stream, Stream>? wrap = null)
    {
        NodeIdentity dialer = NodeIdentity.Create(), acceptor = NodeIdentity.Create();
        if (dialer.Id > acceptor.Id != greaterDials)
        {
            (dialer, acceptor) = (acceptor, dialer);
        }

        NodeCertificate dialerCertificate = new(dialer), acceptorCertificate = new(acceptor);
        LoopbackPair pair = await LoopbackPair.CreateAsync();
        Task<SecureChannel> accepting = SecureChannel.AcceptAsync(pair.Acceptor, acceptorCertificate, "dialer:1", Tls, CancellationToken.None);
        Stream transport = wrap is null ? pair.Dialer : wrap(pair.Dialer);
        SecureChannel dialed = await SecureChannel.ConnectAsync(transport, dialerCertificate, acceptor.Id, "acceptor:1", Tls, CancellationToken.None).WaitAsync(Guard);
        return new HandshakeBed(pair)
        {
            Dialer = dialed,
            Acceptor = await accepting.WaitAsync(Guard),
            _owned = { dialerCertificate, acceptorCertificate, dialer, acceptor },
        };
    }

    public HandshakeConfig Config(bool dialer) => new()
    {
        Id = dialer ? DialerId : AcceptorId,
        Instance = dialer ? 1u : 2u,
        Mesh = "test",
        Agent = dialer ? "dialer/1" : "acceptor/1",
        MaxMessage = 1 << 20,
        InitialWindow = 16 << 10,
        MaxStreams = 1024,
        MaxRetryAfter = TimeSpan.FromSeconds(60),
        TimeProvider = Clock,
    };

    /// <summary>The handshake of one side.</summary>
    public Handshake Shake(bool dialer, Func<HandshakeConfig, HandshakeConfig>? change = null) => Shake(dialer, out _, change);

    public Handshake Shake(bool dialer, out FrameReader reader, Func<HandshakeConfig, HandshakeConfig>? change = null)
    {
        SecureChannel channel = dialer ? Dialer : Acceptor;
        reader = new FrameReader(channel.Stream);
        _owned.Add(reader);
        return new Handshake(channel, reader, dialer, dialer ? "acceptor:1" : "dialer:1", change is null ? Config(dialer) : change(Config(dialer)));
    }

    /// <summary>One side played by the test, byte by byte.</summary>
    public ScriptedPeer Play(bool dialer)
    {
        ScriptedPeer peer = new(dialer ? Dialer.Stream : Acceptor.Stream, dialer ? DialerId : AcceptorId);
        _owned.Add(peer);
        return peer;
    }

    /// <summary>The test plays the dialer, sends <paramref name="bytes"/> and nothing else; what does the acceptor throw?</summary>
    public async Task<Exception> AcceptorFacesAsync(byte[] bytes, Func<HandshakeConfig, HandshakeConfig>? change = null)
    {
        await Play(dialer: true).SendAsync(bytes);
        Handshake acceptor = Shake(dialer: false, change);
        return await ThrowsAsync(async () =>
        {
            await acceptor.ExchangeAsync(null, false, CancellationToken.None).WaitAsync(Guard);
            await acceptor.ReadAnswerAsync(CancellationToken.None).WaitAsync(Guard);
        });
    }

    /// <summary>FIN below the dialer's TLS.</summary>
    public void FinishDialer() => _pair.Dialer.Socket.Shutdown(SocketShutdown.Send);

    /// <summary>What a handshake throws.</summary>
    public static async Task<Exception> ThrowsAsync(Func<Task> action)
    {
        try
        {
            await action();
        }
        catch (Exception e) when (e is WireException or MesharaException or OperationCanceledException)
        {
            return e;
        }

        throw new InvalidOperationException("It was accepted.");
    }

    public async ValueTask DisposeAsync()
    {
        await Dialer.DisposeAsync();
        await Acceptor.DisposeAsync();
        await _pair.DisposeAsync();
        foreach (IDisposable owned in _owned)
        {
            owned.Dispose();
        }
    }
}

/// <summary>A peer that may break every rule. Shares no encoder with the library.</summary>
internal sealed class ScriptedPeer(Stream stream, NodeId id) : IDisposable
{
    private readonly FrameReader _reader = new(stream);

    /// <summary>A well-formed HELLO payload unless the arguments make it otherwise.</summary>
    public byte[] Hello(
        ushort minVersion = 1, ushort maxVersion = 1, NodeId? hasId = null, byte[]? expected = null, byte purpose = 0, ulong features = 0,
        string mesh = "test", byte[]? agent = null, byte[]? addresses = null, byte[]? limits = null, byte[]? extensions = null, byte[]? nonce = null) =>
    [
        (byte)(minVersion >> 8), (byte)minVersion, (byte)(maxVersion >> 8), (byte)maxVersion,
        .. (hasId ?? id).ToByteArray(),
        (byte)(expected?.Length ?? 0), .. expected ?? [],
        .. new byte[16],
        .. nonce ?? new byte[32],
        purpose,
        .. Big(features),
        (byte)mesh.Length, .. Encoding.UTF8.GetBytes(mesh),
        (byte)(agent?.Length ?? 0), .. agent ?? [],
        .. addresses ?? [0],
        .. limits ?? [0x80, 0x10, 0, 0, 0x80, 0, 0x40, 0, 0x40, 64],
        .. extensions ?? [0],
    ];

    public static byte[] Frame(FrameType type, byte[] payload, byte flags = 0)
    {
        byte[] frame = new byte[6 + payload.Length];
        BinaryPrimitives.WriteUInt32BigEndian(frame, (uint)payload.Length);
        frame[4] = (byte)type;
        frame[5] = flags;
        payload.CopyTo(frame, 6);
        return frame;
    }

    public Task SendAsync(byte[] bytes) => stream.WriteAsync(bytes).AsTask().WaitAsync(HandshakeBed.Guard);

    public Task SendAsync(FrameType type, byte[] payload) => SendAsync(Frame(type, payload));

    /// <summary>The next frame; null: the connection ended.</summary>
    public async Task<(FrameType Type, byte[] Payload)?> ReadAsync()
    {
        while (true)
        {
            if (Take() is { } frame)
            {
                return frame;
            }

            try
            {
                if (!await _reader.FillAsync(CancellationToken.None).AsTask().WaitAsync(HandshakeBed.Guard))
                {
                    return null;
                }
            }
            catch (IOException e) when (e.InnerException is null or SocketException or IOException)
            {
                return null;
            }
        }
    }

    public void Close() => stream.Dispose();

    public void Dispose() => _reader.Dispose();

    private (FrameType Type, byte[] Payload)? Take() =>
        _reader.TryTake(FrameCodec.MaxPayload, out FrameHeader header, out ReadOnlySpan<byte> payload) ? (header.Type, payload.ToArray()) : null;

    private static byte[] Big(ulong value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        return bytes;
    }
}
