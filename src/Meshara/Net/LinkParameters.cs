using Meshara.Wire;

namespace Meshara.Net;

/// <summary>What a link is made of and whom it tells.</summary>
internal sealed record LinkParameters
{
    /// <summary>TLS; disposed by the link.</summary>
    public required Stream Stream { get; init; }

    /// <summary>The reader that the handshake used: it may hold the first frames already. Disposed by the link.</summary>
    public required FrameReader Reader { get; init; }

    /// <summary>The key proven in TLS.</summary>
    public required PublicKey PeerKey { get; init; }

    /// <summary><c>host:port</c> of the other end.</summary>
    public required string Address { get; init; }

    /// <summary>Whether the peer dialled: its streams are the even ones then.</summary>
    public required bool Inbound { get; init; }

    /// <summary>The peer's HELLO.</summary>
    public required Hello Remote { get; init; }

    public required LinkLimits Limits { get; init; }

    /// <summary>Those that hold now.</summary>
    public required NodeTimeouts Timeouts { get; set; }

    public required NodeClock Clock { get; init; }

    /// <summary>Of all requests of the node; null: the link has its own.</summary>
    public RequestDeadlines? Deadlines { get; init; }

    /// <summary>Where busy links of the node wait for a thread; null: the link has its own.</summary>
    public Turns? Turns { get; init; }

    public required Handlers Handlers { get; init; }

    /// <summary>Handlers run here; the node waits for them when it stops.</summary>
    public required TaskTracker Tasks { get; init; }

    /// <summary>The node's places for large messages.</summary>
    public required NodePlaces NodePlaces { get; init; }

    /// <summary>Cancelled when the node stops.</summary>
    public required CancellationToken Stopping { get; init; }

    /// <summary>A PONG came; the argument is the nonce that <see cref="Link.SendPing"/> returned.</summary>
    public required Action<ulong> OnPong { get; init; }

    /// <summary>The peer tells that another node has our identity; the argument is its address, peer text.</summary>
    public required Action<string> OnIdentityInUse { get; init; }

    /// <summary>The peer stays over a limit of frames although it is slowed (<see cref="PeerRates"/>); the argument says which, with its value.</summary>
    public required Action<string> OnOverLimit { get; init; }

    /// <summary>A handler of the application threw.</summary>
    public required Action<string, Exception> OnHandlerFault { get; init; }
}
