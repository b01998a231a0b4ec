using System.Globalization;
using Meshara.Core;
using Meshara.Wire;

namespace Meshara.Net.Diagnosis;

/// <summary>What a diagnosis says.</summary>
internal static class DialTexts
{
    /// <summary>The first step: nothing was sent yet.</summary>
    /// <param name="address">What is to be dialled.</param>
    /// <param name="outlook">What is known; null: no node runs.</param>
    /// <param name="refusal">The last refusal of the peer; null: none is remembered.</param>
    /// <param name="clock">The node's.</param>
    public static DialStep Known(PeerAddress address, DialOutlook? outlook, PeerRefused? refusal, NodeClock clock)
    {
        if (outlook is null)
        {
            return new DialStep(DialStepKind.Known, DialStepOutcome.Noted, "No node runs here: what it would know of bans, failed dials and limits cannot be seen.");
        }

        if (outlook.IsSelf)
        {
            return new DialStep(DialStepKind.Known, DialStepOutcome.Failed, $"{address.HostAndPort} is this node itself: it listens there, the id is its own, or the address led back to it before.")
            {
                Code = MesharaErrorCode.Self,
                Advice = "Name the other node's address: 'meshara info' on its machine shows it.",
            };
        }

        if (outlook is { BannedUntil: { } until, Id: { } banned })
        {
            return Banned(DialStepKind.Known, banned, clock.UtcNow + (until - clock.Now));
        }

        List<string> known = [outlook.Id is not { } id ? "Any key may answer, nobody is pinned at this address" : outlook.IsKnown ? $"{id} is to answer; it is a peer named by the operator" : $"{id} is to answer"];
        if (outlook.IsLinked)
        {
            known.Add("a link to it lives already");
        }

        if (outlook.IsDialling)
        {
            known.Add("a dial is under way now");
        }
        else if (outlook.NextDial is { } next && !outlook.IsLinked)
        {
            known.Add($"after {outlook.Attempts} failed {(outlook.Attempts == 1 ? "dial" : "dials")} the next one is due in {Seconds(next - clock.Now)}");
        }
        else if (outlook is { Attempts: > 0, IsLinked: false })
        {
            known.Add($"{outlook.Attempts} {(outlook.Attempts == 1 ? "dial" : "dials")} failed before");
        }

        if (outlook.Source is { } source)
        {
            known.Add($"the address came from {NameOf(source)}");
        }

        if (refusal is not null)
        {
            known.Add($"the last real dial ended {Seconds(clock.UtcNow - refusal.Time)} ago with: {PeerText.Clean(refusal.Detail).TrimEnd('.')}");
        }

        string text = string.Join("; ", known);
        bool isNote = outlook is { IsLinked: false, Attempts: > 0 } || refusal is not null;
        return new DialStep(DialStepKind.Known, isNote ? DialStepOutcome.Noted : DialStepOutcome.Passed, $"{text}.");
    }

    private static string NameOf(AddressSource source) => source switch
    {
        AddressSource.Bootstrap => "the bootstrap nodes",
        AddressSource.StaticFile => "the static peers file",
        AddressSource.PeerExchange => "other peers",
        AddressSource.LocalMdns => "multicast DNS",
        AddressSource.Hello => "the peer's own HELLO",
        _ => "the operator",
    };

    /// <summary>This node has banned the other.</summary>
    public static DialStep Banned(DialStepKind kind, NodeId id, DateTimeOffset until) =>
        new(kind, DialStepOutcome.Failed, string.Create(CultureInfo.InvariantCulture, $"This node has banned {id} for its conduct until {until:yyyy-MM-dd HH:mm:ss} UTC, and refuses it."))
        {
            Code = MesharaErrorCode.Banned,
            Advice = $"'meshara peers --explain {id}' says why; 'meshara peers --forgive {id}' lifts the ban; 'meshara trust add' with its key exempts it for good.",
        };

    /// <summary>The other side refused in answer to HELLO.</summary>
    /// <param name="answer">Its answer.</param>
    /// <param name="failure">The same as an error.</param>
    /// <param name="own">This node's key.</param>
    public static DialStep Refused(HandshakeAnswer answer, MesharaException failure, PublicKey own)
    {
        Refuse? said = answer.Refuse;
        bool isLimit = failure.Code is MesharaErrorCode.Full or MesharaErrorCode.RateLimited;
        return new DialStep(isLimit ? DialStepKind.Limit : DialStepKind.Hello, DialStepOutcome.Failed, failure.Message)
        {
            Code = failure.Code,
            ByPeer = true,
            Advice = AdviceFor(failure.Code, own, failure.RetryAfter),
            Limit = said is { Limit.Length: > 0 } ? PeerText.Clean(said.Limit) : null,
            LimitValue = said is { Limit.Length: > 0 } ? said.Value : null,
            RetryAfter = failure.RetryAfter,
        };
    }

    /// <summary>The other side would have no place.</summary>
    public static DialStep NoPlace(string address, NoPlace missing) => new(
        DialStepKind.Limit, DialStepOutcome.Failed,
        $"The node at {address} is full: it admits this node, but would refuse it for want of a place (limit {PeerText.Clean(missing.Limit)}: {missing.Value}).")
    {
        Code = MesharaErrorCode.Full,
        ByPeer = true,
        Limit = PeerText.Clean(missing.Limit),
        LimitValue = missing.Value,
        RetryAfter = missing.RetryAfter,
        Advice = $"Again in {Seconds(missing.RetryAfter ?? TimeSpan.FromMinutes(1))} or later; or raise that limit there; or let its operator name this node ('meshara trust add'): named peers need no place.",
    };

    /// <summary>What to do where the operator of the one or the other side can do something.</summary>
    public static string? AdviceFor(MesharaErrorCode code, PublicKey own, TimeSpan? retryAfter) => code switch
    {
        MesharaErrorCode.NotAdmitted => $"On that machine run: meshara trust add {own}",
        MesharaErrorCode.Banned => $"On that machine run: meshara peers --forgive {own.Id}{(retryAfter is { } wait ? $" (or wait {Seconds(wait)})" : "")}",
        MesharaErrorCode.Full or MesharaErrorCode.RateLimited => $"Again in {Seconds(retryAfter ?? TimeSpan.FromMinutes(1))} or later; or raise that limit there; or name this node there: meshara trust add {own}",
        MesharaErrorCode.WrongMesh => "Start both nodes with the same --mesh.",
        MesharaErrorCode.VersionMismatch => "Update the older of the two.",
        MesharaErrorCode.IdentityInUse => "Two nodes run with one key, a copied data directory: give one of them a new --data.",
        MesharaErrorCode.Self => "Name the other node's address: 'meshara info' on its machine shows it.",
        MesharaErrorCode.HelloTimeout or MesharaErrorCode.LinkClosed or MesharaErrorCode.TlsFailed or MesharaErrorCode.TlsTimeout or MesharaErrorCode.WrongProtocol or MesharaErrorCode.NoCertificate =>
            "On that machine 'meshara info' shows on which port its node listens, and 'meshara run --log debug' what it refuses.",
        _ => null,
    };

    /// <summary>A span of time in the unit that fits.</summary>
    public static string Seconds(TimeSpan span) => span switch
    {
        { TotalHours: >= 2 } => string.Create(CultureInfo.InvariantCulture, $"{span.TotalHours:0.#} h"),
        { TotalMinutes: >= 2 } => string.Create(CultureInfo.InvariantCulture, $"{span.TotalMinutes:0.#} min"),
        { TotalSeconds: >= 1 } => string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0.#} s"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{Math.Max(0, span.TotalMilliseconds):0.##} ms"),
    };
}
