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
