using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using Meshara.Core;
using Meshara.Core.Policy;
using Meshara.Security;

namespace Meshara.Benchmarks.Policies;

/// <summary>One source passes on peer records of invented keys, each rightly signed, and all of them are verified: what it gets of the address table, and what honest sources keep of it.</summary>
internal static class RecordFlood
{
    private const int Honest = 64, Records = 100_000, QuickRecords = 5_000;

    public static string Run(bool quick)
    {
        int count = quick ? QuickRecords : Records;
        ulong now = (ulong)TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        SignedRecord[] records = new SignedRecord[count];
        Parallel.For(0, count, i => records[i] = Invent(i, now));

        Mesh mesh = new(new MeshConfig { Self = Id(-1), Admission = AdmissionMode.Open, MaxPeers = 32, Exchanges = true, Random = new Random(1) });
        mesh.HandleStart(StoredMesh.Empty, TimeSpan.Zero);
        for (int i = 0; i < Honest; i++)
        {
            // Each from a network of its own, as peers that were asked are.
            NodeId id = Id(i);
            mesh.HandleRecord(id, [new PeerAddress($"{100 + i}.7.7.7", 4040, id)], Id(-2), IPAddress.Parse($"{20 + i}.1.1.1"), TimeSpan.Zero);
        }

        int before = mesh.AddressCounts.Unproven;
        long start = TimeProvider.System.GetTimestamp();
        IPAddress source = IPAddress.Parse("198.51.100.9");
        foreach (SignedRecord record in records)
        {
            if (record.Verify())
            {
                mesh.HandleRecord(record.Id, Net.Records.AddressesOf(record), Id(-3), source, TimeSpan.FromSeconds(1));
            }

            while (mesh.TryPoll(out _))
            {
                // Nothing is dialled: it is the table that is looked at.
            }
        }

        double seconds = TimeProvider.System.GetElapsedTime(start).TotalSeconds;
        int kept = Enumerable.Range(0, Honest).Count(i => mesh.Snapshot(Id(i), TimeSpan.FromSeconds(1)).Addresses.Count > 0);
        int got = mesh.AddressCounts.Unproven - kept;
        int table = AddressSlots.UnprovenBuckets * AddressSlots.BucketSize, bound = AddressSlots.BucketsPerSource * AddressSlots.BucketSize;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"""
            | records of invented keys, from one source | addresses that it got | of the table of {table} | bound (`AddressTable`) | honest addresses before and after | a record, signature checked |
            |---|---|---|---|---|---|
            | {count} | {got} | {100.0 * got / table:0.0} % | {bound}, {100.0 * bound / table:0.0} % | {before}, {kept} | {1e6 * seconds / count:0} µs |
            """);
    }

    private static SignedRecord Invent(int i, ulong now)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return SignedRecord.Create(
            PublicKey.FromDer(key.ExportSubjectPublicKeyInfo()),
            text => key.SignData(text, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence),
            "flood", now, now + 86_400_000, [$"{11 + (i % 200)}.{1 + (i / 200 % 250)}.{1 + (i / 50_000)}.9:4040"]);
    }

    private static NodeId Id(int i)
    {
        byte[] bytes = new byte[NodeId.Size];
        BitConverter.TryWriteBytes(bytes, i);
        bytes[31] = 0xEE;
        return NodeId.FromBytes(bytes);
    }
}
