namespace Meshara;

/// <summary>Deadlines of a node. All must be positive.</summary>
public sealed record NodeTimeouts
{
    /// <summary>TCP connect. Default 5 s.</summary>
    public TimeSpan Connect { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The TLS handshake. Default 5 s.</summary>
    public TimeSpan Tls { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>From TLS to a live link (wire protocol section 5.5). Default 5 s.</summary>
    public TimeSpan Hello { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Silence after which a PING is sent (section 7.1); the side that dialled waits 1 s longer, or a quarter of this if that is less. From 10 s on it is sent up to 1 s sooner, together with
    /// those of other links. Default 15 s.</summary>
    public TimeSpan PingAfter { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long each of two PINGs waits for a sign of life (section 7.1). Default 10 s.</summary>
    public TimeSpan PongWithin { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A frame once begun must end (section 4). Default 10 s.</summary>
    public TimeSpan Frame { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>One write that the peer does not take. Default 30 s.</summary>
    public TimeSpan Write { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>From GOODBYE to closed (section 7.2). Default 2 s.</summary>
    public TimeSpan Drain { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A request without a timeout of its own; also a reply of which the peer takes nothing. Default 30 s.</summary>
    public TimeSpan Request { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>An unfinished large message must make progress (section 8.3). Default 10 s.</summary>
    public TimeSpan Progress { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a live link has to prove it lives when its peer's id dials anew (section 6). Default 1 s.</summary>
    public TimeSpan DuplicateCheck { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a live link has to give a sign of life when the network of this machine has changed or the machine has woken; silent, it is closed
    /// (<see cref="DisconnectReason.PingTimeout"/>) and dialled anew. Default 3 s: what a PING on a slow line behind other data takes, and a packet lost and sent again.</summary>
    public TimeSpan CheckAfterChange { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Upper bound of the pause between two dials of a wanted peer; the pause is drawn from 0 to 1 s · 2ⁿ (full jitter). After a refusal for want of a place up to half of
    /// what the peer asked for is added. Default 60 s.</summary>
    public TimeSpan MaxBackoff { get; init; } = TimeSpan.FromSeconds(60);
}
