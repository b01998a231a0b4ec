using Meshara.Core.Policy;

namespace Meshara.Net;

/// <summary>An inbound connection on its way to TLS.</summary>
internal sealed class AcceptedConnection(long id, TransportConnection transport, AcceptLane lane, TimeSpan entered, long began)
{
    private volatile bool _stalled;

    /// <summary>Its name at the door; 0: it has none, nothing is held for it there.</summary>
    public long Id => id;

    public TransportConnection Transport => transport;

    public AcceptLane Lane => lane;

    /// <summary>When it was accepted, on the node's clock: the deadline of TLS counts from here.</summary>
    public TimeSpan Entered => entered;

    /// <summary>The same as <see cref="TimeProvider.GetTimestamp"/> says it.</summary>
    public long Began => began;

    /// <summary>What TLS reads.</summary>
    public Stream Stream { get; set; } = transport.Stream;

    /// <summary>It is the driver's now. The door's.</summary>
    public bool HandedOn { get; set; }

    /// <summary>It was closed because its handshake stood still while others waited.</summary>
    public bool Stalled
    {
        get => _stalled;
        set => _stalled = value;
    }
}
