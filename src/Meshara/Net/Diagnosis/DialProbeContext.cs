using System.Net;
using Meshara.Core;
using Meshara.Security;

namespace Meshara.Net.Diagnosis;

/// <summary>As whom a diagnosis dials, and whom it asks about what is known.</summary>
internal sealed record DialProbeContext
{
    /// <summary>What connects where <see cref="LookUp"/> is null.</summary>
    public required ITransport Transport { get; init; }

    /// <summary>The resolver of a TCP transport; null: the transport is another one, whose steps nobody sees.</summary>
    public LookUp? LookUp { get; init; }

    /// <summary>Connects to one address. The seam for a test.</summary>
    public Func<IPEndPoint, CancellationToken, ValueTask<TransportConnection>> Connect { get; init; } = TcpSockets.ConnectAsync;

    public required NodeCertificate Certificate { get; init; }

    public required HandshakeConfig Handshake { get; init; }

    /// <summary>What to say in a mesh of this name, where the other side's is taken; null: <see cref="Handshake"/>, whatever it names.</summary>
    public Func<string, HandshakeConfig>? HandshakeOf { get; init; }

    public required SecureChannelOptions Tls { get; init; }

    public required NodeTimeouts Timeouts { get; init; }

    public required NodeClock Clock { get; init; }

    /// <summary>Of this node.</summary>
    public required AdmissionMode Admission { get; init; }

    /// <summary>Whether the operator, or the first use of an address of his, pinned this id.</summary>
    public required Func<NodeId, bool> IsPinned { get; init; }

    /// <summary>What the node knows; null: no node runs.</summary>
    public Func<PeerAddress, Task<(DialOutlook Outlook, PeerRefused? LastRefusal)>>? Ask { get; init; }
}
