using Meshara.Cli.Rendering;

namespace Meshara.Cli.Control;

/// <summary>From what the operator writes to the id of a peer.</summary>
/// <param name="node">The running node.</param>
/// <param name="dataDirectory">Where its pins are.</param>
internal sealed class PeerResolver(Node node, string dataDirectory)
{
    /// <summary>Fewest digits of an id. With fewer, a key whose id begins so is quickly mined by somebody who wants to be mistaken for another.</summary>
    public const int ShortestPrefix = 8;

    /// <summary>The id that this node has from its next start on; null: the same.</summary>
    public NodeId? Next { get; set; }

    /// <summary>The one peer that is meant: by a whole id, or by the first digits of the id that a pinned peer has or had.</summary>
    /// <exception cref="ControlException">There is none, there are several, or it is this node.</exception>
    public NodeId Resolve(string text) => Resolve(text, "pinned", Pinned(text));

    /// <summary>The same to look at a peer: the first digits may be those of any linked or remembered one. Nothing is done to whoever chose such an id.</summary>
    /// <exception cref="ControlException">There is none, there are several, or it is this node.</exception>
    public async Task<NodeId> ResolveToShowAsync(string text)
    {
        IEnumerable<NodeId> known = text.Length is >= ShortestPrefix and < NodeId.Size * 2 ? await node.FindPeersAsync(text) : [];
        return Resolve(text, "known", [.. Pinned(text), .. node.ListPeers().Select(static peer => peer.Id).Where(peer => Begins(peer, text)), .. known]);
    }

    /// <summary>The same among certain peers.</summary>
    /// <param name="text">A whole id, or the first digits of one.</param>
    /// <param name="kind">What they are, for messages.</param>
    /// <param name="among">Who may be meant by the first digits.</param>
    /// <exception cref="ControlException">There is none, there are several, or it is this node.</exception>
    public NodeId ResolveAmong(string text, string kind, IEnumerable<NodeId> among) => Resolve(text, kind, [.. among.Where(peer => Begins(peer, text))]);

    private NodeId Resolve(string text, string kind, IEnumerable<NodeId> matching)
    {
        if (NodeId.TryParse(text, out NodeId id))
        {
            return id == node.Id || id == Next ? throw Self(id) : id;
        }

        if (text.Length < ShortestPrefix)
        {
            throw new ControlException("invalid-format", TooShort(text));
        }

        List<NodeId> found = [.. matching.Distinct()];
        return found switch
        {
            [NodeId one] => one,
            [] when Begins(node.Id, text) => throw Self(node.Id),
            [] when Next is { } next && Begins(next, text) => throw Self(next),
            [] => throw new ControlException(
                "unknown-peer", $"No {kind} peer has an id that begins with '{Safe.Text(text, 80)}'. Give all {NodeId.Size * 2} digits: 'meshara peers{Hints.At(dataDirectory)} --json' shows them."),
            _ => throw new ControlException("ambiguous-peer", $"{found.Count} {kind} peers have ids that begin with '{Safe.Text(text, 80)}'. Give more digits."),
        };
    }

    /// <summary>What to say of digits that are too few.</summary>
    public static string TooShort(string text) =>
        $"'{Safe.Text(text, 80)}' is too short for a node id: the first {ShortestPrefix} of its {NodeId.Size * 2} digits suffice for a pinned peer, and to look at any known one.";

    // Where something is done to a peer, among pinned ones only: anybody else can choose a key whose id begins as he likes.
    private List<NodeId> Pinned(string text)
    {
        // Those on the list may be away; those that --peer names have a link and are on no list.
        IEnumerable<NodeId> now = node.ListTrusted().Select(static peer => peer.Id)
            .Concat(node.ListPeers().Where(static peer => peer.Pinned).Select(static peer => peer.Id));
        IEnumerable<NodeId> before = OlderKey.Read(dataDirectory).Where(older => Begins(older.Id, text)).Select(static older => older.Peer);
        return [.. now.Where(peer => Begins(peer, text)).Concat(before).Distinct()];
    }

    private static ControlException Self(NodeId id) => new("self", $"{id} is this node itself: name another one.");

    private static bool Begins(NodeId id, string text) => id.ToString().StartsWith(text, StringComparison.OrdinalIgnoreCase);
}
