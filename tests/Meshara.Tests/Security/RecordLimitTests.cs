using System.Security.Cryptography;
using Meshara.Security;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Security;

/// <summary>Signed records, successor records and proofs at their bounds, with signatures of the greatest length that the form allows.</summary>
public sealed class RecordLimitTests : IDisposable
{
    private const int Longest = 300;
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly ECDsa _next = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public void Dispose()
    {
        _key.Dispose();
        _next.Dispose();
    }

    private SignedRecord Create(string mesh, int signature, params int[] addresses) => SignedRecord.Create(
        PublicKey.FromDer(_key.ExportSubjectPublicKeyInfo()), _ => new byte[signature], mesh, 1, 2, [.. addresses.Select(n => new string('a', n))]);

    // Key, the mesh "home", two numbers, what follows the addresses: 828 bytes are left for them and their lengths.
    [Theory]
    [InlineData(222, 3)]
    [InlineData(223, 2)]
    public void Create_LastAddressFillsTheRecord_KeptAndOneByteMoreIsNot(int last, int kept)
    {
        SignedRecord record = Create("home", SignedRecord.MaxSignature, Longest, Longest, last);
        Assert.Equal(kept, record.Addresses.Count);
        Assert.Equal(kept == 3, record.Bytes.Length == SignedRecord.MaxSize);
    }

    // A length takes one byte up to 63 and two from 64 on.
    [Theory]
    [InlineData(63, 31, 6)]
    [InlineData(63, 32, 5)]
    [InlineData(64, 25, 6)]
    [InlineData(64, 26, 5)]
    public void Create_ShortAndLongAddresses_EachCountedWithItsLength(int each, int last, int kept) =>
        Assert.Equal(kept, Create("home", SignedRecord.MaxSignature, Longest, Longest, each, each, each, last).Addresses.Count);

    [Fact]
    public void Create_NineAddressesOrOneTooLong_TheFirstOnesKept()
    {
        Assert.Equal(8, Create("home", 70, 9, 9, 9, 9, 9, 9, 9, 9, 9).Addresses.Count);
        Assert.Equal([9], Create("home", 70, 9, Longest + 1, 9).Addresses.Select(a => a.Length));
    }

    [Fact]
    public void Create_MeshOrSignatureTooLong_Refused()
    {
        Assert.Equal(64, Create(new string('m', 64), 70).Mesh.Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => Create(new string('m', 65), 70));
        Assert.Throws<ArgumentOutOfRangeException>(() => Create("home", SignedRecord.MaxSignature + 1));
    }

    [Fact]
    public void WhyIgnored_CriticalExtensionThatWeDoNotKnow_Extension()
    {
        byte[] bytes = Create("home", 70).Bytes.ToArray();
        int extensions = 91 + 5 + 16 + 1;
        Assert.Equal(0, bytes[extensions]);
        SignedRecord Read(byte type) => SignedRecord.Parse([.. bytes.AsSpan(0, extensions), 1, type, 0, .. bytes.AsSpan(extensions + 1)]);
        Assert.Equal("extension", RecordRules.WhyIgnored(Read(1), "home", DateTimeOffset.UnixEpoch));
        Assert.Null(RecordRules.WhyIgnored(Read(2), "home", DateTimeOffset.UnixEpoch));
    }

    [Fact]
    public void Milliseconds_Before1970_Zero()
    {
        Assert.Equal(0UL, RecordRules.Milliseconds(DateTimeOffset.UnixEpoch.AddDays(-1)));
        Assert.Equal(1UL, RecordRules.Milliseconds(DateTimeOffset.UnixEpoch.AddMilliseconds(1)));
    }

    [Fact]
    public void CreateSuccessor_OverlapOutOfRange_Refused()
    {
        SuccessorRecord Make(TimeSpan overlap) => SuccessorRecord.Create(_key, _next, Now, overlap);
        Assert.Throws<ArgumentOutOfRangeException>(() => Make(TimeSpan.FromTicks(-1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => Make(SuccessorRecord.MaxOverlap + TimeSpan.FromTicks(1)));
        Assert.Equal(30U * 24 * 60 * 60, Make(SuccessorRecord.MaxOverlap).OverlapSeconds);
    }

    [Fact]
    public void ParseSuccessor_SignaturesOfTheGreatestLengthOrOneMore_ReadOrNot()
    {
        byte[] bytes = SuccessorRecord.Create(_key, _next, Now, TimeSpan.Zero).ToBytes();
        byte[] head = bytes[..((2 * PublicKey.Size) + sizeof(ulong) + sizeof(uint))];
        static byte[] Blob(int length) => [0x40, (byte)length, .. new byte[length]];
        byte[] greatest = [.. head, .. Blob(80), .. Blob(80)];
        Assert.Equal(SuccessorRecord.MaxSize, greatest.Length);
        Assert.Equal(greatest, SuccessorRecord.TryParse(greatest)!.ToBytes());
        Assert.Null(SuccessorRecord.TryParse([.. head, .. Blob(81), .. Blob(80)]));
        Assert.Null(SuccessorRecord.TryParse([.. head, .. Blob(80), .. Blob(81)]));
        Assert.Null(SuccessorRecord.TryParse([.. greatest, 0]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void VerifySuccessor_OneOfTheTwoSignaturesIsAnothers_False(bool old)
    {
        using ECDsa stranger = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] good = SuccessorRecord.Create(_key, _next, Now, TimeSpan.Zero).ToBytes();
        Assert.True(SuccessorRecord.TryParse(good)!.Verify());
        WireReader reader = new(good);
        reader.ReadBytes((2 * PublicKey.Size) + sizeof(ulong) + sizeof(uint));
        byte[] first = reader.ReadBlob(80).ToArray(), second = reader.ReadBlob(80).ToArray();
        byte[] wrong = stranger.SignData(good, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        byte[] buffer = new byte[SuccessorRecord.MaxSize];
        WireWriter writer = new(buffer);
        writer.WriteBytes(good.AsSpan(0, (2 * PublicKey.Size) + sizeof(ulong) + sizeof(uint)));
        writer.WriteBlob(old ? wrong : first, 80);
        writer.WriteBlob(old ? second : wrong, 80);
        Assert.False(SuccessorRecord.TryParse(buffer.AsSpan(0, writer.Written))!.Verify());
    }

    [Fact]
    public void ComputeProof_LongestName_ProvedAndDiffersFromTheOneBefore()
    {
        byte[] nonce = new byte[32];
        NodeId id = NodeId.FromBytes(nonce);
        Assert.NotEqual(
            SecretProof.Compute(nonce, new string('m', 254), id, id, nonce, nonce),
            SecretProof.Compute(nonce, new string('m', 255), id, id, nonce, nonce));
    }

    [Fact]
    public void TableKey_DrawnTwice_32BytesAndDifferent()
    {
        Assert.Equal(32, Nonces.NewTableKey().Length);
        Assert.NotEqual(Nonces.NewTableKey(), Nonces.NewTableKey());
    }
}
