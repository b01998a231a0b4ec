namespace Meshara.Net;

/// <summary>Where this node believes it can be dialled; replaced as a whole when the network changes, read by everybody.</summary>
internal sealed class OwnAddresses
{
    private volatile IReadOnlyList<PeerAddress> _current = [];
    private volatile IReadOnlyList<string> _hostsAndPorts = [];

    public IReadOnlyList<PeerAddress> Current
    {
        get => _current;
        set
        {
            _current = value;
            _hostsAndPorts = [.. value.Where(ListenAddresses.MeansTheSameElsewhere).Select(a => a.HostAndPort)];
        }
    }

    /// <summary>As HELLO tells them.</summary>
    public IReadOnlyList<string> HostsAndPorts => _hostsAndPorts;
}
