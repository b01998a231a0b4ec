using Meshara.Wire;

namespace Meshara.Net;

/// <summary>This node's messages of one protocol to the peer. Nothing but ACKs comes back.</summary>
internal sealed class MessageOut(StreamTable table, string protocol) : LinkStream(table, StreamKind.Messages, protocol, opener: true)
{
    protected override void OnData(FrameFlags flags, ReadOnlySpan<byte> data) => throw new InvalidOperationException("The opener of a message stream gets no data.");

    protected override void OnFinished() => throw new InvalidOperationException("The opener of a message stream gets no data.");

    protected override void OnAborted(MesharaException error)
    {
    }
}
