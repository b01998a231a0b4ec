using System.Security.Cryptography;
using Meshara.Storage;

namespace Meshara;

/// <summary>The one key of a node: an ECDSA P-256 key pair, in memory or in a file.</summary>
/// <remarks>
/// <para>The file is PKCS#8 in PEM, as <c>openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256</c> writes it, readable by its
/// owner only. <c>BEGIN EC PRIVATE KEY</c> is read too. With a passphrase it is <c>BEGIN ENCRYPTED PRIVATE KEY</c> (PBES2: AES-256-CBC,
/// PBKDF2-HMAC-SHA256, 600,000 rounds), which openssl reads as well.</para>
/// <para>An existing file is never changed or replaced, whatever is wrong with it.</para>
/// </remarks>
public sealed class NodeIdentity : IDisposable
{
    private readonly ECDsa _key;

    private NodeIdentity(ECDsa key, PublicKey publicKey)
    {
        _key = key;
        PublicKey = publicKey;
    }

    /// <summary>The public half, which others pin.</summary>
    public PublicKey PublicKey { get; }

    /// <summary>The node's name, the hash of <see cref="PublicKey"/>.</summary>
    public NodeId Id => PublicKey.Id;

    // For the certificate (Security/NodeCertificate) only.
    internal ECDsa Key => _key;

    /// <summary>A new key from the operating system's generator, kept in memory only.</summary>
    public static NodeIdentity Create()
    {
        ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new NodeIdentity(key, PublicKey.FromDer(key.ExportSubjectPublicKeyInfo()));
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
                if (IdentityFile.TryCreate(path, created._key, passphrase))
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
        if (!IdentityFile.TryCreate(path, _key, passphrase))
            throw IdentityFile.Error(path, "exists already and a key is never replaced. Choose another path, or move the file away first.");
    }

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();

    /// <summary>Takes an imported key over; null, and the key is the caller's still, when it is not on P-256.</summary>
    /// <exception cref="CryptographicException">The two halves do not belong together.</exception>
    internal static NodeIdentity? TryAdopt(ECDsa key)
    {
        if (!PublicKey.TryFromDer(key.ExportSubjectPublicKeyInfo(), out PublicKey? publicKey))
            return null;

        // Not every platform compares the halves on import, and a file with two keys' halves would give a node nobody can verify.
        ReadOnlySpan<byte> probe = "meshara identity"u8;
        if (!publicKey.Verify(probe, key.SignData(probe, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)))
            throw new CryptographicException("The public half of the key does not belong to its private half.");

        return new NodeIdentity(key, publicKey);
    }
}
