using System.Security.Cryptography;
using Meshara.Security;
using Meshara.Storage;

namespace Meshara;

/// <summary>The one key of a node: an ECDSA P-256 key pair, in memory or in a file.</summary>
/// <remarks>
/// <para>The file is PKCS#8 in PEM, as <c>openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256</c> writes it, readable by its
/// owner only. <c>BEGIN EC PRIVATE KEY</c> is read too. With a passphrase it is <c>BEGIN ENCRYPTED PRIVATE KEY</c> (PBES2: AES-256-CBC,
/// PBKDF2-HMAC-SHA256, 600,000 rounds), which openssl reads as well.</para>
/// <para>After <see cref="Rotate"/> the file holds also who the node was: blocks <c>BEGIN MESHARA SUCCESSOR</c>, which are no secret.</para>
/// <para>An existing file is never changed or replaced, whatever is wrong with it, but by <see cref="Rotate"/>.</para>
/// </remarks>
public sealed class NodeIdentity : IDisposable
{
    private readonly ECDsa _key;

    // The chain is taken as it is: tests hand in false ones.
    internal NodeIdentity(ECDsa key, PublicKey publicKey, SuccessorChain? chain)
    {
        _key = key;
        PublicKey = publicKey;
        Chain = chain;
    }

    /// <summary>For how long peers still accept the old key after <see cref="Rotate"/>, if nothing else is said: 30 days, which is also the most.</summary>
    public static TimeSpan DefaultOverlap => SuccessorRecord.MaxOverlap;

    /// <summary>The public half, which others pin.</summary>
    public PublicKey PublicKey { get; }

    /// <summary>The node's name, the hash of <see cref="PublicKey"/>.</summary>
    public NodeId Id => PublicKey.Id;

    /// <summary>The ids that this node had before, oldest first; at most 4. Who pinned one of them follows it to <see cref="Id"/>.</summary>
    public IReadOnlyList<NodeId> Predecessors => Chain?.OldIds ?? [];

    // For the certificate (Security/NodeCertificate) only.
    internal ECDsa Key => _key;

    // Signed by the older keys; null: there is none.
    internal SuccessorChain? Chain { get; }

    /// <summary>A new key from the operating system's generator, kept in memory only.</summary>
    public static NodeIdentity Create()
    {
        ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new NodeIdentity(key, PublicKey.FromDer(key.ExportSubjectPublicKeyInfo()), chain: null);
    }

    /// <summary>A key that somebody made, which is the identity's from here on: for simulations, whose nodes have the same keys in every run.</summary>
    /// <exception cref="ArgumentException">It is not on P-256.</exception>
    /// <exception cref="CryptographicException">Its two halves do not belong together.</exception>
    internal static NodeIdentity FromKey(ECDsa key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return TryAdopt(key, []) ?? throw new ArgumentException("The key is not on P-256.", nameof(key));
    }

    /// <summary>Reads the key in a file.</summary>
    /// <param name="path">The file, at most 64 KiB; on Unix without any right for group and others.</param>
    /// <param name="passphrase">Of an encrypted file; null for one that is not encrypted. A passphrase for a file that is not
    /// encrypted is an error: whoever gives one believes the key protected.</param>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.IdentityFile"/>: the file is missing, empty, damaged, open to other
    /// users, a directory, or holds another kind of key. <see cref="MesharaErrorCode.Passphrase"/>: the passphrase is missing, wrong,
    /// empty, or was given for a file that is not encrypted. The message names the file and says what to do.</exception>
    public static NodeIdentity Load(string path, string? passphrase = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return IdentityFile.Read(path, passphrase);
    }

    /// <summary>Reads the key in a file or, if nothing exists at the path, makes a new key and stores it there.</summary>
    /// <remarks>The file appears whole and with mode 0600, or not at all; of several processes that do this at once, all end with the same
    /// key. Directories missing above it are created, the last of them with mode 0700.</remarks>
    /// <param name="path">The file.</param>
    /// <param name="passphrase">As for <see cref="Load"/>; a new file is encrypted with it.</param>
    /// <exception cref="MesharaException">As for <see cref="Load"/>, and <see cref="MesharaErrorCode.IdentityFile"/> when the file cannot be created.</exception>
    public static NodeIdentity LoadOrCreate(string path, string? passphrase = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!Path.Exists(path))
        {
            NodeIdentity created = Create();
            try
            {
                if (IdentityFile.TryCreate(path, created, passphrase))
                    return created;
            }
            catch
            {
                created.Dispose();
                throw;
            }

            created.Dispose();
        }

        return IdentityFile.Read(path, passphrase);
    }

    /// <summary>Stores the key in a new file, with the guarantees of <see cref="LoadOrCreate"/>.</summary>
    /// <param name="path">Where nothing exists yet.</param>
    /// <param name="passphrase">Encrypts the file; null: not encrypted. Not empty.</param>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.IdentityFile"/>: something exists at the path, or the file cannot be
    /// created. <see cref="MesharaErrorCode.Passphrase"/>: the passphrase is empty.</exception>
    public void Save(string path, string? passphrase = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!IdentityFile.TryCreate(path, this, passphrase))
            throw IdentityFile.Error(path, "exists already and a key is never replaced. Choose another path, or move the file away first.");
    }

    /// <summary>Puts a new key in the place of the one in a file. The old key signs that it is succeeded, and is gone then.</summary>
    /// <remarks>
    /// <para>Peers that pinned the old key follow it to the new one by themselves, however late they meet it; a further key that only the old one
    /// signs they do not follow any more. The file is replaced in one step, with mode 0600, and read again before this returns: back it up anew.</para>
    /// <para>The caller holds the directory: no node may run with this identity, or it is that node that calls
    /// (<see cref="Node.RotateIdentityAsync"/>). See also <see cref="RotateIn"/>.</para>
    /// </remarks>
    /// <param name="path">The file; a file itself, not a link to one.</param>
    /// <param name="passphrase">As for <see cref="Load"/>; the new file is encrypted with it as the old one was.</param>
    /// <param name="overlap">For how long peers still accept the old key; 0 (it was stolen) to 30 days, cut to seconds. Null: <see cref="DefaultOverlap"/>.</param>
    /// <param name="timeProvider">The clock from which peers count; null: the system's.</param>
    /// <returns>The new identity.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The overlap is outside its range.</exception>
    /// <exception cref="MesharaException">As for <see cref="Load"/>; <see cref="MesharaErrorCode.IdentityFile"/> also when the path is a link, or the new file could not be written.</exception>
    public static NodeIdentity Rotate(string path, string? passphrase = null, TimeSpan? overlap = null, TimeProvider? timeProvider = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return RotateFile(path, passphrase, overlap, timeProvider, expected: null);
    }

    /// <summary>As <see cref="Rotate"/>, for the identity in a data directory on which no node runs.</summary>
    /// <param name="dataDirectory">The folder of <see cref="NodeOptions.DataDirectory"/>; locked meanwhile as by a node.</param>
    /// <param name="passphrase">As for <see cref="Rotate"/>.</param>
    /// <param name="overlap">As for <see cref="Rotate"/>.</param>
    /// <param name="timeProvider">As for <see cref="Rotate"/>.</param>
    /// <returns>The new identity.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The overlap is outside its range.</exception>
    /// <exception cref="MesharaException">As for <see cref="Rotate"/>: where there is no identity, nothing is created. <see cref="MesharaErrorCode.DataDirectoryInUse"/>: a node
    /// runs on it, call its <see cref="Node.RotateIdentityAsync"/>; <see cref="MesharaErrorCode.DataDirectory"/>: it cannot be used.</exception>
    public static NodeIdentity RotateIn(string dataDirectory, string? passphrase = null, TimeSpan? overlap = null, TimeProvider? timeProvider = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(dataDirectory);
        IdentityFile.CheckIsThere(DataDirectory.IdentityPathOf(dataDirectory));
        using DataDirectory directory = DataDirectory.Open(dataDirectory);
        return Rotate(directory.IdentityPath, passphrase, overlap, timeProvider);
    }

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();

    /// <summary>As <see cref="Rotate"/>.</summary>
    /// <param name="path">As there.</param>
    /// <param name="passphrase">As there.</param>
    /// <param name="overlap">As there.</param>
    /// <param name="timeProvider">As there.</param>
    /// <param name="expected">The id that the file must hold; null: any.</param>
    internal static NodeIdentity RotateFile(string path, string? passphrase, TimeSpan? overlap, TimeProvider? timeProvider, NodeId? expected)
    {
        TimeSpan wanted = overlap ?? DefaultOverlap;
        ArgumentOutOfRangeException.ThrowIfLessThan(wanted, TimeSpan.Zero, nameof(overlap));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(wanted, SuccessorRecord.MaxOverlap, nameof(overlap));
        IdentityFile.CheckIsNoLink(path);
        using NodeIdentity old = IdentityFile.Read(path, passphrase);
        if (expected is { } running && old.Id != running)
        {
            throw IdentityFile.Error(path, $"holds the key {old.Id} and not this node's own any more: it was changed already, and the new key takes effect when the node starts anew. Restart it first.");
        }

        using NodeIdentity renewed = old.Succeed((timeProvider ?? TimeProvider.System).GetUtcNow(), wanted);
        IdentityFile.Replace(path, renewed, passphrase);
        NodeIdentity stored = IdentityFile.Read(path, passphrase);
        if (stored.Id == renewed.Id)
            return stored;

        stored.Dispose();
        throw IdentityFile.Error(path, "was changed by another program at the same moment. Look at it before anything else.");
    }

    private NodeIdentity Succeed(DateTimeOffset now, TimeSpan overlap)
    {
        ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        try
        {
            PublicKey publicKey = PublicKey.FromDer(key.ExportSubjectPublicKeyInfo());
            IEnumerable<SuccessorRecord> records = [.. Chain?.Records ?? [], SuccessorRecord.Create(_key, key, now, overlap)];
            return SuccessorChain.TryCreate([.. records.TakeLast(SuccessorChain.MaxRecords)], publicKey.Id, out SuccessorChain? chain)
                ? new NodeIdentity(key, publicKey, chain)
                : throw new InvalidOperationException("A chain and its next record do not fit.");
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    /// <summary>Takes an imported key over; null, and the key is the caller's still, when it is not on P-256.</summary>
    /// <param name="key">The key.</param>
    /// <param name="records">Those of the file, oldest first.</param>
    /// <exception cref="CryptographicException">The two halves do not belong together.</exception>
    /// <exception cref="SuccessorException">The records do not lead to this key.</exception>
    internal static NodeIdentity? TryAdopt(ECDsa key, IReadOnlyList<SuccessorRecord> records)
    {
        if (!PublicKey.TryFromDer(key.ExportSubjectPublicKeyInfo(), out PublicKey? publicKey))
            return null;

        // Not every platform compares the halves on import, and a file with two keys' halves would give a node nobody can verify.
        ReadOnlySpan<byte> probe = "meshara identity"u8;
        if (!publicKey.Verify(probe, key.SignData(probe, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)))
            throw new CryptographicException("The public half of the key does not belong to its private half.");

        SuccessorChain? chain = null;
        if (records.Count > 0 && !(SuccessorChain.TryCreate(records, publicKey.Id, out chain) && chain.Verify(0)))
            throw new SuccessorException();

        return new NodeIdentity(key, publicKey, chain);
    }

    /// <summary>The records in the file do not lead to its key.</summary>
    internal sealed class SuccessorException : Exception;
}
