using System.Net;

namespace Meshara.Mdns;

/// <summary>A service that was found.</summary>
/// <remarks>Everything here is what somebody on the network says: nothing is proven, and text is to be escaped before it meets a terminal. One instance heard through several interfaces is one.</remarks>
public sealed record ServiceInstance
{
    /// <summary>The name for people, as <c>Kitchen printer</c>.</summary>
    public required string InstanceName { get; init; }

    /// <summary>What it speaks, as <c>_ipp._tcp</c>.</summary>
    public required string ServiceType { get; init; }

    /// <summary>The host's full name, as <c>printer.local</c>.</summary>
    public required string HostName { get; init; }

    /// <summary>The port, 0 to 65535; 0: the name is held and nothing is offered.</summary>
    public required int Port { get; init; }

    /// <summary>Which of several servers is asked first: the lowest (RFC 2782).</summary>
    public int Priority { get; init; }

    /// <summary>The share among servers of one priority (RFC 2782).</summary>
    public int Weight { get; init; }

    /// <summary>What it says of itself.</summary>
    public required TxtRecord Txt { get; init; }

    /// <summary>Where it listens, for each interface through which it was heard; bounded.</summary>
    public required IReadOnlyList<ServiceAddress> Addresses { get; init; }

    /// <summary>Where it listens: <see cref="Addresses"/> without repetition.</summary>
    public IReadOnlyList<IPEndPoint> EndPoints => [.. Addresses.Select(a => a.EndPoint).Distinct()];

    /// <summary>The interfaces through which it was heard.</summary>
    public IReadOnlyList<int> InterfaceIndexes => [.. Addresses.Select(a => a.InterfaceIndex).Distinct()];
}
