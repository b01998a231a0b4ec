using System.Security.Cryptography;
using Meshara.Wire;

namespace Meshara.Security;

/// <summary>What a node says when it takes a new key: signed by the old key and by the new one. Wire protocol section 3.1.</summary>
/// <remarks>Reading one checks its form only; <see cref="Verify"/> costs two signatures.</remarks>
internal sealed class SuccessorRecord
{
    /// <summary>Longest signature: DER of two 256-bit integers takes at most 72 bytes.</summary>
    public const int MaxSignature = 80;

    /// <summary>Longest record in bytes.</summary>
    public const int MaxSize = (2 * PublicKey.Size) + sizeof(ulong) + sizeof(uint) + (2 * (2 + MaxSignature));

    /// <summary>Longest time for which the old key may still be accepted.</summary>
    public static readonly TimeSpan MaxOverlap = TimeSpan.FromDays(30);

    private const int PadLength = 64;
    private const byte Pad = 0x20;
    private readonly byte[] _old, _new, _oldSignature, _newSignature;

    private SuccessorRecord(byte[] old, byte[] @new, ulong issued, uint overlap, byte[] oldSignature, byte[] newSignature)
    {
        (_old, _new, Issued, OverlapSeconds) = (old, @new, issued, overlap);
        (_oldSignature, _newSignature) = (oldSignature, newSignature);
        (OldId, NewId) = (NodeId.FromPublicKey(old), NodeId.FromPublicKey(@new));
    }

    /// <summary>The id of the key that is given up.</summary>
    public NodeId OldId { get; }

    /// <summary>The id of the key that takes its place.</summary>
    public NodeId NewId { get; }

    /// <summary>When it was signed, in Unix milliseconds, by the clock of its node.</summary>
    public ulong Issued { get; }

    /// <summary>For how many seconds the old key is still to be accepted.</summary>
    public uint OverlapSeconds { get; }

    private static ReadOnlySpan<byte> Context => "meshara/1 successor\0"u8;

    /// <summary>Signs a record.</summary>
    /// <param name="oldKey">The key in force.</param>
    /// <param name="newKey">The key that takes its place.</param>
    /// <param name="issued">Now.</param>
    /// <param name="overlap">0 to 30 days; cut to seconds.</param>
    /// <exception cref="ArgumentOutOfRangeException">The overlap is outside its range.</exception>
    public static SuccessorRecord Create(ECDsa oldKey, ECDsa newKey, DateTimeOffset issued, TimeSpan overlap)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(overlap, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(overlap, MaxOverlap);
        byte[] old = oldKey.ExportSubjectPublicKeyInfo(), @new = newKey.ExportSubjectPublicKeyInfo();
        ulong time = (ulong)Math.Max(0, issued.ToUnixTimeMilliseconds());
        uint seconds = (uint)overlap.TotalSeconds;
        byte[] text = Text(old, @new, time, seconds);
        return new SuccessorRecord(old, @new, time, seconds, Sign(oldKey, text), Sign(newKey, text));
    }

    /// <summary>Reads one record and moves the reader behind it.</summary>
    /// <exception cref="WireException">It does not have the form of section 3.1.</exception>
    public static SuccessorRecord Read(ref WireReader reader)
    {
        byte[] old = reader.ReadBytes(PublicKey.Size).ToArray(), @new = reader.ReadBytes(PublicKey.Size).ToArray();
        if (!PublicKey.HasForm(old) || !PublicKey.HasForm(@new) || old.AsSpan().SequenceEqual(@new))
        {
            WireException.Close("A successor record without two different P-256 keys.");
        }

        ulong issued = reader.ReadU64();
        uint overlap = reader.ReadU32();
        if (overlap > MaxOverlap.TotalSeconds)
        {
            WireException.Close("A successor record whose overlap is longer than 30 days.");
        }

        return new SuccessorRecord(old, @new, issued, overlap, reader.ReadBlob(MaxSignature).ToArray(), reader.ReadBlob(MaxSignature).ToArray());
    }

    /// <summary>Reads bytes that are one record and nothing else; null: they are not.</summary>
    public static SuccessorRecord? TryParse(ReadOnlySpan<byte> bytes)
    {
        try
        {
            WireReader reader = new(bytes);
            SuccessorRecord record = Read(ref reader);
            reader.End();
            return record;
        }
        catch (WireException)
        {
            return null;
        }
    }

    /// <summary>The record alone.</summary>
    public byte[] ToBytes()
    {
        Span<byte> buffer = stackalloc byte[MaxSize];
        WireWriter writer = new(buffer);
        Write(ref writer);
        return buffer[..writer.Written].ToArray();
    }

    /// <summary>Writes the record.</summary>
    public void Write(ref WireWriter writer)
    {
        writer.WriteBytes(_old);
        writer.WriteBytes(_new);
        writer.WriteU64(Issued);
        writer.WriteU32(OverlapSeconds);
        writer.WriteBlob(_oldSignature, MaxSignature);
        writer.WriteBlob(_newSignature, MaxSignature);
    }

    /// <summary>Whether both keys are points on the curve and have signed this.</summary>
    public bool Verify()
    {
        byte[] text = Text(_old, _new, Issued, OverlapSeconds);
        return PublicKey.ReadAndVerify(_old, text, _oldSignature, out bool oldSigned) is not null && oldSigned
            && PublicKey.ReadAndVerify(_new, text, _newSignature, out bool newSigned) is not null && newSigned;
    }

    /// <summary>Until when a node that learns of this now still accepts the old key: the overlap, from the earlier of the two times. A clock that is wrong only shortens it.</summary>
    public DateTimeOffset AcceptOldUntil(DateTimeOffset learned)
    {
        DateTimeOffset issued = Issued > (ulong)DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()
            ? DateTimeOffset.MaxValue
            : DateTimeOffset.FromUnixTimeMilliseconds((long)Issued);
        DateTimeOffset from = issued < learned ? issued : learned;
        TimeSpan room = DateTimeOffset.MaxValue - from, overlap = TimeSpan.FromSeconds(OverlapSeconds);
        return from + (overlap < room ? overlap : room);
    }

    // RFC 8446 section 4.4.3: the pad keeps what this key signs in TLS from ever being taken for this.
    private static byte[] Text(byte[] old, byte[] @new, ulong issued, uint overlap)
    {
        byte[] text = new byte[PadLength + Context.Length + old.Length + @new.Length + sizeof(ulong) + sizeof(uint)];
        text.AsSpan(0, PadLength).Fill(Pad);
        WireWriter writer = new(text.AsSpan(PadLength));
        writer.WriteBytes(Context);
        writer.WriteBytes(old);
        writer.WriteBytes(@new);
        writer.WriteU64(issued);
        writer.WriteU32(overlap);
        return text;
    }

    private static byte[] Sign(ECDsa key, byte[] text) => key.SignData(text, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
}
