using System.Text.Json.Serialization;
using Meshara.Cli.Control;

namespace Meshara.Cli.Rendering;

/// <summary><c>meshara id --json</c>.</summary>
internal sealed record IdLine(string NodeId, string PublicKey);

/// <summary><c>meshara peers --json</c>.</summary>
internal sealed record PeersLine(IReadOnlyList<PeerLine> Peers);

/// <summary><c>meshara trust list --json</c>.</summary>
internal sealed record TrustLine(IReadOnlyList<PinLine> Pins);

/// <summary>One pin in <c>meshara trust list --json</c>.</summary>
internal sealed record PinLine(string Peer, string PublicKey, IReadOnlyList<string> Addresses)
{
    public string? Name { get; init; }

    public static PinLine Of(TrustedPeer pin) =>
        new(pin.Id.ToString(), pin.PublicKey.ToString(), [.. pin.Addresses.Select(static a => a.HostAndPort)]) { Name = pin.Name };
}

/// <summary><c>add</c>, <c>trust add</c>, <c>trust replace</c>, <c>trust forget</c>, <c>remove</c> and <c>send</c> with <c>--json</c>: what was done to whom.</summary>
internal sealed record DoneLine(string Done, string Peer)
{
    public string? Address { get; init; }

    public string? Protocol { get; init; }

    public int? Bytes { get; init; }
}

/// <summary>One line of <c>meshara run --json</c>.</summary>
internal sealed record EventLine(string Event, string Time)
{
    /// <summary><c>listening</c>: full, <c>id@host:port</c>. Otherwise <c>host:port</c> of the other end.</summary>
    public string? Address { get; init; }

    /// <summary><c>listening</c>: this node.</summary>
    public string? NodeId { get; init; }

    /// <summary><c>listening</c>: this node.</summary>
    public string? PublicKey { get; init; }

    /// <summary>The other node.</summary>
    public string? Peer { get; init; }

    /// <summary><c>peer-connected</c>: whether the peer dialled.</summary>
    public bool? Inbound { get; init; }

    /// <summary><c>peer-disconnected</c>, <c>refused</c>: why, in kebab-case.</summary>
    public string? Reason { get; init; }

    /// <summary>The same for people.</summary>
    public string? Detail { get; init; }

    /// <summary><c>refused</c>: whether the other side refused.</summary>
    public bool? ByPeer { get; init; }

    /// <summary><c>refused</c>: seconds after which it may be tried again.</summary>
    public double? RetryAfter { get; init; }

    /// <summary><c>message</c>: the protocol it was sent on.</summary>
    public string? Protocol { get; init; }

    /// <summary><c>message</c>: the payload, if it is UTF-8.</summary>
    public string? Text { get; init; }

    /// <summary><c>message</c>: the payload, if it is not.</summary>
    public string? Base64 { get; init; }

    /// <summary><c>identity-shared</c>: where the first node with this key is; absent: here.</summary>
    public string? OtherAddress { get; init; }
}

// The default encoder leaves nothing but printable ASCII, so these lines are safe on a terminal too.
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(IdLine))]
[JsonSerializable(typeof(PeersLine))]
[JsonSerializable(typeof(TrustLine))]
[JsonSerializable(typeof(DoneLine))]
[JsonSerializable(typeof(InfoLine))]
[JsonSerializable(typeof(EventLine))]
internal sealed partial class OutputJson : JsonSerializerContext;
