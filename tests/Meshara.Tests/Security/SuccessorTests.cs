using System.Security.Cryptography;
using System.Text.Json;
using Meshara.Security;
using Meshara.Tests.Support;
using Meshara.Tests.Wire;
using Xunit;

namespace Meshara.Tests.Security;

/// <summary>Wire protocol section 3.1: records, chains, and the certificates that carry them.</summary>
public sealed class SuccessorTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly ECDsa[] _keys = [.. Enumerable.Range(0, 6).Select(_ => ECDsa.Create(ECCurve.NamedCurves.nistP256))];
    private readonly NodeIdentity _own = NodeIdentity.Create();

    public static TheoryData<string> Names => [.. Vectors().Select(v => v.GetProperty("name").GetString()!)];

    public void Dispose()
    {
        _own.Dispose();
        foreach (ECDsa key in _keys)
        {
            key.Dispose();
        }
    }

    // The file is computed by specs/vectors/make-successor.py, with nothing of ours in it.
    [Theory]
    [MemberData(nameof(Names))]
    public void TryParse_Vector_AsExpected(string name)
    {
        JsonElement v = Vectors().Single(v => v.GetProperty("name").GetString() == name);
        string outcome = v.GetProperty("outcome").GetString()!;
        byte[] value = Convert.FromHexString(v.GetProperty("value").GetString()!);
        NodeId key = NodeId.FromPublicKey(Convert.FromHexString(v.GetProperty("key").GetString()!));

        bool parsed = SuccessorChain.TryParse(value, key, out SuccessorChain? chain);

        Assert.Equal(outcome != "malformed", parsed);
        if (chain is null)
        {
            return;
        }

        Assert.Equal(0, chain.Verifications);
        Assert.Equal(outcome == "valid", chain.Verify(0));
        Assert.Equal(value, chain.ToBytes());
        if (v.TryGetProperty("old_ids", out JsonElement ids))
        {
            Assert.Equal(ids.EnumerateArray().Select(i => NodeId.Parse(i.GetString()!)), chain.OldIds);
        }
    }

    [Fact]
    public void Create_OwnRecords_VerifyFromAnyPlaceAndEachOnce()
    {
        SuccessorChain chain = Chain(Records(4), 4);

        Assert.True(chain.Verify(2));
        Assert.Equal(2, chain.Verifications);
        Assert.True(chain.Verify(2));
        Assert.True(chain.Verify(0));
        Assert.Equal(4, chain.Verifications);
    }

    [Fact]
    public void Verify_OldRecordForged_CountsOnlyForWhoKnowsThatKey()
    {
        SuccessorRecord[] records = [Forged(0, 1), .. Records(2, from: 1)];
        SuccessorChain chain = Chain(records, 3);

        Assert.True(chain.Verify(1));
        Assert.False(chain.Verify(0));
    }

    [Fact]
    public void TryParse_AnyPrefixOrLonger_Malformed()
    {
        byte[] value = Chain(Records(2), 2).ToBytes();
        for (int length = 0; length < value.Length; length++)
        {
            Assert.False(SuccessorChain.TryParse(value.AsSpan(0, length), Id(2), out _));
        }

        Assert.False(SuccessorChain.TryParse([.. value, 0], Id(2), out _));
        Assert.False(SuccessorChain.TryParse(value, Id(1), out _));
    }

    [Theory]
    [InlineData("2026-01-01", "2026-01-01", 30, "2026-01-31")]
    [InlineData("1970-01-01", "2026-01-01", 30, "1970-01-31")] // the rotating node's clock is at its beginning: the old key is accepted no more
    [InlineData("2099-01-01", "2026-01-01", 30, "2026-01-31")] // or far ahead
    [InlineData("2026-02-10", "2026-01-01", 30, "2026-01-31")] // 40 days ahead
    [InlineData("2025-11-22", "2026-01-01", 30, "2025-12-22")] // 40 days behind, or learned 40 days late
    [InlineData("2026-01-01", "1970-01-01", 30, "1970-01-31")] // the receiver's clock
    [InlineData("2026-01-01", "2026-01-01", 0, "2026-01-01")]
    public void AcceptOldUntil_Clocks_EarlierOfTheTwoAndTheOverlap(string issued, string learned, int days, string expected)
    {
        static DateTimeOffset Date(string text) => DateTimeOffset.Parse(text + "T00:00:00Z", System.Globalization.CultureInfo.InvariantCulture);
        SuccessorRecord record = SuccessorRecord.Create(_keys[0], _keys[1], Date(issued), TimeSpan.FromDays(days));

        Assert.True(record.Verify());
        Assert.Equal(Date(expected), record.AcceptOldUntil(Date(learned)));
    }

    [Fact]
    public void AcceptOldUntil_GreatestTimes_DoNotOverflow()
    {
        JsonElement greatest = Vectors().Single(v => v.GetProperty("name").GetString()!.EndsWith("the greatest", StringComparison.Ordinal));
        NodeId key = NodeId.FromPublicKey(Convert.FromHexString(greatest.GetProperty("key").GetString()!));
        Assert.True(SuccessorChain.TryParse(Convert.FromHexString(greatest.GetProperty("value").GetString()!), key, out SuccessorChain? chain));

        Assert.Equal(DateTimeOffset.MaxValue, chain.Records[0].AcceptOldUntil(DateTimeOffset.MaxValue));
        Assert.Equal(Now + TimeSpan.FromDays(30), chain.Records[0].AcceptOldUntil(Now));
    }

    [Fact]
    public void Certificate_FourRecords_FitsAndEverybodyReadsIt()
    {
        using NodeIdentity identity = Identity(4);
        using NodeCertificate certificate = new(identity);

        Assert.InRange(certificate.Der.Length, 1, CertificateParser.MaxSize);
        CertificateCheck check = Check(certificate.Der.ToArray());
        Assert.Null(check.Failure);
        Assert.Equal(identity.Predecessors, check.Chain!.OldIds);
        Assert.Equal(0, check.Chain.Verifications);
    }

    [Fact]
    public void Certificate_Openssl_ReadsTheExtension()
    {
        OpenSsl.SkipIfMissing();
        using NodeIdentity identity = Identity(4);
        using NodeCertificate certificate = new(identity);

        (int exitCode, string output, _) = OpenSsl.Run(certificate.Der.ToArray(), ["x509", "-inform", "DER", "-noout", "-text"]);

        Assert.Equal(0, exitCode);
        Assert.Contains(SuccessorChain.ExtensionId, output, StringComparison.Ordinal);
    }

    [Fact]
    public void Validate_PinIsAnOlderKey_AcceptedAndOnlyFromThereOn()
    {
        using NodeIdentity identity = Identity(3);
        using NodeCertificate certificate = new(identity);
        byte[] der = certificate.Der.ToArray();

        Assert.Equal(identity.PublicKey, Check(der, identity.Predecessors[0]).RemoteKey);
        CertificateCheck last = Check(der, identity.Predecessors[2]);
        Assert.Equal(identity.PublicKey, last.RemoteKey);
        Assert.Equal(1, last.Chain!.Verifications);
        Assert.Equal(0, Check(der, identity.Id).Chain!.Verifications);
        Assert.Equal(MesharaErrorCode.PinMismatch, Check(der, Id(5)).Failure!.Code);
    }

    [Fact]
    public void Validate_ForgedChainFromThePin_IsAnotherKeyAndSaysWhy()
    {
        CertificateForge forge = With(1, Chain([Forged(0, 1)], 1).ToBytes());

        CertificateCheck check = Check(forge.ToDer(), Id(0));

        Assert.Equal(MesharaErrorCode.PinMismatch, check.Failure!.Code);
        Assert.Contains("signatures", check.Failure.Message, StringComparison.Ordinal);
        Assert.Null(check.RemoteKey);
        Assert.Null(check.Chain);
        Assert.NotNull(Check(forge.ToDer()).RemoteKey);
    }

    [Fact]
    public void Validate_OlderKeyOfThePin_AcceptedOnlyWhereNamed()
    {
        byte[] der = new CertificateForge { SubjectKey = _keys[0] }.ToDer();

        Assert.Equal(MesharaErrorCode.PinMismatch, Check(der, Id(1)).Failure!.Code);
        Assert.Equal(Id(0), Check(der, Id(1), Id(0)).RemoteKey!.Id);
    }

    [Fact]
    public void Validate_ExtensionOutOfOrder_BadCertificate()
    {
        byte[] good = Chain(Records(1), 1).ToBytes();
        CertificateForge forge = With(1, good);
        string id = SuccessorChain.ExtensionId;
        Assert.NotNull(Check(forge.ToDer()).RemoteKey);

        (string, bool, byte[])[][] wrong =
        [
            [(id, false, good), (id, false, good)],
            [(id, true, good)],
            [(id, false, [])],
            [(id, false, [.. good, 0])],
            [(id, false, Chain(Records(1, from: 1), 2).ToBytes())],
        ];
        foreach ((string, bool, byte[])[] extensions in wrong)
        {
            CertificateCheck check = Check((forge with { Extensions = extensions }).ToDer(), Id(0));
            Assert.Equal(MesharaErrorCode.BadCertificate, check.Failure!.Code);
        }
    }

    private static IReadOnlyList<JsonElement> Vectors()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(VectorFile.Root, "specs", "vectors", "successor.json")));
        return [.. document.RootElement.GetProperty("vectors").EnumerateArray().Select(static v => v.Clone())];
    }

    private NodeId Id(int key) => NodeId.FromPublicKey(_keys[key].ExportSubjectPublicKeyInfo());

    private SuccessorRecord[] Records(int count, int from = 0) =>
        [.. Enumerable.Range(from, count).Select(i => SuccessorRecord.Create(_keys[i], _keys[i + 1], Now, TimeSpan.FromDays(30)))];

    // Another overlap than the one that was signed.
    private SuccessorRecord Forged(int old, int key)
    {
        byte[] bytes = SuccessorRecord.Create(_keys[old], _keys[key], Now, TimeSpan.Zero).ToBytes();
        bytes[(2 * PublicKey.Size) + 8 + 3] ^= 1;
        return SuccessorRecord.TryParse(bytes)!;
    }

    private SuccessorChain Chain(IReadOnlyList<SuccessorRecord> records, int key)
    {
        Assert.True(SuccessorChain.TryCreate(records, Id(key), out SuccessorChain? chain));
        return chain;
    }

    private NodeIdentity Identity(int records) => NodeIdentity.TryAdopt(ECDsa.Create(_keys[records].ExportParameters(true)), Records(records))!;

    private CertificateForge With(int key, byte[] chain) => new() { SubjectKey = _keys[key], Extensions = [(SuccessorChain.ExtensionId, false, chain)] };

    private CertificateCheck Check(byte[] der, NodeId? pin = null, params NodeId[] alsoAccepted)
    {
        using System.Security.Cryptography.X509Certificates.X509Certificate2 certificate =
            System.Security.Cryptography.X509Certificates.X509CertificateLoader.LoadCertificate(der);
        CertificateCheck check = new(_own.PublicKey, pin, alsoAccepted, ChannelBed.Address, isDialer: true);
        Assert.Equal(check.Validate(this, certificate, null, System.Net.Security.SslPolicyErrors.RemoteCertificateChainErrors), check.Failure is null);
        return check;
    }
}
