using Meshara.Core;
using Meshara.Net.Diagnosis;

namespace Meshara.Net;

// For people who ask why a node cannot be reached.
internal sealed partial class MeshDriver
{
    /// <summary>How far this machine's clock is ahead of those of linked peers; null: none of them tells.</summary>
    public TimeSpan? ClockOffset => _node.Records.Clocks.Offset(_live.All().Select(static link => link.Key));

    /// <summary>A dial as this node's, of which the mesh hears nothing.</summary>
    public DialProbeContext ProbeContext() => new()
    {
        Transport = _node.Transport,
        Certificate = _node.Certificate,
        Handshake = _node.Handshake,
        Tls = _node.Tls,
        Timeouts = _node.Timeouts,
        Clock = _node.Clock,
        Admission = _node.Options.Admission.Mode,
        IsPinned = _node.IsPinned,
        Ask = address => AskAsync(() =>
        {
            DialOutlook outlook = _mesh.OutlookOf(address, Now);
            return (outlook, outlook.Id is { } id ? _lastRefusals.Of(id) : null);
        }),
    };
}
