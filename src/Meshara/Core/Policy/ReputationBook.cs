using System.Runtime.InteropServices;

namespace Meshara.Core.Policy;

/// <summary>What follows from an event.</summary>
internal enum Conduct
{
    Fine,

    /// <summary>The link is to be closed.</summary>
    Disconnect,

    /// <summary>The link is to be closed and the id refused until <see cref="ReputationBook.BanUntil"/>.</summary>
    Ban,
}

/// <summary>One line of a history. Several alike in a row are one line.</summary>
/// <param name="At">When the last of them was.</param>
/// <param name="Cause">What happened.</param>
/// <param name="Delta">All together.</param>
/// <param name="Value">The reputation after it.</param>
/// <param name="Count">How many.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ReputationLine(TimeSpan At, ReputationCause Cause, double Delta, double Value, int Count);

/// <summary>What is stored of an id's conduct.</summary>
internal sealed record ReputationRecord(NodeId Id)
{
    public double Value { get; init; }

    public TimeSpan ValueAt { get; init; }

    /// <summary>The end of the last ban; null: none.</summary>
    public TimeSpan? BanUntil { get; init; }

    public int BanCount { get; init; }

    public IReadOnlyList<ReputationLine> History { get; init; } = [];
}

/// <summary>The conduct of all ids: scores, bans, histories, and the addresses that misbehaviour came from. Everything is bounded.</summary>
internal sealed class ReputationBook
{
    /// <summary>Scored ids without a link that are not static.</summary>
    public const int MaxStrangers = 1024;

    public const int MaxBans = 4096;

    public const int MaxMarks = 1024;

    /// <summary>Histories of ids that have no link and are not static.</summary>
    public const int MaxHistories = 256;

    /// <param name="options">The numbers.</param>
    /// <param name="isKept">Linked or static: never forgotten for want of room.</param>
    /// <param name="isStatic">Never disconnected or banned.</param>
    public ReputationBook(ReputationOptions options, Func<NodeId, bool> isKept, Func<NodeId, bool> isStatic) => throw new NotImplementedException();

    /// <summary>-100 to 10; 0 for whom nothing is known of.</summary>
    public double ValueOf(NodeId id, TimeSpan now) => throw new NotImplementedException();

    /// <summary>Whether the id gives way before others.</summary>
    public bool IsDiscouraged(NodeId id, TimeSpan now) => throw new NotImplementedException();

    /// <summary>The end of the ban; null: not banned now, or static.</summary>
    public TimeSpan? BanUntil(NodeId id, TimeSpan now) => throw new NotImplementedException();

    /// <summary>Whether an id was banned or disconnected at this address within the hour.</summary>
    public bool IsMarked(AddressKey address, TimeSpan now) => throw new NotImplementedException();

    /// <summary>For <see cref="PickView.Standing"/>: 1, less below 0, and a tenth of it at a marked address. A good reputation does not count: whoever can be chosen by it can buy it.</summary>
    public double Standing(NodeId? id, AddressKey address, TimeSpan now) => throw new NotImplementedException();

    /// <summary>Something happened.</summary>
    /// <param name="id">Whose conduct it was.</param>
    /// <param name="cause">What. For timeouts ask <see cref="OwnFault"/> first.</param>
    /// <param name="from">Where it came from, to be marked if it comes to a disconnect or a ban; null: unknown or trusted.</param>
    /// <param name="now">The time.</param>
    public Conduct Add(NodeId id, ReputationCause cause, AddressKey? from, TimeSpan now) => throw new NotImplementedException();

    /// <summary>The fault was this node's own: timeouts scored within the last minute are taken back.</summary>
    public void GiveBackTimeouts(TimeSpan now) => throw new NotImplementedException();

    /// <summary>What raised and lowered the reputation, oldest first.</summary>
    public IReadOnlyList<ReputationLine> HistoryOf(NodeId id) => throw new NotImplementedException();

    /// <summary>The id has a new key: score, ban and history go on under that.</summary>
    public void Rename(NodeId oldId, NodeId newId, TimeSpan now) => throw new NotImplementedException();

    /// <summary>The operator's word: nothing is held against the id any more.</summary>
    public void Forget(NodeId id) => throw new NotImplementedException();

    /// <summary>For the store; null: there is nothing to keep.</summary>
    public ReputationRecord? Snapshot(NodeId id, TimeSpan now) => throw new NotImplementedException();

    /// <summary>Ids of which <see cref="Snapshot"/> has something.</summary>
    public IEnumerable<NodeId> Ids => throw new NotImplementedException();

    /// <summary>What the store kept, brought into range: times to at most now, bans to at most <see cref="ReputationOptions.LongestBan"/> from now.</summary>
    public void Restore(ReputationRecord record, TimeSpan now) => throw new NotImplementedException();
}
