using Meshara.Cli.Control;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Meshara.Cli.Rendering;

/// <summary>One picture of <c>meshara top</c>: the peers with rates that are the difference of two looks.</summary>
internal sealed class TopTable
{
    private static readonly Column[] Columns =
    [
        new("peer", 16, static row => Show.ShortId(row.Peer.Peer)) { IsText = true },
        new("way", 3, static row => row.Peer.Inbound ? "in" : "out") { IsText = true },
        new("ping", 8, static row => Show.Milliseconds(row.Peer.RoundTripMs)),
        new("in/s", 10, static row => Rate(row.InRate)),
        new("out/s", 10, static row => Rate(row.OutRate)),
        new("in", 8, static row => Bytes(row.Peer.BytesReceived)),
        new("out", 8, static row => Bytes(row.Peer.BytesSent)),
        new("messages", 15, static row => $"{row.Peer.MessagesReceived}/{row.Peer.MessagesSent}"),
        new("since", 12, static row => Show.Span(row.At - row.Peer.ConnectedSince)),
        new("address", 24, static row => Show.Fit(row.Peer.Address, 24)) { IsText = true },
        new("agent", 24, static row => Show.Fit(row.Peer.Agent, 24)) { IsText = true },
    ];

    private Dictionary<string, Row> _before = new(StringComparer.Ordinal);

    /// <summary>Takes a look.</summary>
    /// <param name="peers">The peers now.</param>
    /// <param name="at">When that is.</param>
    /// <param name="width">Of the terminal, in characters.</param>
    public IRenderable Look(IReadOnlyList<PeerLine> peers, DateTimeOffset at, int width)
    {
        Row[] rows = [.. peers.Select(peer => Row.Of(peer, at, _before.GetValueOrDefault(peer.Peer)))];
        _before = rows.ToDictionary(static row => row.Peer.Peer, StringComparer.Ordinal);
        string sum = peers.Count == 0
            ? "no peers"
            : $"{peers.Count} {(peers.Count == 1 ? "peer" : "peers")}  in {Rate(rows.Sum(static row => row.InRate ?? 0))}  out {Rate(rows.Sum(static row => row.OutRate ?? 0))}";
        Table table = new() { Border = TableBorder.None };
        int left = width + 1;
        Column[] shown = [.. Columns.TakeWhile(column => (left -= column.Width + 2) >= 0 || column == Columns[0])];
        foreach (Column column in shown)
        {
            table.AddColumn(new TableColumn(new Text(column.Name, new Style(decoration: Decoration.Bold)))
            {
                Alignment = column.IsText ? Justify.Left : Justify.Right,
                NoWrap = true,
                Padding = new Padding(0, 0, column == shown[^1] ? 0 : 2, 0),
                Width = Math.Min(column.Width, width),
            });
        }

        foreach (Row row in rows)
        {
            // Text, never markup: an agent called [red] is four letters and two brackets.
            table.AddRow(shown.Select(column => new Text(column.Cell(row))));
        }

        return shown.Length == Columns.Length
            ? new Rows(new Text(sum), table)
            : new Rows(new Text(sum), table, MoreColumns.Note(Columns.Length - shown.Length, Columns.Sum(static column => column.Width + 2) - 1));
    }

    private static string Rate(double? bytes) => bytes is { } value ? $"{Bytes((long)value)}/s" : "-";

    // Without a digit behind the point where there are three before it: at most 8 characters, so that all fits into 80.
    private static string Bytes(long bytes)
    {
        string text = Show.Bytes(bytes);
        int point = text.IndexOf('.', StringComparison.Ordinal);
        return point >= 3 ? text.Remove(point, 2) : text;
    }

    private sealed record Column(string Name, int Width, Func<Row, string> Cell)
    {
        public bool IsText { get; init; }
    }

    private sealed record Row(PeerLine Peer, DateTimeOffset At, double? InRate, double? OutRate)
    {
        // A link that came back counts from nothing again: no rate from two different ones.
        public static Row Of(PeerLine peer, DateTimeOffset at, Row? before)
        {
            double seconds = before is null || before.Peer.ConnectedSince != peer.ConnectedSince ? 0 : (at - before.At).TotalSeconds;
            return seconds <= 0
                ? new Row(peer, at, null, null)
                : new Row(peer, at, (peer.BytesReceived - before!.Peer.BytesReceived) / seconds, (peer.BytesSent - before.Peer.BytesSent) / seconds);
        }
    }
}
