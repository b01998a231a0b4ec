using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Meshara.Security;
using Meshara.Tests.Support;
using Meshara.Tests.Wire;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Security;

public sealed class SignedRecordTests : IDisposable
{
    private readonly NodeIdentity _identity = NodeIdentity.Create();
    private readonly NodeCertificate _certificate;

    public SignedRecordTests() => _certificate = new NodeCertificate(_identity);

    public void Dispose()
    {
        _certificate.Dispose();
        _identity.Dispose();
    }

    // The file is computed by specs/vectors/make-record.py, with nothing of ours in it.
    [Fact]
    public void Vectors_Each_AsExpectedByBothDecoders()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(VectorFile.Root, "specs", "vectors", "record.json")));
        int seen = 0;
        foreach (JsonElement vector in document.RootElement.GetProperty("vectors").EnumerateArray())
        {
            string name = vector.GetProperty("name").GetString()!;
            byte[] value = Convert.FromHexString(vector.GetProperty("value").GetString()!);
            string expected = vector.GetProperty("outcome").GetString()!;
            if (expected == "valid")
            {
                expected += $" {vector.GetProperty("id").GetString()} {vector.GetProperty("sequence").GetString()} {vector.GetProperty("expires").GetString()}";
            }

            Assert.Equal((name, expected), (name, Outcome(value)));
            Assert.Equal((name, expected), (name, IndependentRecord.Outcome(value)));
            seen++;
        }

        Assert.True(seen > 30, "The vectors were not found.");
    }

    [Fact]
    public void Create_Parse_SameFieldsAndVerified()
    {
        SignedRecord record = Create("home", 7, 8, ["192.0.2.1:4040", "[2001:db8::1]:4040"]);

        Assert.Equal((_identity.Id, "home", 7UL, 8UL), (record.Id, record.Mesh, record.Sequence, record.Expires));
        Assert.Equal(["192.0.2.1:4040", "[2001:db8::1]:4040"], record.Addresses);
        Assert.True(record.Verify());
        Assert.False(record.HasUnknownCritical);
        Assert.Equal(Outcome(record.Bytes.Span), IndependentRecord.Outcome(record.Bytes.ToArray()));
    }

    [Fact]
    public void Create_AnyAddresses_AtMost1024BytesAndTheFirstOnesKept()
    {
        Prop.ForAll(
            Gen.ArrayOf(Gen.Choose(0, 320)).Select(lengths => lengths.Select((n, i) => new string((char)('a' + (i % 26)), n)).ToArray()).ToArbitrary(),
            Gen.Choose(1, 64).ToArbitrary(),
            (addresses, mesh) =>
            {
                SignedRecord record = Create(new string('m', mesh), ulong.MaxValue, ulong.MaxValue, addresses);
                Assert.InRange(record.Bytes.Length, 1, SignedRecord.MaxSize);
                Assert.InRange(record.Addresses.Count, 0, SignedRecord.MaxAddresses);
                Assert.Equal(addresses.Take(record.Addresses.Count), record.Addresses);

                // What was left out would not have found room with the longest signature.
                string? next = addresses.Skip(record.Addresses.Count).FirstOrDefault();
                Assert.True(next is null || record.Addresses.Count == 8 || next.Length > 300 || record.Bytes.Length + next.Length + 2 + 20 > SignedRecord.MaxSize);
            }).Check(Seeded.Config.WithMaxTest(60));
    }

    // Not one bit can be changed, wherever it is; and both decoders say the same.
    [Fact]
    public void X7_AnyByteChanged_IsNeverValid()
    {
        byte[] good = Create("home", 1_767_225_600_000, 1_767_312_000_000, ["192.0.2.1:4040"]).Bytes.ToArray();
        for (int i = 0; i < good.Length; i++)
        {
            byte[] changed = [.. good];
            changed[i] ^= (byte)(1 << (i % 8));
            string outcome = Outcome(changed);
            Assert.Contains(outcome, new[] { "malformed", "forged" });
            Assert.Equal((i, outcome), (i, IndependentRecord.Outcome(changed)));
            Assert.Equal("malformed", Outcome(good.AsSpan(0, i)));
        }

        Assert.Equal("malformed", Outcome([.. good, 0]));
    }

    [Fact]
    public void Rules_EachBound_IgnoredJustBeyondIt()
    {
        DateTimeOffset now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
        ulong at = RecordRules.Milliseconds(now), hour = 3_600_000, day = 24 * hour;
        string? Why(ulong sequence, ulong expires, string mesh = "home") => RecordRules.WhyIgnored(Create(mesh, sequence, expires, []), "home", now);

        Assert.Null(Why(at, at + day));
        Assert.Null(Why(0, at - hour));
        Assert.Contains("expired", Why(0, at - hour - 1));
        Assert.Null(Why(at + day, at + (8 * day)));
        Assert.Contains("expiry", Why(at, at + (8 * day) + 1));
        Assert.Contains("sequence", Why(at + day + 1, at + day));
        Assert.Contains("sequence", Why(ulong.MaxValue, at + day));
        Assert.Contains("expiry", Why(at, ulong.MaxValue));
        Assert.Contains("mesh", Why(at, at + day, "Home"));
    }

    private SignedRecord Create(string mesh, ulong sequence, ulong expires, IReadOnlyList<string> addresses) =>
        SignedRecord.Create(_identity.PublicKey, _certificate.Sign, mesh, sequence, expires, addresses);

    private static string Outcome(ReadOnlySpan<byte> value)
    {
        try
        {
            SignedRecord record = SignedRecord.Parse(value);
            return !record.Verify() ? "forged" : record.HasUnknownCritical ? "critical" : $"valid {record.Id} {record.Sequence} {record.Expires}";
        }
        catch (WireException e) when (e.IsViolation)
        {
            return "malformed";
        }
    }
}

/// <summary>Section 11.1 read a second time, with no line of the implementation: its own varints, its own UTF-8, the framework's ECDSA on a point and not on a DER.</summary>
internal static class IndependentRecord
{
    private static readonly byte[] Spki = Convert.FromHexString("3059301306072a8648ce3d020106082a8648ce3d03010703420004");

    public static string Outcome(byte[] value)
    {
        try
        {
            return Read(value);
        }
        catch (FormatException)
        {
            return "malformed";
        }
    }

    private static string Read(byte[] value)
    {
        Require(value.Length <= 1024);
        int at = 0;
        byte[] key = Take(value, ref at, 91);
        Require(key.Take(27).SequenceEqual(Spki));
        Text(value, ref at, 64);
        ulong sequence = Number(Take(value, ref at, 8)), expires = Number(Take(value, ref at, 8));
        for (ulong left = Varint(value, ref at, 8); left > 0; left--)
        {
            Text(value, ref at, 300);
        }

        HashSet<ulong> types = [];
        for (ulong left = Varint(value, ref at, 16); left > 0; left--)
        {
            Require(types.Add(Varint(value, ref at, ulong.MaxValue)));
            Take(value, ref at, (int)Varint(value, ref at, 1024));
        }

        byte[] text = [.. Enumerable.Repeat((byte)' ', 64), .. Encoding.ASCII.GetBytes("meshara/1 peer record\0"), .. value.AsSpan(0, at)];
        byte[] signature = Take(value, ref at, (int)Varint(value, ref at, 80));
        Require(at == value.Length);
        return !Verify(key, text, signature) ? "forged" : types.Any(t => t % 2 == 1) ? "critical" : $"valid {Convert.ToHexStringLower(SHA256.HashData(key))} {sequence} {expires}";
    }

    private static bool Verify(byte[] key, byte[] text, byte[] signature)
    {
        try
        {
            using ECDsa point = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = new ECPoint { X = key[27..59], Y = key[59..] } });
            return point.VerifyHash(SHA256.HashData(text), signature, DSASignatureFormat.Rfc3279DerSequence);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private static ulong Varint(byte[] value, ref int at, ulong max)
    {
        Require(at < value.Length);
        int size = 1 << (value[at] / 64);
        byte[] bytes = Take(value, ref at, size);
        bytes[0] %= 64;
        ulong number = Number(bytes);
        Require(number <= max && (size == 1 || number >= 1UL << ((4 * size) - 2)));
        return number;
    }

    private static void Text(byte[] value, ref int at, ulong max)
    {
        byte[] bytes = Take(value, ref at, (int)Varint(value, ref at, max));
        try
        {
            Require(!new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes).Any(c => c < ' ' || c is >= '\u007F' and <= '\u009F'));
        }
        catch (DecoderFallbackException)
        {
            throw new FormatException();
        }
    }

    private static byte[] Take(byte[] value, ref int at, int count)
    {
        Require(count <= value.Length - at);
        at += count;
        return value[(at - count)..at];
    }

    private static ulong Number(byte[] bytes) => bytes.Aggregate(0UL, (sum, b) => (sum << 8) | b);

    private static void Require(bool condition)
    {
        if (!condition)
        {
            throw new FormatException();
        }
    }
}
