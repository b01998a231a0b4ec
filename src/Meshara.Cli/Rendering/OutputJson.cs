using System.Text.Json.Serialization;
using Meshara.Cli.Control;
using Meshara.Cli.Doctor;

namespace Meshara.Cli.Rendering;

/// <summary><c>meshara id --json</c>.</summary>
internal sealed record IdLine(string NodeId, string PublicKey)
{
    /// <summary>The id that the running node uses until its next start; absent: the same, or none runs.</summary>
    public string? RunningNodeId { get; init; }
}

/// <summary><c>meshara id --rotate --json</c>.</summary>
/// <param name="OldId">The id until the next start.</param>
/// <param name="NodeId">The id from then on.</param>
/// <param name="PublicKey">Its key.</param>
/// <param name="OverlapSeconds">For how long peers accept the old key still.</param>
/// <param name="RestartNeeded">Whether a node runs, with the old key until it starts anew.</param>
internal sealed record RotationLine(string OldId, string NodeId, string PublicKey, double OverlapSeconds, bool RestartNeeded);

/// <summary><c>meshara peers --json</c>.</summary>
internal sealed record PeersLine(IReadOnlyList<PeerLine> Peers);

/// <summary><c>meshara trust list --json</c>.</summary>
internal sealed record TrustLine(IReadOnlyList<PinLine> Pins);

/// <summary>One pin in <c>meshara trust list --json</c>.</summary>
internal sealed record PinLine(string Peer, string PublicKey, IReadOnlyList<string> Addresses)
{
    public string? Name { get; init; }

    /// <summary>Older keys that are accepted still.</summary>
    public required IReadOnlyList<OlderKeyLine> AlsoAccepts { get; init; }

    public static PinLine Of(TrustedPeer pin, IEnumerable<OlderKey> older) =>
        new(pin.Id.ToString(), pin.PublicKey.ToString(), [.. pin.Addresses.Select(static a => a.HostAndPort)])
        {
            Name = pin.Name,
            AlsoAccepts = [.. older.Select(static key => new OlderKeyLine(key.Id.ToString(), EventLine.Rfc3339(key.Until)))],
        };
}

/// <summary><c>meshara peers --banned --json</c>.</summary>
internal sealed record BannedLines(IReadOnlyList<BannedLine> Banned);

/// <summary>An older key in <c>meshara trust list --json</c>.</summary>
internal sealed record OlderKeyLine(string Peer, string Until);

/// <summary><c>add</c>, <c>trust add</c>, <c>trust replace</c>, <c>trust forget</c>, <c>remove</c> and <c>send</c> with <c>--json</c>: what was done to whom.</summary>
internal sealed record DoneLine(string Done, string Peer)
{
    public string? Address { get; init; }

    public string? Protocol { get; init; }

    public int? Bytes { get; init; }

    /// <summary><c>add</c>: true where there was a link already.</summary>
    public bool? AlreadyLinked { get; init; }
}

/// <summary>One line of <c>meshara ping --json</c>: a time, or why there is none.</summary>
internal sealed record PingLine(int Seq)
{
    public string? Peer { get; init; }

    public double? RoundTripMs { get; init; }

    public string? Error { get; init; }

    public string? Message { get; init; }
}

/// <summary>The last line of <c>meshara ping --json</c>.</summary>
internal sealed record PingSummary(int Sent, int Received)
{
    /// <summary>0 to 1.</summary>
    public double? Loss { get; init; }

    public double? MinMs { get; init; }

    public double? P50Ms { get; init; }

    public double? P99Ms { get; init; }

    public double? MaxMs { get; init; }
}

/// <summary><c>meshara request --json</c>: the reply as text if it is UTF-8, else in base64.</summary>
internal sealed record ReplyLine(string Peer, string Protocol)
{
    public string? Text { get; init; }

    public string? Base64 { get; init; }
}

// The default encoder leaves nothing but printable ASCII, so these lines are safe on a terminal too.
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(IdLine))]
[JsonSerializable(typeof(RotationLine))]
[JsonSerializable(typeof(PeersLine))]
[JsonSerializable(typeof(BannedLines))]
[JsonSerializable(typeof(TrustLine))]
[JsonSerializable(typeof(DoneLine))]
[JsonSerializable(typeof(InfoLine))]
[JsonSerializable(typeof(StaticPeerLine))]
[JsonSerializable(typeof(ExplanationLine))]
[JsonSerializable(typeof(EventLine))]
[JsonSerializable(typeof(PingLine))]
[JsonSerializable(typeof(PingSummary))]
[JsonSerializable(typeof(ReplyLine))]
[JsonSerializable(typeof(WhyLine))]
[JsonSerializable(typeof(DoctorLine))]
[JsonSerializable(typeof(ServiceLine))]
internal sealed partial class OutputJson : JsonSerializerContext;
