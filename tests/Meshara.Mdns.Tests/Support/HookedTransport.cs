using System.Net;
using Meshara.Mdns.Engine;
using Meshara.Mdns.Net;

namespace Meshara.Mdns.Tests.Support;

/// <summary>A host of the network in memory whose system does what the test wants at some calls: most of all, throw.</summary>
internal sealed class HookedTransport(MemoryHost host) : IMulticastTransport
{
    public event EventHandler? Changed
    {
        add => host.Changed += value;
        remove
        {
            host.Changed -= value;
            Unhearing?.Invoke();
        }
    }

    /// <summary>Called before each scan.</summary>
    public Action? Scanning { get; set; }

    /// <summary>Called in each scan when the interfaces have been read and not handed on.</summary>
    public Action? Scanned { get; set; }

    /// <summary>Called before each packet that is sent; what it returns is awaited.</summary>
    public Func<LinkKey, CancellationToken, Task>? Sending { get; set; }

    /// <summary>As <see cref="Sending"/>, for packets to one address.</summary>
    public Func<LinkKey, CancellationToken, Task>? SendingToOne { get; set; }

    /// <summary>Called with each packet that was heard; what it returns is heard.</summary>
    public Func<Datagram, Datagram>? Hearing { get; set; }

    /// <summary>Called when nobody listens to the system's news any more.</summary>
    public Action? Unhearing { get; set; }

    /// <summary>Awaited before the end.</summary>
    public Func<Task>? Ending { get; set; }

    /// <summary>Whether it was disposed.</summary>
    public bool IsDisposed { get; private set; }

    public string? Fault(bool ipv6) => host.Fault(ipv6);

    public InterfaceScan Scan()
    {
        Scanning?.Invoke();
        InterfaceScan scan = host.Scan();
        Scanned?.Invoke();
        return scan;
    }

    public string? Join(LinkKey link) => host.Join(link);

    public void Leave(LinkKey link) => host.Leave(link);

    public async ValueTask SendAsync(LinkKey link, IPEndPoint? destination, ReadOnlyMemory<byte> packet, CancellationToken cancellationToken)
    {
        if (Sending?.Invoke(link, cancellationToken) is { } sending)
            await sending;
        if (destination is not null && SendingToOne?.Invoke(link, cancellationToken) is { } sendingToOne)
            await sendingToOne;
        await host.SendAsync(link, destination, packet, cancellationToken);
    }

    public async ValueTask<Datagram> ReceiveAsync(bool ipv6, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        Datagram heard = await host.ReceiveAsync(ipv6, buffer, cancellationToken);
        return Hearing?.Invoke(heard) ?? heard;
    }

    public async ValueTask DisposeAsync()
    {
        IsDisposed = true;
        if (Ending?.Invoke() is { } ending)
            await ending;
        await host.DisposeAsync();
    }
}
