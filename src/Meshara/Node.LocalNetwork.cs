using Meshara.Discovery;

namespace Meshara;

// Multicast DNS in the local network.
public sealed partial class Node
{
    private readonly OpenLocalNetwork? _openNetwork;
    private volatile MdnsSource? _mdns;
    private volatile string? _whyNoMdns;

    /// <summary>How multicast DNS fares in the local network: whether this node is announced there, how many others are, and what is in the way, for each interface.</summary>
    public LocalNetworkState LocalNetwork => _mdns?.State ?? new LocalNetworkState { Trouble = _whyNoMdns };

    /// <summary>As the public one, with a local network of a test's.</summary>
    internal static Task<Node> StartAsync(NodeOptions options, OpenLocalNetwork network, CancellationToken cancellationToken = default) =>
        StartAsync(new Node(options, network), cancellationToken);

    private async Task ChangeMdnsAsync(DiscoveryOptions discovery)
    {
        MdnsSettings? wanted = MdnsSettings.Of(discovery, [.. _listeners.Select(Net.ListenAddresses.PlaceOf)], out string? why);
        if (wanted is not null && _openNetwork is null)
        {
            (wanted, why) = (null, "this node's transport is not TCP");
        }

        _whyNoMdns = why;
        MdnsSource? last = _mdns;
        if (wanted is null ? last is null : wanted.IsSameAs(last?.Settings))
        {
            return;
        }

        if (last is not null)
        {
            await last.DisposeAsync().ConfigureAwait(false);
        }

        _mdns = null;
        if (wanted is not null)
        {
            NearbySink sink = new(_driver.NearbyAsync, _driver.NearbyGoneAsync, _driver.NearbyInterfacesAsync, _driver.NearbyEndedAsync);
            MdnsSource next = new(wanted, PublicKey, _options.Mesh, () => _openNetwork!(wanted, _options, Id), sink, _options.TimeProvider, _logger);
            _mdns = next;
            next.Start();
        }
    }
}
