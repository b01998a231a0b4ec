using Meshara.Cli.Control;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Meshara.Cli.Rendering;

/// <summary>The table of <c>meshara peers</c>: as many columns as the terminal has room for.</summary>
internal static class PeerTable
{
    private static readonly Column[] Columns =
    [
        new("peer", 16, static (peer, _) => Show.ShortId(peer.Peer)),
        new("address", 21, static (peer, _) => Safe.Text(peer.Address, 60)),
        new("way", 3, static (peer, _) => peer.Inbound ? "in" : "out"),
        new("class", 6, static (peer, _) => Safe.Text(peer.Class, 6)),

        // The reputation, under a shorter name: so all down to 'since' fits into 80 columns.
        new("score", 5, static (peer, _) => Show.Score(peer.Reputation)),
        new("since", 10, static (peer, now) => Show.Span(now - peer.ConnectedSince)),
        new("round trip", 10, static (peer, _) => Show.Milliseconds(peer.RoundTripMs)),
        new("messages in/out", 15, static (peer, _) => $"{peer.MessagesReceived}/{peer.MessagesSent}"),
        new("bytes in/out", 21, static (peer, _) => $"{Show.Bytes(peer.BytesReceived)}/{Show.Bytes(peer.BytesSent)}"),
        new("pinned", 6, static (peer, _) => peer.Pinned ? "yes" : "no"),
        new("seen", 10, static (peer, now) => Show.Span(now - peer.LastSeen)),
        new("agent", 20, static (peer, _) => Show.Fit(peer.Agent, 40)),
    ];

    /// <summary>Makes the table for a terminal of this width in characters.</summary>
    public static IRenderable Create(IReadOnlyList<PeerLine> peers, int width, DateTimeOffset now)
    {
        Table table = new() { Border = TableBorder.Rounded };
        int left = width - 1;
        int shown = 0;
        foreach (Column column in Columns)
        {
            // Each column takes its text, a space on both sides and a line. The first two are shown at any width, wrapped if need be.
            left -= column.Width + 3;
            if (left < 0 && shown >= 2)
            {
                break;
            }

            table.AddColumn(new TableColumn(new Text(column.Name)));
            shown++;
        }

        foreach (PeerLine peer in peers)
        {
            // Text, never markup: an agent called [red] is four letters and two brackets.
            table.AddRow(Columns.Take(shown).Select(column => new Text(column.Cell(peer, now))));
        }

        return shown == Columns.Length ? table : new Rows(table, MoreColumns.Note(Columns.Length - shown, Columns.Sum(static column => column.Width + 3) + 1));
    }

    private sealed record Column(string Name, int Width, Func<PeerLine, DateTimeOffset, string> Cell);
}
