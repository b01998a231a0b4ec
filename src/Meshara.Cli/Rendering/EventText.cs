namespace Meshara.Cli.Rendering;

/// <summary>Events as lines for people. Everything that a peer can choose goes through <see cref="Safe"/>.</summary>
internal static class EventText
{
    /// <summary>The text of an event, without its time; the name in kebab-case where this version does not know it.</summary>
    /// <param name="line">What happened.</param>
    /// <param name="own">This node's key, for what to tell another operator.</param>
    /// <param name="data">The node's data directory, for what to type here; null: not known.</param>
    public static string Of(EventLine line, PublicKey? own, string? data = null)
    {
        string who = Who(line);
        return line.Event switch
        {
            "peer-connected" => $"connected     {who}{(line.Inbound == true ? ", it dialled" : "")}",
            "peer-disconnected" => $"disconnected  {who}: {Because(line)}",
            EventLine.Refused or EventLine.AlreadyLinked => Refused(line, who, own, data),
            "peer-banned" => Banned(line, data),
            "peer-discovered" => $"found         {who}, of this mesh; it may not join. If it is to: meshara trust add{Hints.At(data)} {Safe.Text(line.PublicKey, 182)}{(own is null ? "" : $", and there: meshara trust add {own}")}",
            "identity-shared" => $"shared key    {Show.ShortId(Safe.Text(line.Peer, 64))} runs at {Safe.Text(line.Address)} and {(line.OtherAddress is { } other ? $"at {Safe.Text(other)}" : "here")}: "
                + "two live nodes have one identity. Was a data directory copied? Stop one of them.",
            "peer-key-succeeded" => $"new key       {Show.ShortId(Safe.Text(line.OldPeer, 64))} is {Show.ShortId(Safe.Text(line.Peer, 64))} now, signed by the old key; the new one is pinned",
            "option-changed" => $"option        {line.Option}: {Safe.Text(line.Before, 200)} → {Safe.Text(line.After, 200)}"
                + (line.Applied != true ? $"; not until the next start: {Safe.Line(line.Detail ?? "")}" : line.Detail is { } note ? $"; {Hints.Here(Safe.Line(note), data)}" : ""),
            "option-overridden" => $"option        {Safe.Text(line.Option, 200)} has no effect: {Safe.Line(line.Detail ?? "")}",
            "config-mended" => "configuration can be used again, and is",
            "config-failed" => $"configuration not applied, the node goes on as it is: {Safe.Line(line.Detail ?? "")}",
            _ => $"{Safe.Text(line.Event, 40)}  {who}",
        };
    }

    /// <summary>The text of a refusal whose words and remedy were shown before.</summary>
    public static string StillNotAdmitted(EventLine line) => $"refused by    {Who(line)}: not-admitted, as before";

    /// <summary>How long to wait: <c>in 60 s</c>.</summary>
    public static string In(double seconds) => seconds < 120 ? $"in {Math.Ceiling(seconds):0} s" : $"in {Show.Span(TimeSpan.FromSeconds(seconds))}";

    private static string Banned(EventLine line, string? data)
    {
        string id = Show.ShortId(Safe.Text(line.Peer, 64));
        string often = line.Count > 1 ? $", ban number {line.Count}" : "";
        return $"banned        {id} until {Safe.Text(line.Until, 40)} for {ExplanationText.Cause(line.Reason ?? "its conduct")}{often}; to lift it: meshara peers{Hints.At(data)} --forgive {id}";
    }

    private static string Who(EventLine line) =>
        line.Peer is { } peer ? $"{Show.ShortId(Safe.Text(peer, 64))} at {Safe.Text(line.Address)}" : Safe.Text(line.Address);

    private static string Refused(EventLine line, string who, PublicKey? own, string? data)
    {
        if (line.Count is { } count)
        {
            return $"{(line.Event == EventLine.AlreadyLinked ? "linked " : "no link")}       {(line.Address is null ? "other addresses" : who)}: {count} more like this within a minute{(line.Reason is { } why ? $" ({Safe.Text(why, 60)})" : "")}";
        }

        if (line.Event == EventLine.AlreadyLinked)
        {
            // Nothing is wrong: both sides dialled, or one of them again. One link is enough.
            return $"linked        {who}: there is a link already, another is not needed";
        }

        if (line is { ByPeer: true, Reason: "not-admitted" } && own is not null)
        {
            return $"refused by    {who}: {Hints.NotAdmitted(line.Detail ?? "", own)}";
        }

        // When this node refuses, its own words say it already.
        string again = line.ByPeer == true && line.RetryAfter is { } wait ? $" (again {In(wait)})" : "";
        return $"{(line.ByPeer == true ? "refused by  " : "no link     ")}  {who}: {(line.ByPeer == true ? Because(line) : Hints.Here(Because(line), data))}{again}";
    }

    private static string Because(EventLine line) => string.IsNullOrEmpty(line.Detail) ? Safe.Text(line.Reason, 60) : $"{Safe.Text(line.Reason, 60)}: {Safe.Line(line.Detail)}";
}
