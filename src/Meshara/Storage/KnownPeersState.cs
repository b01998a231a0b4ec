using System.Collections.Immutable;
using System.Text;

namespace Meshara.Storage;

/// <summary>The lines of <c>known_peers</c> at one time. Never changes: a change gives another one that shares nearly all with it, so that the hundred thousandth costs as little as the first.</summary>
internal sealed record KnownPeersState
{
    public static readonly KnownPeersState Empty = Of([], System.Security.Cryptography.SHA256.HashData([]));

    private IReadOnlyList<KnownPeer>? _peers;

    private KnownPeersState()
    {
    }

    // The peers in it are made anew when they are asked for.
    private KnownPeersState(KnownPeersState other)
    {
        (Lines, ById, Hash, Size) = (other.Lines, other.ById, other.Hash, other.Size);
        (Spots, Older) = (other.Spots, other.Older);
    }

    public required ImmutableList<KnownPeersLine> Lines { get; init; }

    public required ImmutableDictionary<NodeId, KnownPeer> ById { get; init; }

    /// <summary>SHA-256 of the file; in memory it means nothing.</summary>
    public required byte[] Hash { get; init; }

    /// <summary>Bytes of the file.</summary>
    public required long Size { get; init; }

    /// <summary>In the order of the file.</summary>
    public IReadOnlyList<KnownPeer> Peers => _peers ??= [.. Lines.Select(l => l.Peer).OfType<KnownPeer>()];

    // How many peers have this host and port, or this older key.
    private ImmutableDictionary<string, int> Spots { get; init; } = ImmutableDictionary<string, int>.Empty;

    private ImmutableDictionary<NodeId, int> Older { get; init; } = ImmutableDictionary<NodeId, int>.Empty;

    public static KnownPeersState Of(IReadOnlyList<KnownPeersLine> lines, byte[] hash)
    {
        ImmutableDictionary<NodeId, KnownPeer>.Builder byId = ImmutableDictionary.CreateBuilder<NodeId, KnownPeer>();
        ImmutableDictionary<string, int>.Builder spots = ImmutableDictionary.CreateBuilder<string, int>();
        ImmutableDictionary<NodeId, int>.Builder older = ImmutableDictionary.CreateBuilder<NodeId, int>();
        long size = 0;

        // By loops, each start comes here: what LINQ makes of structs is compiled anew every time.
        foreach (KnownPeersLine line in lines)
        {
            size += SizeOf(line);
            if (line.Peer is not { } peer)
                continue;

            byId.Add(peer.Id, peer);
            foreach (PeerAddress address in peer.Addresses)
                spots[address.HostAndPort] = spots.GetValueOrDefault(address.HostAndPort) + 1;

            foreach (PreviousKey previous in peer.Previous)
                older[previous.Id] = older.GetValueOrDefault(previous.Id) + 1;
        }

        return new KnownPeersState
        {
            Lines = [.. lines],
            ById = byId.ToImmutable(),
            Hash = hash,
            Size = size,
            Spots = spots.ToImmutable(),
            Older = older.ToImmutable(),
        };
    }

    /// <summary>Where the line of a peer is; -1: nowhere.</summary>
    public int IndexOf(NodeId id) => ById.ContainsKey(id) ? Lines.FindIndex(l => l.Peer?.Id == id) : -1;

    public int CountSpots(string hostAndPort) => Spots.GetValueOrDefault(hostAndPort);

    /// <summary>Whether it is an older key of some peer.</summary>
    public bool IsOlder(NodeId id) => Older.ContainsKey(id);

    public KnownPeersState Add(KnownPeersLine line) => With(Lines.Add(line), null, line);

    public KnownPeersState Replace(int index, KnownPeersLine line) => With(Lines.SetItem(index, line), Lines[index], line);

    public KnownPeersState RemoveAt(int index) => With(Lines.RemoveAt(index), Lines[index], null);

    /// <summary>With <see cref="KnownPeersText.Header"/> before the first line.</summary>
    public KnownPeersState WithHeader()
    {
        KnownPeersLine[] header = [.. KnownPeersText.Header.Split('\n').Select(text => new KnownPeersLine(text.TrimEnd('\r'), null, [], ""))];
        return this with { Lines = Lines.InsertRange(0, header), Size = Size + header.Sum(SizeOf) };
    }

    /// <summary>The file.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Size];
        int at = 0;
        foreach (KnownPeersLine line in Lines)
        {
            at += Encoding.UTF8.GetBytes(line.Text, bytes.AsSpan(at));
            bytes[at++] = (byte)'\n';
        }

        return bytes;
    }

    private static long SizeOf(KnownPeersLine line) => Encoding.UTF8.GetByteCount(line.Text) + 1;

    private static ImmutableDictionary<T, int> Count<T>(ImmutableDictionary<T, int> counts, IEnumerable<T> gone, IEnumerable<T> come)
        where T : notnull
    {
        foreach (T key in gone)
        {
            counts = counts[key] > 1 ? counts.SetItem(key, counts[key] - 1) : counts.Remove(key);
        }

        foreach (T key in come)
        {
            counts = counts.SetItem(key, counts.GetValueOrDefault(key) + 1);
        }

        return counts;
    }

    private KnownPeersState With(ImmutableList<KnownPeersLine> lines, KnownPeersLine? gone, KnownPeersLine? come)
    {
        ImmutableDictionary<NodeId, KnownPeer> byId = gone?.Peer is { } old ? ById.Remove(old.Id) : ById;
        return this with
        {
            Lines = lines,
            ById = come?.Peer is { } peer ? byId.SetItem(peer.Id, peer) : byId,
            Size = Size + (come is null ? 0 : SizeOf(come)) - (gone is null ? 0 : SizeOf(gone)),
            Spots = Count(Spots, (gone?.Peer?.Addresses ?? []).Select(a => a.HostAndPort), (come?.Peer?.Addresses ?? []).Select(a => a.HostAndPort)),
            Older = Count(Older, (gone?.Peer?.Previous ?? []).Select(p => p.Id), (come?.Peer?.Previous ?? []).Select(p => p.Id)),
        };
    }
}
