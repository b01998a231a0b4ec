using System.Security.Cryptography;
using BenchmarkDotNet.Attributes;

namespace Meshara.Micro;

/// <summary>A key as a record or a certificate holds it.</summary>
public class PublicKeyParts
{
    private readonly byte[] _der;

    public PublicKeyParts()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        _der = key.ExportSubjectPublicKeyInfo();
    }

    [Benchmark(Description = "read a public key")]
    public object Read() => PublicKey.FromDer(_der);
}
