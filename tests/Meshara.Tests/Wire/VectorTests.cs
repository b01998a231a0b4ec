using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Wire;

public sealed class VectorTests
{
    private static readonly IReadOnlyList<Vector> Vectors = VectorFile.ReadAll();

    [Fact]
    public void Vectors_NamesUnique_AndEveryFrameTypeBothWays()
    {
        Assert.Equal(Vectors.Count, Vectors.Select(v => v.Name).Distinct().Count());
        HashSet<byte> accepted = [.. Vectors.Where(v => v.Expected.Outcome == "accept").Select(v => v.Frame[4])];
        HashSet<byte> rejected = [.. Vectors.Where(v => v.Expected.Outcome == "violation" && v.Frame.Length > 5).Select(v => v.Frame[4])];
        Assert.All(Enum.GetValues<FrameType>(), type =>
        {
            Assert.Contains((byte)type, accepted);
            Assert.Contains((byte)type, rejected);
        });
    }

    [Fact]
    public void Codec_EveryVector_AsExpected() => AssertAll(v => CodecDecoder.Decode(v.Frame, v.Stage));

    [Fact]
    public void IndependentDecoder_EveryVector_AsExpected() => AssertAll(v => IndependentDecoder.Decode(v.Frame, v.Stage));

    [Fact]
    public void BothDecoders_EveryPrefixOfEveryVector_Agree()
    {
        foreach (Vector vector in Vectors)
        {
            int step = Math.Max(1, vector.Frame.Length / 200);
            for (int length = 0; length < vector.Frame.Length; length += step)
            {
                byte[] cut = vector.Frame[..length];
                Assert.Equal(IndependentDecoder.Decode(cut, vector.Stage).Outcome, CodecDecoder.Decode(cut, vector.Stage).Outcome);
            }
        }
    }

    // What one decoder accepts in a shorter frame the other must accept too: the length is changed along with the payload.
    [Fact]
    public void BothDecoders_EveryPrefixOfEveryPayload_Agree()
    {
        foreach (Vector vector in Vectors.Where(v => v.Expected.Outcome == "accept" && v.Frame.Length < 5000))
        {
            for (int length = 6; length < vector.Frame.Length; length++)
            {
                byte[] cut = vector.Frame[..length];
                (cut[2], cut[3]) = ((byte)((length - 6) >> 8), (byte)(length - 6));
                Decoded expected = IndependentDecoder.Decode(cut, vector.Stage);
                Assert.True(expected.Agrees(CodecDecoder.Decode(cut, vector.Stage)), $"{vector.Name} cut to {length}");
            }
        }
    }

    [Fact]
    public void Proof_EveryCase_AsSection52Says()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(VectorFile.Root, "specs", "vectors", "proof.json")));
        foreach (JsonElement item in document.RootElement.GetProperty("cases").EnumerateArray())
        {
            byte[] Bytes(string name) => Convert.FromHexString(item.GetProperty(name).GetString()!);
            string Text(string name) => item.GetProperty(name).GetString()!;
            byte[] mesh = Encoding.UTF8.GetBytes(Text("mesh"));
            byte[] salt = [.. "meshara/1 secret"u8, 0, .. mesh];
            byte[] key = Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(Text("secret")), salt, 600_000, HashAlgorithmName.SHA256, 32);
            Assert.Equal(Bytes("key"), key);
            Assert.Equal(Bytes("dialer_proof"), Proof("dialer", "acceptor"));
            Assert.Equal(Bytes("acceptor_proof"), Proof("acceptor", "dialer"));

            byte[] Proof(string prover, string verifier)
            {
                byte[] ids = [.. Bytes(prover + "_id"), .. Bytes(verifier + "_id")];
                byte[] input = [.. "meshara/1 proof"u8, 0, (byte)mesh.Length, .. mesh, .. ids, .. Bytes(prover + "_nonce"), .. Bytes(verifier + "_nonce")];
                return HMACSHA256.HashData(key, input);
            }
        }
    }

    private static void AssertAll(Func<Vector, Decoded> decode)
    {
        List<string> wrong = [];
        foreach (Vector vector in Vectors)
        {
            Decoded actual = decode(vector);
            if (!vector.Expected.Agrees(actual))
                wrong.Add($"{vector}\n  expected {vector.Expected}\n  actual   {actual}");
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.True(Vectors.Count > 200, "The vectors were not found.");
    }
}
