using System.Security.Cryptography;
using BenchmarkDotNet.Attributes;
using Meshara.Security;

namespace Meshara.Micro;

/// <summary>A node's own record with two addresses.</summary>
public class SignedRecordParts
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly PublicKey _public;
    private readonly SignedRecord _record;
    private readonly byte[] _bytes;

    public SignedRecordParts()
    {
        _public = PublicKey.FromDer(_key.ExportSubjectPublicKeyInfo());
        _record = Create();
        _bytes = _record.Bytes.ToArray();
    }

    [Benchmark(Description = "sign a record")]
    public object Sign() => Create();

    [Benchmark(Description = "parse a record")]
    public object Parse() => SignedRecord.Parse(_bytes);

    [Benchmark(Description = "verify a record")]
    public bool Verify() => _record.Verify() ? true : throw new InvalidOperationException("The signature is wrong.");

    private SignedRecord Create() => SignedRecord.Create(
        _public,
        t => _key.SignData(t, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence),
        "home",
        sequence: 1,
        expires: 2,
        ["203.0.113.7:4040", "[2001:db8::7]:4040"]);
}
