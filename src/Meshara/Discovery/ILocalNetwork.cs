using Meshara.Core.Policy;
using Meshara.Mdns;

namespace Meshara.Discovery;

/// <summary>Opens the local network: which interfaces, by name; none: all.</summary>
internal delegate Task<ILocalNetwork> OpenLocalNetwork(MdnsSettings settings, CancellationToken cancellationToken);

/// <summary>What the source needs of multicast DNS: the one of the system, or a test's.</summary>
internal interface ILocalNetwork : IAsyncDisposable
{
    /// <summary>How multicast DNS fares on each interface.</summary>
    IReadOnlyList<InterfaceState> Interfaces { get; }

    /// <summary>The interfaces as they are now, and what is on-link to each.</summary>
    IReadOnlyList<LanInterface> Scan();

    /// <summary>Announces a service until what it returns is disposed; that says goodbye. Ends when its name is agreed to.</summary>
    Task<(string InstanceName, IAsyncDisposable Publication)> PublishAsync(ServiceProfile profile, CancellationToken cancellationToken);

    /// <summary>Looks for services of a type, until cancelled.</summary>
    IAsyncEnumerable<ServiceChange> BrowseAsync(string serviceType, BrowseOptions options, CancellationToken cancellationToken);
}
