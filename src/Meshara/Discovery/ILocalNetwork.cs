using Meshara.Core.Policy;
using Meshara.Mdns;

namespace Meshara.Discovery;

/// <summary>Opens the local network.</summary>
internal delegate Task<ILocalNetwork> OpenLocalNetwork(MdnsSettings settings, NodeOptions options, NodeId self);

/// <summary>What the source needs of multicast DNS: the one of the system, or a test's.</summary>
internal interface ILocalNetwork : IAsyncDisposable
{
    /// <summary>How multicast DNS fares on each interface.</summary>
    IReadOnlyList<InterfaceState> Interfaces { get; }

    /// <summary>The interfaces as they are now, and what is on-link to each.</summary>
    IReadOnlyList<LanInterface> Scan();

    /// <summary>Families that cannot be used at all now, and why.</summary>
    IReadOnlyList<(string Family, string Why)> Faults { get; }

    /// <summary>Announces a service until what it returns is disposed; that says goodbye. Ends when its name is agreed to.</summary>
    Task<ILocalPublication> PublishAsync(ServiceProfile profile, CancellationToken cancellationToken);

    /// <summary>Looks for services of a type, until cancelled.</summary>
    IAsyncEnumerable<ServiceChange> BrowseAsync(string serviceType, BrowseOptions options, CancellationToken cancellationToken);
}

/// <summary>A service that is announced until this is disposed.</summary>
internal interface ILocalPublication : IAsyncDisposable
{
    /// <summary>Its name now, which others' names may change.</summary>
    string InstanceName { get; }
}
