using System.Text;
using Meshara.Discovery;

namespace Meshara.Fuzz;

/// <summary>The parser of static peers files and of lists over HTTPS. A finding is: any exception, a fault outside the input, a fault text with control characters,
/// or an address that is not read back as it was changed, with every other byte where it was.</summary>
internal static class FileTargets
{
    private static readonly string Id = string.Concat(Enumerable.Repeat("0a", NodeId.Size));
    private static readonly PeerAddress[] Moves = [new("10.0.0.9", 9), new("2001:db8::9", 65535), new("moved.example", 1), new("fe80::9%eth0", 9)];

    /// <summary>Texts that are read, each with something that others lack.</summary>
    public static FuzzTarget StaticPeers { get; } = new("static-peers", Seeds(), Run);

    private static byte[][] Seeds() =>
    [
        .. new[]
        {
            "{ \"static_peers\": [] }",
            $"{{ \"static_peers\": [ {{ \"name\": \"a\", \"multiaddr\": \"/ip4/10.0.0.1/tcp/4040/p2p/{Id}\" }} ] }}",
            $"\uFEFF{{\r\n // x\r\n\"static_peers\": [ {{ \"address\": \"{Id}@host:1\", }}, {{ \"address\": \"{Id}@[::1]:2\", \"x\": [ {{}}, null, 1e3 ] }}, ] }}\r\n",
            $"{{ \"static_peers\": [ {{ \"multiaddr\": \"\\/ip6zone\\/eth0\\/ip6\\/fe80::1\\/tcp\\/1\\/p2p\\/{Id}\" }} ], \"y\": \"\\u00e9é\" }}",
            $"{{ \"static_peers\": [ {{ \"multiaddr\": \"/dns4/HOST/tcp/1/ipfs/{Id}/\", \"name\": null }} ] }}",
            "{ \"static_peers\": [ { \"address\": \"host\", \"public_key\": \"3059\" } ] }",
            "{ \"static_peers\": [ { \"address\": \"host:1\" }, { \"address\": \"host:2\", \"name\": \"b\" } ] }",
        }.Select(Encoding.UTF8.GetBytes),
    ];

    private static long Run(byte[] input)
    {
        int withoutIds = Read(input, needsIds: false).Count;
        IReadOnlyList<StaticPeer> all = Read(input, needsIds: true);
        foreach (StaticPeer peer in all)
        {
            foreach (PeerAddress move in Moves)
            {
                byte[] changed = StaticPeersText.Change(input, [(peer, move)]);
                int after = input.Length - peer.Offset - peer.Length;
                bool isKept = changed.AsSpan(0, peer.Offset).SequenceEqual(input.AsSpan(0, peer.Offset)) && changed.AsSpan(changed.Length - after).SequenceEqual(input.AsSpan(input.Length - after));

                // Another entry may claim the new address, or the file be too large by now.
                bool mayFail = all.Count > 1 || changed.Length > StaticPeersText.MaxBytes;
                bool isTaken = (StaticPeersText.Parse(changed, needsIds: true, out IReadOnlyList<StaticPeer> peers) is not null && mayFail)
                    || peers.Any(p => p.Offset == peer.Offset && p.Address == move with { Id = peer.Address.Id } && p.Form == peer.Form);
                if (!isKept || !isTaken)
                {
                    throw new FindingException($"The address at {peer.Offset} did not become {move}, or other bytes moved.");
                }
            }
        }

        return Verdict.With(withoutIds, all.Count);
    }

    private static IReadOnlyList<StaticPeer> Read(byte[] input, bool needsIds)
    {
        if (StaticPeersText.Parse(input, needsIds, out IReadOnlyList<StaticPeer> peers) is { } fault
            && (peers.Count > 0 || fault.Line < 0 || fault.Line > input.Count(static b => b == '\n') + 1 || fault.Column > input.Length + 1 || fault.What.Any(char.IsControl)))
        {
            throw new FindingException($"A fault outside the file, or with control characters: {fault}");
        }

        return peers;
    }
}
