using System.Globalization;
using Meshara.Cli.Running;

namespace Meshara.Cli.Rendering;

/// <summary>One line of <c>meshara run --json</c> and <c>watch --json</c>.</summary>
internal sealed record EventLine(string Event, string Time)
{
    /// <summary>A connection came to nothing.</summary>
    public const string Refused = "refused";

    /// <summary>A connection came to nothing because its two nodes have a link: both had dialled, or one of them again. Nothing is wrong.</summary>
    public const string AlreadyLinked = "already-linked";

    /// <summary><c>listening</c>: full, <c>id@host:port</c>. Otherwise <c>host:port</c> of the other end.</summary>
    public string? Address { get; init; }

    /// <summary><c>listening</c>: this node.</summary>
    public string? NodeId { get; init; }

    /// <summary><c>listening</c>: this node. <c>peer-discovered</c>: the other one.</summary>
    public string? PublicKey { get; init; }

    /// <summary>The other node.</summary>
    public string? Peer { get; init; }

    /// <summary><c>peer-connected</c>: whether the peer dialled. <c>refused</c> (and below <c>already-linked</c> alike): true where it did, else absent.</summary>
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

    /// <summary><c>peer-key-succeeded</c>: the id until now; <c>peer</c> is the one from now on.</summary>
    public string? OldPeer { get; init; }

    /// <summary><c>peer-banned</c>: until when.</summary>
    public string? Until { get; init; }

    /// <summary><c>lines-lost</c>: how many could not be written. <c>refused</c>: how many more like the one before it came from that host; absent: one, this. <c>peer-banned</c>: the peer's bans so far.</summary>
    public long? Count { get; init; }

    /// <summary><c>option-changed</c>, <c>option-overridden</c>: which.</summary>
    public string? Option { get; init; }

    /// <summary><c>option-changed</c>: the value until now.</summary>
    public string? Before { get; init; }

    /// <summary><c>option-changed</c>: the value that was asked for.</summary>
    public string? After { get; init; }

    /// <summary><c>option-changed</c>: whether it holds now; else <c>detail</c> says why not. Where it does, <c>detail</c> may say what stays as it was.</summary>
    public bool? Applied { get; init; }

    /// <summary>The line of an option.</summary>
    public static EventLine Of(OptionChange change, string time) => new("option-changed", time)
    {
        Option = change.Option,
        Before = change.Before,
        After = change.After,
        Applied = change.IsApplied,
        Detail = change.Reason ?? change.Note,
    };

    /// <summary>The line of an option of the configuration file that something goes over.</summary>
    public static EventLine Of(PassedOver option, string time) => new("option-overridden", time) { Option = option.Option, Detail = option.Why ?? $"{option.By} goes over what the configuration file says" };

    /// <summary>The line of an event; null: an event of a newer library that has no line yet.</summary>
    public static EventLine? Of(PeerEvent happened) => Of(happened, Scope.ShowHere);

    /// <summary>The same.</summary>
    /// <param name="happened">What happened.</param>
    /// <param name="show">How to show an address that somebody called from.</param>
    internal static EventLine? Of(PeerEvent happened, Func<string, string> show)
    {
        EventLine? line = Plain(happened);
        return line?.Address is not { } address || show(address) is var shown && shown == address && line.OtherAddress is null ? line : line with
        {
            Address = shown,
            OtherAddress = line.OtherAddress is { } other ? show(other) : null,
            Detail = line.Detail?.Replace(address, shown, StringComparison.Ordinal),
        };
    }

    private static EventLine? Plain(PeerEvent happened)
    {
        string time = Rfc3339(happened.Time);
        return happened switch
        {
            PeerConnected e => new EventLine("peer-connected", time) { Peer = e.Peer.ToString(), Address = e.Address, Inbound = e.Inbound },
            PeerDisconnected e => new EventLine("peer-disconnected", time)
            {
                Peer = e.Peer.ToString(),
                Address = e.Address,
                Reason = Kebab.Of(e.Reason),
                Detail = e.Detail,
            },
            PeerRefused e => new EventLine(e.Code == MesharaErrorCode.Duplicate ? AlreadyLinked : Refused, time)
            {
                Address = e.Address,
                Reason = Kebab.Of(e.Code),
                Peer = e.Peer?.ToString(),
                ByPeer = e.ByPeer,
                Detail = e.Detail,
                RetryAfter = e.RetryAfter?.TotalSeconds,
                Inbound = e.Inbound ? true : null,
            },
            PeerBanned e => new EventLine("peer-banned", time) { Peer = e.Peer.ToString(), Reason = Kebab.Of(e.Cause), Until = Rfc3339(e.Until), Count = e.Count },
            PeerDiscovered e => new EventLine("peer-discovered", time) { Peer = e.Peer.ToString(), Address = e.Address, PublicKey = e.PublicKey.ToString() },
            IdentityShared e => new EventLine("identity-shared", time) { Peer = e.Peer.ToString(), Address = e.Address, OtherAddress = e.OtherAddress },
            PeerKeySucceeded e => new EventLine("peer-key-succeeded", time) { Peer = e.New.ToString(), OldPeer = e.Old.ToString() },
            _ => null,
        };
    }

    public static string Rfc3339(DateTimeOffset time) => time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
