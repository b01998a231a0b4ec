using FsCheck;
using FsCheck.Fluent;
using Meshara.Tests.Support;

namespace Meshara.Tests.Models;

/// <summary>What a node does with a store that has room for six peers.</summary>
internal abstract record PeerStoreCommand
{
    /// <summary>Peers whose numbers follow each other, in one batch.</summary>
    internal sealed record Put(int Peer, int Count, int Seen, int BanHours) : PeerStoreCommand;

    /// <summary>The same peer twice in one batch.</summary>
    internal sealed record PutTwice(int Peer, int Seen, int SeenThen) : PeerStoreCommand;

    /// <summary>One of many records with anything in it that a record can hold.</summary>
    internal sealed record PutAny(int Which) : PeerStoreCommand;

    internal sealed record Forget(int Peer, int Count) : PeerStoreCommand;

    /// <summary>Removed and put in one batch.</summary>
    internal sealed record Replace(int Peer, int Seen) : PeerStoreCommand;

    internal sealed record Key(byte Value) : PeerStoreCommand;

    internal sealed record Anchors(int Count) : PeerStoreCommand;

    internal sealed record Reopen : PeerStoreCommand;

    internal sealed record Wait(int Hours) : PeerStoreCommand;

    public static PeerRecord[] Samples { get; } = Seeded.Samples(PeerRecords.Any, 60);

    public static Gen<PeerStoreCommand> Any { get; } = Gen.Frequency(
        (6, Of(from peer in Peers from count in Gen.Choose(1, 4) from seen in Times from ban in Gen.Choose(-3, 4) select new Put(peer, count, seen, Math.Max(0, ban)))),
        (1, Of(from peer in Peers from seen in Times from then in Times select new PutTwice(peer, seen, then))),
        (2, Of(Gen.Choose(0, Samples.Length - 1).Select(static which => new PutAny(which)))),
        (3, Of(from peer in Peers from count in Gen.Choose(1, 3) select new Forget(peer, count))),
        (1, Of(from peer in Peers from seen in Times select new Replace(peer, seen))),
        (1, Of(Gen.Choose(0, 255).Select(static value => new Key((byte)value)))),
        (1, Of(Gen.Choose(0, 3).Select(static count => new Anchors(count)))),
        (1, Of(Gen.Constant(new Reopen()))),
        (2, Of(Gen.Choose(0, 5).Select(static hours => new Wait(hours)))));

    private static Gen<int> Peers => Gen.Choose(0, 19);

    private static Gen<int> Times => Gen.Choose(0, 30);

    public static IEnumerable<PeerStoreCommand> Simpler(PeerStoreCommand command) => command switch
    {
        Put { Count: > 1 } put => [put with { Count = 1 }, put with { Count = put.Count - 1 }],
        Put { Seen: > 0 } put => [put with { Seen = 0 }, put with { Seen = put.Seen - 1 }],
        Put { BanHours: > 0 } put => [put with { BanHours = 0 }],
        Forget { Count: > 1 } forget => [forget with { Count = 1 }],
        _ => [],
    };

    private static Gen<PeerStoreCommand> Of<T>(Gen<T> commands)
        where T : PeerStoreCommand => commands.Select(static command => (PeerStoreCommand)command);
}
