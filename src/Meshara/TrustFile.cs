using Meshara.Storage;

namespace Meshara;

/// <summary>The pins in a data directory on which no node runs: the file <c>known_peers</c>. A running node has
/// <see cref="Node.ListTrusted"/>, <see cref="Node.TrustAsync"/>, <see cref="Node.ReplaceKeyAsync"/> and <see cref="Node.RemovePeerAsync"/>.</summary>
/// <remarks>Reading needs no lock. Each change locks the directory as a node does, is on disk when the call returns, and keeps order and comments of the file.</remarks>
public static class TrustFile
{
    /// <summary>The pins in the order of the file; none where there is no file. A node may run meanwhile.</summary>
    /// <param name="dataDirectory">The folder of <see cref="NodeOptions.DataDirectory"/>.</param>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.DataDirectory"/>: the file cannot be read; the message names file and line.</exception>
    public static IReadOnlyList<TrustedPeer> Read(string dataDirectory)
    {
        ArgumentException.ThrowIfNullOrEmpty(dataDirectory);
        return [.. KnownPeersFile.Load(DataDirectory.KnownPeersPathOf(dataDirectory)).All.Select(p => p.Describe())];
    }

    /// <summary>Pins a key, or sets the name of one that is pinned.</summary>
    /// <param name="dataDirectory">The folder; created where it is missing.</param>
    /// <param name="key">The key that may join.</param>
    /// <param name="name">1 to 64 characters without control characters; null leaves the name as it is.</param>
    /// <returns>Whether anything changed.</returns>
    /// <exception cref="ArgumentException">The name is not one.</exception>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.DataDirectory"/>: the directory or the file cannot be used, and nothing changed.
    /// <see cref="MesharaErrorCode.DataDirectoryInUse"/>: a node runs on it.</exception>
    public static bool Add(string dataDirectory, PublicKey key, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(key);
        KnownPeer.ThrowIfNoName(name);
        return Change(dataDirectory, file =>
        {
            KnownPeer? old = file.Find(key.Id);
            return file.Add(new KnownPeer(key, old?.Addresses ?? [], name ?? old?.Name, old?.Origin ?? KnownPeerOrigin.Trusted));
        });
    }

    /// <summary>Puts another key in the place of a pinned one; its name and addresses stay.</summary>
    /// <param name="dataDirectory">The folder.</param>
    /// <param name="old">The id that is pinned.</param>
    /// <param name="key">The new key, from a source that the operator trusts.</param>
    /// <returns>False: <paramref name="old"/> is not pinned. A folder that does not exist is not created.</returns>
    /// <exception cref="MesharaException">As for <see cref="Add"/>.</exception>
    public static bool Replace(string dataDirectory, NodeId old, PublicKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return IsThere(dataDirectory) && Change(dataDirectory, file => file.Replace(old, key));
    }

    /// <summary>Removes a pin.</summary>
    /// <param name="dataDirectory">The folder.</param>
    /// <param name="id">The id that is pinned.</param>
    /// <returns>False: it was not pinned. A folder that does not exist is not created.</returns>
    /// <exception cref="MesharaException">As for <see cref="Add"/>.</exception>
    public static bool Remove(string dataDirectory, NodeId id) => IsThere(dataDirectory) && Change(dataDirectory, file => file.Remove(id));

    // A typing error must not leave a data directory behind.
    private static bool IsThere(string dataDirectory)
    {
        ArgumentException.ThrowIfNullOrEmpty(dataDirectory);
        return Path.Exists(dataDirectory);
    }

    private static bool Change(string dataDirectory, Func<KnownPeersFile, bool> change)
    {
        ArgumentException.ThrowIfNullOrEmpty(dataDirectory);
        using DataDirectory directory = DataDirectory.Open(dataDirectory);
        return change(KnownPeersFile.Load(directory.KnownPeersPath));
    }
}
