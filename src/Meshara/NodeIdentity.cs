using System.Security.Cryptography;

namespace Meshara;

/// <summary>The one key of a node: an ECDSA P-256 key pair.</summary>
public sealed class NodeIdentity : IDisposable
{
    private readonly ECDsa _key;

    private NodeIdentity(ECDsa key)
    {
        _key = key;
        PublicKey = PublicKey.FromDer(key.ExportSubjectPublicKeyInfo());
    }

    /// <summary>The public half, which others pin.</summary>
    public PublicKey PublicKey { get; }

    /// <summary>The node's name, the hash of <see cref="PublicKey"/>.</summary>
    public NodeId Id => PublicKey.Id;

    // For the certificate (Security/NodeCertificate) only.
    internal ECDsa Key => _key;

    /// <summary>A new key from the operating system's generator, kept in memory only.</summary>
    public static NodeIdentity Create() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();
}
