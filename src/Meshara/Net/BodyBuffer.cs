using System.Buffers;

namespace Meshara.Net;

/// <summary>
/// One message, request or reply that arrives in pieces (wire protocol section 8.3, large messages). While it waits for a place in the
/// reassembly pools it keeps what its window allows; with a place its credit is given back as its bytes arrive, up to the largest message.
/// </summary>
internal sealed class BodyBuffer(int maxMessage)
{
    // A buffer no larger is kept for the next body of the stream: the pool has but a few for each processor.
    private const int KeptSize = 512;

    private byte[] _buffer = [];
    private long _heldCost;

    public int Length { get; private set; }

    /// <summary>The place in the pools that has been asked for.</summary>
    public Place? Place { get; set; }

    /// <summary>The place is held.</summary>
    public bool HasPlace { get; private set; }

    public ReadOnlyMemory<byte> Bytes => _buffer.AsMemory(0, Length);

    /// <summary>Appends; false when the body would grow beyond the largest message.</summary>
    public bool TryAppend(ReadOnlySpan<byte> data, int cost)
    {
        if (data.Length > maxMessage - Length)
        {
            return false;
        }

        Reserve(Length + data.Length);
        data.CopyTo(_buffer.AsSpan(Length));
        Length += data.Length;
        _heldCost += cost;
        return true;
    }

    /// <summary>The place is there.</summary>
    public void OnPlace() => HasPlace = true;

    /// <summary>The credit that was not given back yet; the caller gives it back now.</summary>
    public long TakeHeldCost()
    {
        (long cost, _heldCost) = (_heldCost, 0);
        return cost;
    }

    /// <summary>The bytes are used no more.</summary>
    public void Free()
    {
        Length = 0;
        if (_buffer.Length > KeptSize)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = [];
        }
    }

    private void Reserve(int length)
    {
        if (length <= _buffer.Length)
        {
            return;
        }

        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(length, (int)Math.Min(maxMessage, 2L * _buffer.Length)));
        _buffer.AsSpan(0, Length).CopyTo(larger);
        if (_buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
        }

        _buffer = larger;
    }
}
