using System.Text.Json;
using Meshara.Security;
using Xunit;

namespace Meshara.Tests.Security;

public sealed class SecretProofTests
{
    public static TheoryData<string> Comments => [.. Vectors().Select(static v => v.GetProperty("comment").GetString()!)];

    // The file is computed by specs/vectors/make-proof.py, with nothing of ours in it.
    [Theory]
    [MemberData(nameof(Comments))]
    public void Compute_Vector_GivesItsProof(string comment)
    {
        JsonElement v = Vectors().Single(v => v.GetProperty("comment").GetString() == comment);
        string mesh = v.GetProperty("mesh").GetString()!;
        NodeId prover = NodeId.Parse(v.GetProperty("prover_id").GetString()!);
        NodeId verifier = NodeId.Parse(v.GetProperty("verifier_id").GetString()!);
        byte[] key = Admission.Secret(v.GetProperty("secret").GetString()!).DeriveKey(mesh);
        byte[] proof = SecretProof.Compute(key, mesh, prover, verifier, Hex(v, "prover_nonce"), Hex(v, "verifier_nonce"));

        Assert.Equal(v.GetProperty("key").GetString(), Convert.ToHexStringLower(key));
        Assert.Equal(v.GetProperty("proof").GetString(), Convert.ToHexStringLower(proof));
        Assert.True(SecretProof.Verify(proof, key, mesh, prover, verifier, Hex(v, "prover_nonce"), Hex(v, "verifier_nonce")));
    }

    [Fact]
    public void Verify_AnyInputDiffers_False()
    {
        byte[] key = [.. Enumerable.Repeat((byte)1, 32)];
        byte[] a = [.. Enumerable.Repeat((byte)2, 32)];
        byte[] b = [.. Enumerable.Repeat((byte)3, 32)];
        NodeId prover = NodeId.FromBytes(a);
        NodeId verifier = NodeId.FromBytes(b);
        byte[] proof = SecretProof.Compute(key, "chat", prover, verifier, a, b);

        Assert.True(SecretProof.Verify(proof, key, "chat", prover, verifier, a, b));
        Assert.False(SecretProof.Verify(proof, a, "chat", prover, verifier, a, b));
        Assert.False(SecretProof.Verify(proof, key, "chat2", prover, verifier, a, b));
        Assert.False(SecretProof.Verify(proof, key, "chat", verifier, prover, a, b));
        Assert.False(SecretProof.Verify(proof, key, "chat", prover, prover, a, b));
        Assert.False(SecretProof.Verify(proof, key, "chat", prover, verifier, b, b));
        Assert.False(SecretProof.Verify(proof, key, "chat", prover, verifier, a, a));
        for (int i = 0; i < proof.Length; i++)
        {
            byte[] changed = [.. proof];
            changed[i] ^= 0x80;
            Assert.False(SecretProof.Verify(changed, key, "chat", prover, verifier, a, b));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(33)]
    public void Verify_ProofOfAnotherLength_False(int length)
    {
        byte[] nonce = new byte[32];
        NodeId id = NodeId.FromBytes(nonce);
        byte[] proof = SecretProof.Compute(nonce, "chat", id, id, nonce, nonce);
        Array.Resize(ref proof, length);

        Assert.False(SecretProof.Verify(proof, nonce, "chat", id, id, nonce, nonce));
    }

    [Fact]
    public void Compute_NonceOrNameOutOfBounds_Throws()
    {
        byte[] nonce = new byte[32];
        NodeId id = NodeId.FromBytes(nonce);

        Assert.Throws<ArgumentException>(() => SecretProof.Compute(nonce, "chat", id, id, new byte[31], nonce));
        Assert.Throws<ArgumentException>(() => SecretProof.Compute(nonce, "chat", id, id, nonce, new byte[33]));
        Assert.Throws<ArgumentException>(() => SecretProof.Compute(nonce, new string('m', 256), id, id, nonce, nonce));
    }

    [Fact]
    public void Nonces_DrawnTwice_Differ()
    {
        Assert.Equal(32, Nonces.NewNonce().Length);
        Assert.NotEqual(Nonces.NewNonce(), Nonces.NewNonce());
        Assert.NotEqual(Nonces.NewInstance(), Nonces.NewInstance());
    }

    private static byte[] Hex(JsonElement vector, string name) => Convert.FromHexString(vector.GetProperty(name).GetString()!);

    private static JsonElement[] Vectors()
    {
        DirectoryInfo? root = new(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "Meshara.sln")))
        {
            root = root.Parent;
        }

        Assert.NotNull(root);
        using JsonDocument file = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(root.FullName, "specs", "vectors", "proof.json")));
        return [.. file.RootElement.Clone().GetProperty("vectors").EnumerateArray()];
    }
}
