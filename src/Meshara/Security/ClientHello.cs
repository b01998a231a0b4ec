using System.Runtime.InteropServices;

namespace Meshara.Security;

/// <summary>Tells when the first bytes of a connection hold a whole ClientHello (RFC 8446 sections 4 and 5.1), or none. What it says is for TLS to judge.</summary>
[StructLayout(LayoutKind.Auto)]
internal struct ClientHello
{
    /// <summary>Most bytes that are looked at: a record of the greatest size, and what smaller ones cost more.</summary>
    public const int MaxBytes = 5 + (16 << 10) + 1024;

    private const int RecordHeader = 5;
    private const int MessageHeader = 4;
    private const int MaxRecord = 16 << 10;
    private const byte HandshakeRecord = 22;
    private const byte ClientHelloMessage = 1;

    private int _record;
    private int _message;
    private int _length;

    /// <summary>Looks at all that has arrived so far; further calls go on where the last one stopped.</summary>
    /// <param name="bytes">From the first on.</param>
    /// <param name="needed">How many there have to be at the least before it is worth to look again.</param>
    /// <returns>Null: it goes on. Else whether a ClientHello is there.</returns>
    public bool? Look(ReadOnlySpan<byte> bytes, out int needed)
    {
        while (true)
        {
            // Each record that is here whole is passed for good.
            ReadOnlySpan<byte> rest = bytes[_record..];
            needed = _record + RecordHeader;
            if (IsWrong(rest))
            {
                return false;
            }

            if (rest.Length < RecordHeader)
            {
                return null;
            }

            int size = (rest[3] << 8) | rest[4];
            needed += size;
            if (needed > MaxBytes)
            {
                return false;
            }

            if (!TakeLength(rest[RecordHeader..Math.Min(rest.Length, RecordHeader + size)]))
            {
                return false;
            }

            if (rest.Length < RecordHeader + size)
            {
                return null;
            }

            _message += size;
            _record += RecordHeader + size;
            if (_message >= MessageHeader && _message >= MessageHeader + _length)
            {
                return true;
            }
        }
    }

    // As early as it can be told: whoever speaks something else shall not keep a place for seconds.
    private static bool IsWrong(ReadOnlySpan<byte> record) =>
        (record.Length > 0 && record[0] != HandshakeRecord)
        || (record.Length > 1 && record[1] != 3)
        || (record.Length >= RecordHeader && ((record[3] << 8) | record[4]) is 0 or > MaxRecord);

    // The message's header may be spread over records.
    private bool TakeLength(ReadOnlySpan<byte> payload)
    {
        int length = 0;
        for (int i = 0; i < payload.Length && _message + i < MessageHeader; i++)
        {
            int at = _message + i;
            if (at == 0 && payload[i] != ClientHelloMessage)
            {
                return false;
            }

            length |= at == 0 ? 0 : payload[i] << (8 * (MessageHeader - 1 - at));
        }

        // A record that is not here whole is looked at again, with the same bytes.
        _length |= length;
        return _length <= MaxBytes;
    }
}
