using Meshara.Security;

namespace Meshara;

// This node's own key.
public sealed partial class Node
{
    /// <summary>Puts a new key in the place of this node's own in its data directory; it takes effect at the next start. Links stay, and until then this node is who it was.</summary>
    /// <remarks>Peers that pinned the old key follow it to the new one when they meet it. The old private key is not kept; back the file up anew.</remarks>
    /// <param name="overlap">For how long they still accept the old one; 0 (it was stolen) to 30 days, cut to seconds. Null: <see cref="NodeIdentity.DefaultOverlap"/>.</param>
    /// <param name="cancellationToken">Gives up as long as nothing has begun.</param>
    /// <returns>The new key.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The overlap is outside its range.</exception>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.InvalidOption"/>: the identity is not that of a data directory.
    /// <see cref="MesharaErrorCode.IdentityFile"/>: it was done already since the start, or the file cannot be used; it was left as it is.
    /// <see cref="MesharaErrorCode.Passphrase"/>, <see cref="MesharaErrorCode.NodeStopped"/>.</exception>
    public Task<PublicKey> RotateIdentityAsync(TimeSpan? overlap = null, CancellationToken cancellationToken = default)
    {
        if (overlap is { } wanted)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(wanted, TimeSpan.Zero, nameof(overlap));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(wanted, SuccessorRecord.MaxOverlap, nameof(overlap));
        }

        if (_options.Identity is not null || _directory is not { } directory)
        {
            throw new MesharaException(
                MesharaErrorCode.InvalidOption,
                "This node's identity is not in its data directory, so it cannot be changed there. Change it where it came from: NodeIdentity.Rotate does that to a file.");
        }

        // One after the other, and before the directory is let go.
        return _pins.DoAsync(
            () =>
            {
                using NodeIdentity renewed = NodeIdentity.RotateFile(directory.IdentityPath, _options.IdentityPassphrase, overlap, _options.TimeProvider, expected: Id);
                _logger.IdentityRotated(Id, renewed.Id);
                return renewed.PublicKey;
            },
            cancellationToken);
    }
}
