namespace Meshara.Core.Policy;

/// <summary>All addresses that this node may dial on its own account; static peers' are not among them.</summary>
/// <remarks>
/// <para>After Bitcoin Core's addrman: two hash tables under a secret key, of addresses that were reached and of others. A source group reaches 32
/// of the 1024 buckets for unproven addresses, an address group 8 of the 256 for proven ones, so a flood from one source fills its share and no more.</para>
/// <para>An entry is either ready (in the list of its group) or waits in a heap: for its backoff, for the end of a dial, or because it was not
/// usable when it was drawn. Every entry that <see cref="Pick"/> or <see cref="TryTake"/> gave out comes back by <see cref="Succeeded"/>,
/// <see cref="Alive"/>, <see cref="Failed"/> or <see cref="Dropped"/>; if by none, after two minutes by itself.</para>
/// </remarks>
internal sealed class AddressTable
{
    /// <summary>The least wait after GOODBYE evicted and REFUSE full.</summary>
    public static readonly TimeSpan AfterEviction = TimeSpan.FromMinutes(5);

    /// <param name="key"><see cref="PeerStoreContent.TableKeySize"/> secret bytes, kept over restarts.</param>
    /// <param name="groups">See <see cref="Regroup"/>.</param>
    /// <param name="random">For the choice and the backoff.</param>
    /// <param name="isOwn">Whether an address is this node's own; null: none is.</param>
    public AddressTable(ReadOnlySpan<byte> key, AddressGroups groups, Random random, Func<PeerAddress, bool>? isOwn = null) => throw new NotImplementedException();

    public AddressCounts Counts => throw new NotImplementedException();

    /// <summary>When a waiting entry becomes ready; null: none waits. While <see cref="AddressCounts.Ready"/> is not 0 a pick is worth trying now.</summary>
    public TimeSpan? NextDue => throw new NotImplementedException();

    /// <summary>The entry of exactly this id, host and port.</summary>
    public AddressEntry? Find(PeerAddress address) => throw new NotImplementedException();

    /// <summary>The entries of an id, for the store.</summary>
    public IReadOnlyList<AddressEntry> Of(NodeId id) => throw new NotImplementedException();

    /// <summary>Unproven entries that a source group holds.</summary>
    public int CountOf(AddressKey sourceGroup) => throw new NotImplementedException();

    /// <summary>Somebody named an address.</summary>
    public AddOutcome Add(AddressCandidate candidate, TimeSpan now) => throw new NotImplementedException();

    /// <summary>The next address to dial, which is then being dialled; null: none is ready and usable, look again at <see cref="NextDue"/>.</summary>
    public AddressEntry? Pick(PickView view, TimeSpan now) => throw new NotImplementedException();

    /// <summary>An address whose state is worth knowing: a proven one whose slot is contested, else an unproven one. It is then being dialled.</summary>
    public AddressEntry? PickForFeeler(PickView view, TimeSpan now) => throw new NotImplementedException();

    /// <summary>Takes one entry to dial it, whatever its backoff says (anchors); null: not in the table, or being dialled.</summary>
    public AddressEntry? TryTake(PeerAddress address, TimeSpan now) => throw new NotImplementedException();

    /// <summary>READY, or the answer to a probe.</summary>
    /// <param name="address">What was dialled.</param>
    /// <param name="id">Who answered.</param>
    /// <param name="now">The time.</param>
    public void Succeeded(PeerAddress address, NodeId id, TimeSpan now) => throw new NotImplementedException();

    /// <summary>The right key answered and refused.</summary>
    /// <param name="address">What was dialled.</param>
    /// <param name="retryAfter">What it asked for, at most 1 h of it counts; full: at least <see cref="AfterEviction"/>.</param>
    /// <param name="now">The time.</param>
    public void Alive(PeerAddress address, TimeSpan? retryAfter, TimeSpan now) => throw new NotImplementedException();

    /// <summary>No connection, no TLS, or another key.</summary>
    /// <param name="address">What was dialled.</param>
    /// <param name="online">This node has a live link to anybody, so its own network is not the reason.</param>
    /// <param name="now">The time.</param>
    public void Failed(PeerAddress address, bool online, TimeSpan now) => throw new NotImplementedException();

    /// <summary>This node gave the dial up for its own reasons; nobody is to blame.</summary>
    /// <param name="address">What was dialled.</param>
    /// <param name="wait">Not again before that time has passed.</param>
    /// <param name="now">The time.</param>
    public void Dropped(PeerAddress address, TimeSpan wait, TimeSpan now) => throw new NotImplementedException();

    /// <summary>No entry of this id is dialled before <paramref name="until"/>, at most 1 h from now (GOODBYE evicted on a live link: <see cref="AfterEviction"/>).</summary>
    public void Postpone(NodeId id, TimeSpan until, TimeSpan now) => throw new NotImplementedException();

    /// <summary>Entries of this id that were not usable may be again: its link or dial ended, it is no longer static or banned.</summary>
    public void Wake(NodeId id, TimeSpan now) => throw new NotImplementedException();

    /// <summary>Forgets one entry: another key answered there, or it is this node itself.</summary>
    public bool Remove(PeerAddress address) => throw new NotImplementedException();

    /// <summary>Forgets all entries of an id: it became static, or the operator removed it.</summary>
    public void Remove(NodeId id) => throw new NotImplementedException();

    /// <summary>The id has a new key; its entries go on under that.</summary>
    public void Rename(NodeId oldId, NodeId newId, TimeSpan now) => throw new NotImplementedException();

    /// <summary>The network changed or the operator asks: what waits for its backoff is ready at once, what others asked for holds.</summary>
    public void ResetBackoff(TimeSpan now) => throw new NotImplementedException();

    /// <summary>The interfaces changed. Entries are regrouped in place.</summary>
    public void Regroup(AddressGroups groups) => throw new NotImplementedException();

    /// <summary>All entries for the store, but unproven ones that the configuration names anyway.</summary>
    public IEnumerable<AddressRecord> Snapshot() => throw new NotImplementedException();

    /// <summary>What the store kept; times in the future are taken as <paramref name="now"/>. What was left of a backoff remains.</summary>
    /// <returns>How many found a place.</returns>
    public int Restore(IEnumerable<AddressRecord> records, TimeSpan now) => throw new NotImplementedException();
}
