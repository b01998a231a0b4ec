using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Meshara;

/// <summary>Who may join. Proving a key is not being admitted; this says who is.</summary>
/// <remarks>Wire protocol sections 5.2 and 5.5. Both sides decide for themselves; a link needs both.</remarks>
public sealed class Admission
{
    // OWASP Password Storage Cheat Sheet (2023) for PBKDF2-HMAC-SHA256; fixed by wire protocol section 5.2.
    private const int Rounds = 600_000;

    private readonly byte[]? _secret;
    private readonly ConcurrentDictionary<string, byte[]> _keys = new(StringComparer.Ordinal);

    private Admission(AdmissionMode mode, byte[]? secret)
    {
        Mode = mode;
        _secret = secret;
    }

    /// <summary>Only peers that this node's operator named: added, trusted, in <c>known_peers</c>, or in <see cref="NodeOptions.Peers"/>. The default.</summary>
    /// <remarks>An address without an id admits who answers this node's own dial there, and pins it; it admits nobody who calls. Two nodes that have only each
    /// other's addresses never link: each waits for the other's key (<see cref="Node.TrustAsync"/>).</remarks>
    public static Admission KnownPeers { get; } = new(AdmissionMode.KnownPeers, null);

    /// <summary>Whoever proves a key may join. For open networks only.</summary>
    /// <remarks>An address of <see cref="NodeOptions.Peers"/> without an id pins nobody: whoever answers is taken, today this key and tomorrow another. What the operator
    /// adds or trusts by call is pinned here, too.</remarks>
    public static Admission Open { get; } = new(AdmissionMode.Open, null);

    /// <summary>Whoever proves knowledge of this secret may join, and known peers as well. The secret itself is never sent.</summary>
    /// <remarks>Who answers at an address of the operator's has to prove it, and is pinned there then. Who calls is not pinned.</remarks>
    /// <param name="secret">At least 1 character. Take 128 random bits (<c>openssl rand -hex 16</c>): a peer that this node dials can guess offline.</param>
    /// <exception cref="ArgumentException">Empty.</exception>
    public static Admission Secret(string secret)
    {
        ArgumentException.ThrowIfNullOrEmpty(secret);
        return new Admission(AdmissionMode.Secret, Encoding.UTF8.GetBytes(secret));
    }

    internal AdmissionMode Mode { get; }

    // Below 16 bytes a secret can be guessed offline in spite of PBKDF2; the node warns.
    internal bool IsWeakSecret => _secret is { Length: < 16 };

    // The key K of wire protocol section 5.2. A fifth of a second of work, once for each mesh name (bounded by the nodes of this process).
    internal byte[] DeriveKey(string mesh) =>
        _keys.GetOrAdd(mesh, static (name, secret) =>
            Rfc2898DeriveBytes.Pbkdf2(secret, (byte[])[.. "meshara/1 secret\0"u8, .. Encoding.UTF8.GetBytes(name)], Rounds, HashAlgorithmName.SHA256, 32),
            _secret ?? throw new InvalidOperationException("There is no secret."));

    /// <summary>The mesh names for which a key was derived.</summary>
    internal IEnumerable<string> DerivedFor => _keys.Keys;

    /// <summary>Whether it lets in the same peers.</summary>
    internal bool IsSameAs(Admission other) => Mode == other.Mode && CryptographicOperations.FixedTimeEquals(_secret, other._secret);

    /// <summary>The mode, without the secret.</summary>
    public override string ToString() => Mode.ToString();
}

internal enum AdmissionMode
{
    KnownPeers,
    Secret,
    Open,
}
