using System.Diagnostics.CodeAnalysis;
using Meshara.Wire;

namespace Meshara.Security;

/// <summary>How a node came from an older key to the one it has: 1 to 4 records, oldest first, each linked to the next. Wire protocol section 3.1.</summary>
/// <remarks>Its signatures are checked only where somebody knows one of the older keys, and each at most once.</remarks>
internal sealed class SuccessorChain
{
    /// <summary>Most records that are carried; older ones are left out.</summary>
    public const int MaxRecords = 4;

    /// <summary>
    /// The certificate extension. Its last seven numbers are a UUID, in the arc that Microsoft gives to whoever makes one: a number of 128 bits,
    /// as in the arc 2.25, keeps Go and others from reading the certificate (golang/go#58821).
    /// </summary>
    public const string ExtensionId = "1.2.840.113556.1.8000.2554.17121.52705.50690.19683.48343.8501193.15710214";

    private int _verifiedFrom;

    private SuccessorChain(IReadOnlyList<SuccessorRecord> records)
    {
        Records = records;
        OldIds = [.. records.Select(r => r.OldId)];
        _verifiedFrom = records.Count;
    }

    /// <summary>Oldest first.</summary>
    public IReadOnlyList<SuccessorRecord> Records { get; }

    /// <summary>The older keys, oldest first.</summary>
    public IReadOnlyList<NodeId> OldIds { get; }

    /// <summary>Records whose signatures were checked.</summary>
    public int Verifications { get; private set; }

    /// <summary>Checks the form of a chain.</summary>
    /// <param name="records">Oldest first.</param>
    /// <param name="key">The key that it has to lead to.</param>
    /// <param name="chain">The chain.</param>
    /// <returns>False: no record, more than 4, one that does not follow from the one before, or a key twice.</returns>
    public static bool TryCreate(IReadOnlyList<SuccessorRecord> records, NodeId key, [NotNullWhen(true)] out SuccessorChain? chain)
    {
        HashSet<NodeId> seen = [key];
        bool good = records.Count is >= 1 and <= MaxRecords && records[^1].NewId == key;
        for (int i = 0; good && i < records.Count; i++)
        {
            good = seen.Add(records[i].OldId) && (i == 0 || records[i - 1].NewId == records[i].OldId);
        }

        chain = good ? new SuccessorChain(records) : null;
        return good;
    }

    /// <summary>Reads the value of the extension; its form only.</summary>
    /// <param name="value">As in the certificate.</param>
    /// <param name="key">The key of the certificate.</param>
    /// <param name="chain">The chain.</param>
    /// <returns>False: it does not have the form of section 3.1.</returns>
    public static bool TryParse(ReadOnlySpan<byte> value, NodeId key, [NotNullWhen(true)] out SuccessorChain? chain)
    {
        chain = null;
        try
        {
            WireReader reader = new(value);
            int count = reader.ReadU8();
            List<SuccessorRecord> records = [];
            for (int i = 0; i < count && i < MaxRecords; i++)
            {
                records.Add(SuccessorRecord.Read(ref reader));
            }

            reader.End();
            return count <= MaxRecords && TryCreate(records, key, out chain);
        }
        catch (WireException)
        {
            return false;
        }
    }

    /// <summary>The value of the extension.</summary>
    public byte[] ToBytes()
    {
        Span<byte> buffer = stackalloc byte[1 + (MaxRecords * SuccessorRecord.MaxSize)];
        WireWriter writer = new(buffer);
        writer.WriteU8((byte)Records.Count);
        foreach (SuccessorRecord record in Records)
        {
            record.Write(ref writer);
        }

        return buffer[..writer.Written].ToArray();
    }

    /// <summary>Whether this record and all later ones are signed as they must be.</summary>
    /// <param name="from">Its place.</param>
    public bool Verify(int from)
    {
        while (_verifiedFrom > from)
        {
            Verifications++;
            if (!Records[_verifiedFrom - 1].Verify())
            {
                return false;
            }

            _verifiedFrom--;
        }

        return true;
    }
}
