using Meshara.Wire;

namespace Meshara.Net;

/// <summary>A stream that was refused at once; it stays until the peer has closed it, so that what was under way is known for what it is.</summary>
internal sealed class RefusedStream(StreamTable table, StreamKind kind, string protocol) : LinkStream(table, kind, protocol, opener: false)
{
    protected override void OnData(FrameFlags flags, ReadOnlySpan<byte> data)
    {
    }

    protected override void OnFinished()
    {
    }

    protected override void OnAborted(MesharaException error)
    {
    }
}
