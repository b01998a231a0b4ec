using System.Security.Cryptography;
using Meshara.Security;

namespace Meshara.Tests.Support;

/// <summary>Records of nodes that are nowhere, signed as the test wants it.</summary>
internal sealed class SignedRecords(TimeProvider clock)
{
    private const ulong Day = 86_400_000;

    // Tests want thousands of ids: those keys are made once for all of them.
    private static readonly List<(PublicKey Key, SignedRecord Record)> Many = [];
    private static readonly Lock Sync = new();

    private readonly List<NodeIdentity> _identities = [];

    private ulong Now => RecordRules.Milliseconds(clock.GetUtcNow());

    public NodeId IdOf(int who) => IdentityOf(who).Id;

    public NodeCertificate CertificateOf(int who) => new(IdentityOf(who));

    public SignedRecord Create(int who, params string[] addresses) => Create(who, offset: 0, addresses);

    /// <summary>With a number so far above the clock.</summary>
    public SignedRecord Create(int who, ulong offset, params string[] addresses) => Create(who, offset, Day, "home", addresses);

    public SignedRecord Create(int who, ulong offset, ulong life = Day, string mesh = "home", params string[] addresses) =>
        Sign(IdentityOf(who), IdentityOf(who), Now + offset, Now + life, mesh, addresses);

    /// <summary>Of this one's key, signed by another.</summary>
    public byte[] Forged(int who, string mesh = "home") => Sign(IdentityOf(who), IdentityOf(who + 1000), Now, Now + Day, mesh, ["203.0.113.66:4040"]).Bytes.ToArray();

    /// <summary>One of very many nodes at public addresses; always the same for a number.</summary>
    public SignedRecord Invented(int number)
    {
        lock (Sync)
        {
            while (Many.Count <= number)
            {
                using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
                PublicKey publicKey = PublicKey.FromDer(key.ExportSubjectPublicKeyInfo());
                int n = Many.Count;
                Many.Add((publicKey, SignedRecord.Create(
                    publicKey, t => Signed(key, t), "home", Now, Now + Day, [$"{1 + (n % 9)}.{n / 9 % 250}.{n / 2250 % 250}.9:4040"])));
            }

            return Many[number].Record;
        }
    }

    private static byte[] Signed(ECDsa key, byte[] text) => key.SignData(text, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);

    private static SignedRecord Sign(NodeIdentity owner, NodeIdentity signer, ulong sequence, ulong expires, string mesh, string[] addresses) =>
        SignedRecord.Create(owner.PublicKey, t => Signed(signer.Key, t), mesh, sequence, expires, addresses);

    private NodeIdentity IdentityOf(int who)
    {
        while (_identities.Count <= who)
        {
            _identities.Add(NodeIdentity.Create());
        }

        return _identities[who];
    }
}
