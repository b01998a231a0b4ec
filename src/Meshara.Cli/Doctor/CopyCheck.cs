using Meshara.Cli.Control;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Doctor;

/// <summary>Whether another machine runs with a copy of this node's data directory, as far as the node has noticed.</summary>
internal static class CopyCheck
{
    private const string Advice = "Give each node a data directory of its own: stop one of the two and start it with an empty one, which makes it a new identity. Peers link to one of the two only.";

    // A copy is noticed again each few minutes, as long as it runs.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    /// <summary>Nothing where nothing was noticed. Where the node's own key answered a dial of another peer, it is dialled once more.</summary>
    public static async Task<IReadOnlyList<FindingLine>> RunAsync(Node node, OwnKeyElsewhere seen, NodeOptions stranger, CancellationToken cancellationToken)
    {
        DateTimeOffset now = stranger.TimeProvider.GetUtcNow();
        if (seen.Proven is { } proven)
        {
            bool isNow = now - proven.Time < ReachCheck.Lately;
            return [new FindingLine("node", isNow ? FindingLine.Broken : FindingLine.Warning, node.Id.ToString(), $"Another live node has this node's key, a copy of its data directory: seen {Show.Span(now - proven.Time)} ago at {proven.Address}.") { Advice = Advice }];
        }

        if (seen.Suspected is not { } suspected || !PeerAddress.TryParse(suspected.Address, out PeerAddress? address) || node.Addresses.Any(own => own.HostAndPort == address.HostAndPort))
        {
            return [];
        }

        // A warning only: an address that leads back here by a router or another name looks the same from here, and harms nobody.
        DialDiagnosis dial = await Node.DiagnoseAsync(stranger, address with { Id = null }, Limit, cancellationToken);
        return dial.Answered == node.Id
            ? [new FindingLine("node", FindingLine.Warning, node.Id.ToString(), $"This node's own key answers at {address.HostAndPort}, where another peer is expected: another machine runs with a copy of its data directory, or the address leads back to this node.") { Advice = $"{Advice} If it leads back to this node, correct the peer's address." }]
            : [];
    }
}
