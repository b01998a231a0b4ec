namespace Meshara.Net;

// Messages: one stream for each protocol and direction, wire protocol section 8.1, kind 0.
internal sealed partial class StreamTable
{
    private static readonly TimeSpan RefusalHolds = TimeSpan.FromSeconds(1);

    private readonly Dictionary<string, MessageIn> _messagesIn = new(StringComparer.Ordinal);
    private readonly Dictionary<string, MessageOut> _messagesOut = new(StringComparer.Ordinal);
    private MessageIn? _toFlush;
    private MessageOut? _lastOut;

    /// <summary>The stream for this node's messages of a protocol, opened at the first one.</summary>
    /// <exception cref="MesharaException">The link is closing or gone, or the peer has just refused the protocol.</exception>
    public MessageOut MessagesOf(string protocol)
    {
        lock (Outbox.Gate)
        {
            return HeldMessagesOf(protocol);
        }
    }

    /// <summary>The same, under the gate.</summary>
    /// <exception cref="MesharaException">As <see cref="MessagesOf"/>.</exception>
    public MessageOut HeldMessagesOf(string protocol)
    {
        ThrowIfClosing();
        if (_lastOut is { SendEnded: false } last && ReferenceEquals(last.Protocol, protocol))
        {
            return last;
        }

        if (_messagesOut.TryGetValue(protocol, out MessageOut? stream))
        {
            if (!stream.SendEnded)
            {
                _lastOut = stream;
                return stream;
            }

            // A protocol that was just refused is not tried for every message: that would be a flood of OPEN and RESET.
            if (stream.SendFailure is { } refused && refused.At + RefusalHolds - Clock.Now is { } rest && rest > TimeSpan.Zero)
            {
                throw new MesharaException(refused.Error.Code, refused.Error.Message, refused.Error.IsTransient, rest, refused.Error);
            }
        }

        ProtocolName.ThrowIfInvalid(protocol);
        stream = new MessageOut(this, protocol);
        _messagesOut[protocol] = stream;
        _toOpen.Enqueue(stream);
        OpenWaiting();
        return stream;
    }

    /// <summary>Messages have arrived on this stream; they are handed to its handler by the next <see cref="Flush"/>.</summary>
    public void ToFlush(MessageIn stream)
    {
        if (!ReferenceEquals(_toFlush, stream))
        {
            _toFlush?.Flush();
            _toFlush = stream;
        }
    }

    /// <summary>The read loop has taken what had arrived: messages among it go to their handlers, and so does the last request or reply.</summary>
    /// <param name="keepsLone">But not if it was the only one: <see cref="TakeLone"/> gives it.</param>
    public void Flush(bool keepsLone = false)
    {
        _toFlush?.Flush();
        _toFlush = null;
        if (!keepsLone || _hasMany)
        {
            TakeLone()?.Queue();
        }

        _hasMany = false;
    }

    /// <summary>The last message of a stream has been handled.</summary>
    public void OnPumped(MessageIn stream)
    {
        lock (Outbox.Gate)
        {
            if (ReferenceEquals(_messagesIn.GetValueOrDefault(stream.Protocol), stream))
            {
                _messagesIn.Remove(stream.Protocol);
            }
        }
    }
}
