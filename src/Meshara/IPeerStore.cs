namespace Meshara;

/// <summary>Where a node keeps what it learned of its peers between two runs: addresses, scores, bans. Pins are not here: they are in the data directory.</summary>
/// <remarks>
/// One node uses one store: it loads once at its start, then saves, one batch at a time. The node does not dispose the store. A store is
/// an aid: where it cannot write it goes on in memory and says so in its log, and it throws only what its members name.
/// </remarks>
public interface IPeerStore
{
    /// <summary>Reads everything. An entry that is wrong is left out and counted in <see cref="PeerStoreContent.Skipped"/>.</summary>
    /// <param name="cancellationToken">Gives up; the store stays usable.</param>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.PeerStore"/>: the store must not be touched by this version; the message says what to do.</exception>
    Task<PeerStoreContent> LoadAsync(CancellationToken cancellationToken = default);

    /// <summary>Keeps a batch of changes, all of it or nothing; when the call returns, the end of the process does not undo it.</summary>
    /// <param name="changes">What changed. The store keeps what is beyond no bound of <see cref="PeerStoreContent"/>, and drops the rest.</param>
    /// <param name="cancellationToken">Gives up as long as the batch has not begun.</param>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.PeerStore"/>: as for <see cref="LoadAsync"/>.</exception>
    Task SaveAsync(PeerStoreChanges changes, CancellationToken cancellationToken = default);
}
