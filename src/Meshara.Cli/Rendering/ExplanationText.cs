using System.Globalization;
using Meshara.Cli.Control;

namespace Meshara.Cli.Rendering;

/// <summary>What <c>meshara peers --explain</c> says of a peer, for people.</summary>
internal static class ExplanationText
{
    // Both parts of a time of day, to the second: what raised and lowered a reputation is looked up in logs.
    private const string TimeFormat = "yyyy-MM-dd HH:mm:ss";

    /// <summary>The lines, at most 80 characters wide but for long names, addresses and the words of a refusal.</summary>
    public static IEnumerable<string> Of(ExplanationLine peer, TimeProvider clock)
    {
        DateTimeOffset now = clock.GetUtcNow();
        yield return $"peer        {Safe.Text(peer.Peer, 64)}";
        if (peer.Name is { } name)
        {
            yield return $"name        {Safe.Text(name, 64)}";
        }

        yield return peer.Class == "static"
            ? "class       static: the operator named it or its address; no limit, no ban"
            : $"class       {Safe.Text(peer.Class, 20)}: counts against the limits";
        yield return peer.Link is not { } link
            ? "link        none"
            : $"link        {(link.Inbound ? "in" : "out")}, {Safe.Text(link.Address, 256)}, for {Show.Span(now - link.ConnectedSince)}, round trip {Show.Milliseconds(link.RoundTripMs)}";
        if (peer.FirstSeen is { } first && peer.LastSeen is { } last)
        {
            yield return $"seen        first {Show.Date(first, clock)}, last {Show.Date(last, clock)} ({Ago(now - last)})";
            yield return $"bytes       {Show.Bytes(peer.BytesReceived)} in, {Show.Bytes(peer.BytesSent)} out, over all its links";
        }

        if (peer.LastRefusal is { } refused)
        {
            string wait = refused.RetryAfter is { } seconds ? $" (again {EventText.In(seconds)} from then)" : "";
            yield return $"refused     {(refused.ByPeer ? "by it" : "here")} {Ago(now - refused.Time)} at {Safe.Text(refused.Address, 256)}: {Safe.Text(refused.Reason, 60)}{wait}";
            yield return $"            {Safe.Line(refused.Detail)}";
        }

        foreach (string line in (IEnumerable<string>)[.. Conduct(peer, clock, now), .. peer.Addresses.SelectMany(address => Where(address, now))])
        {
            yield return line;
        }

        if (peer.Addresses.Count == 0)
        {
            yield return "address     none known: it has only called";
        }
    }

    private static IEnumerable<string> Conduct(ExplanationLine peer, TimeProvider clock, DateTimeOffset now)
    {
        ThresholdsLine at = peer.Thresholds;
        yield return $"reputation  {Show.Score(peer.Reputation)} of {PeerRecord.MinReputation:0} to {PeerRecord.MaxReputation:0}; half is forgotten in {Show.Span(TimeSpan.FromSeconds(at.HalfLifeSeconds))}";
        yield return $"            gives way first at {Show.Score(at.DiscourageAt)}, disconnected at {Show.Score(at.DisconnectAt)}, banned at {Show.Score(at.BanAt)}";
        if (peer.BannedUntil is { } until)
        {
            yield return $"banned      until {Show.Date(until, clock)}, {Show.Span(until - now)} from now; ban number {peer.BanCount}";
            yield return $"            to lift it: meshara peers --forgive {Show.ShortId(Safe.Text(peer.Peer, 64))}";
        }
        else if (peer.BanCount > 0)
        {
            yield return $"banned      not now; {peer.BanCount} {(peer.BanCount == 1 ? "time" : "times")} before";
        }

        string heading = "history     ";
        foreach (HistoryLine happened in peer.History)
        {
            string time = TimeZoneInfo.ConvertTime(happened.Time, clock.LocalTimeZone).ToString(TimeFormat, CultureInfo.InvariantCulture);
            string often = happened.Count > 1 ? $"  {happened.Count} times" : "";
            yield return Invariant($"{heading}{time}  {Cause(happened.Cause),-18}  {happened.Change,6:+0.0;-0.0;0.0}  to {happened.After,6:0.0}{often}");
            heading = "            ";
        }

        if (peer.History.Count == 0)
        {
            yield return "history     nothing has raised or lowered it";
        }
    }

    private static IEnumerable<string> Where(KnownAddressLine address, DateTimeOffset now)
    {
        yield return $"address     {Safe.Text(address.Address, 300)}";
        if (address.Source == KnownAddressLine.Pinned)
        {
            yield return "            the operator's, or found at this pinned peer";
            yield break;
        }

        string named = address.FirstSeen is { } first ? $", first {Ago(now - first)}" : "";
        yield return $"            named by {Source(address.Source)}{named}";
        if (address.FirstSeen is null)
        {
            // Of such an address nothing else is kept.
            yield break;
        }

        string reached = address.LastSuccess is { } success ? $"reached {Ago(now - success)}" : "never reached";
        string tried = address.LastTried is { } at ? $", dialled {Ago(now - at)}" : "";
        string failed = address.Failures is > 0 and { } failures ? $", {failures} {(failures == 1 ? "failure" : "failures")} {(address.LastSuccess is null ? "in all" : "since")}" : "";
        yield return $"            {reached}{tried}{failed}";
    }

    /// <summary>A cause in kebab-case, for people.</summary>
    public static string Cause(string cause) => cause switch
    {
        "useful-exchange" => "useful exchange",
        "rate" => "over a rate limit",
        "protocol-violation" => "protocol violation",
        "forged-signature" => "forged signature",
        "given-back" => "given back",
        _ => Safe.Text(cause, 18),
    };

    private static string Source(string source) => source switch
    {
        "manual" => "the operator",
        "bootstrap" => "--bootstrap",
        "static-file" => "the file of static peers",
        "peer-exchange" => "another peer",
        "local-mdns" => "the local network (mDNS)",
        "hello" => "the peer itself",
        _ => Safe.Text(source, 40),
    };

    private static string Ago(TimeSpan span) => $"{Show.Span(span)} ago";

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
