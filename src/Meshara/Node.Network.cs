using Meshara.Net;

namespace Meshara;

// The machine's network, which changes under a running node.
public sealed partial class Node
{
    /// <summary>Tells the node that the network has changed, or that the machine has slept: every link is checked at once and closed if it is silent
    /// (<see cref="NodeTimeouts.CheckAfterChange"/>), and every peer that waits for its next dial is dialled now.</summary>
    /// <remarks>Over TCP the node finds out by itself within seconds. For programs that know sooner or better, and for transports of their own. Returns at once; after
    /// 10 calls in a row further ones are drawn together, one in 5 s. Does nothing on a node that is not running.</remarks>
    public void NetworkChanged()
    {
        if (_state == NodeState.Running)
        {
            FindAddresses();
            _mdns?.NetworkChanged();
            _driver.NetworkChanged();
        }
    }

    private void OnNetworkChange(NetworkEvent change)
    {
        try
        {
            FindAddresses();
            _mdns?.NetworkChanged();
            _logger.NetworkChanged(change.Woke, string.Join(", ", Addresses));

            // First the links that cannot live: their peers are dialled with the others.
            _driver.AddressesGone(change.Gone);
            _driver.NetworkChanged();
        }
        catch (Exception fault)
        {
            // On a timer's thread it would end the process.
            _logger.TaskFailed(fault);
        }
    }

    private void FindAddresses()
    {
        if (_options.AdvertisedAddresses.Count > 0)
        {
            _addresses.Everywhere = [];
            _addresses.Current = [.. _options.AdvertisedAddresses.Select(a => PeerAddress.Parse(a) with { Id = Id })];
            return;
        }

        Func<IReadOnlySet<LocalAddress>?>? scan = _options.Seams?.Scan;
        _addresses.Everywhere = ListenAddresses.Everywhere(_listeners, others: scan is not null);
        _addresses.Current = ListenAddresses.Expand(Id, _listeners, scan);
    }
}
