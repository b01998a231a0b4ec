namespace Meshara.Mdns;

/// <summary>What happened to a service.</summary>
public enum ServiceChangeKind
{
    /// <summary>It is there, and its port, text and at least one address are known.</summary>
    Added,

    /// <summary>Its host, port, priority, weight, text or addresses are other than before; or only <see cref="ServiceAddress.From"/> of an address is: the host itself has now told what was known by another's word, or by a packet of its other family.</summary>
    Updated,

    /// <summary>It said goodbye, or its records ran out.</summary>
    Removed,
}

/// <summary>Something that a browser saw.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Instance">The service as it is now; of one that was removed, as it was last.</param>
public sealed record ServiceChange(ServiceChangeKind Kind, ServiceInstance Instance);
