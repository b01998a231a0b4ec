namespace Meshara.Net;

/// <summary>Which PINGs of a link are the mesh's. The application's go out beside them, and all together keep to the four of wire protocol section 7.1.</summary>
/// <param name="send">Sends a PING and gives its nonce; null: too many are out.</param>
internal sealed class PingNumbers(Func<ulong?> send)
{
    private readonly Queue<(ulong Nonce, long Number)> _out = new();
    private long? _owed;

    /// <summary>Sends the mesh's PING of this number. Where there is no room it waits for a PONG: the answer to an earlier PING would say how things were before it was wanted.</summary>
    public void Send(long number)
    {
        if (send() is { } nonce)
        {
            _out.Enqueue((nonce, number));
            _owed = null;
        }
        else
        {
            _owed = number;
        }
    }

    /// <summary>The latest PING of the mesh that a PONG settles; null: none.</summary>
    public long? Settle(ulong nonce)
    {
        long? number = null;
        while (_out.TryPeek(out (ulong Nonce, long Number) ping) && ping.Nonce <= nonce)
        {
            number = _out.Dequeue().Number;
        }

        if (_owed is { } owed)
        {
            Send(owed);
        }

        return number;
    }
}
