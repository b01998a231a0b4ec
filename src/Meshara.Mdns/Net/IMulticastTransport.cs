using System.Net;
using Meshara.Mdns.Engine;

namespace Meshara.Mdns.Net;

/// <summary>What carries packets: the system's sockets, or a network in memory.</summary>
/// <remarks><see cref="Join"/>, <see cref="Leave"/> and <see cref="Scan"/> are called by one caller at a time; sending and receiving by one for each family.</remarks>
internal interface IMulticastTransport : IAsyncDisposable
{
    /// <summary>The system says that interfaces changed; it may forget to.</summary>
    event EventHandler? Changed;

    /// <summary>Why a family cannot be used here at all; null: it can. What failed is tried again by each <see cref="Scan"/>; what works goes on working.</summary>
    string? Fault(bool ipv6);

    /// <summary>The interfaces that can be used now, those to be joined first at the front, and whether others hold port 5353 too.</summary>
    InterfaceScan Scan();

    /// <summary>Joins the group; null: done, else why not.</summary>
    string? Join(LinkKey link);

    /// <summary>Leaves the group; the interface may be gone already.</summary>
    void Leave(LinkKey link);

    /// <summary>Sends from port 5353 through one interface.</summary>
    /// <param name="link">Through which.</param>
    /// <param name="destination">To whom; null: to the group.</param>
    /// <param name="packet">What.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="System.Net.Sockets.SocketException">The packet was not sent.</exception>
    ValueTask SendAsync(LinkKey link, IPEndPoint? destination, ReadOnlyMemory<byte> packet, CancellationToken cancellationToken);

    /// <summary>The next packet of a family.</summary>
    /// <exception cref="System.Net.Sockets.SocketException">That went wrong; the next may go well.</exception>
    ValueTask<Datagram> ReceiveAsync(bool ipv6, Memory<byte> buffer, CancellationToken cancellationToken);
}

/// <summary>A packet as it was heard.</summary>
/// <param name="Size">Its bytes in the buffer; more than the buffer holds: it was cut off.</param>
/// <param name="From">The sender, a link-local address with the scope of the interface.</param>
/// <param name="To">To which address it was sent; null: the system does not tell.</param>
/// <param name="InterfaceIndex">Through which interface it came, as the system says.</param>
internal readonly record struct Datagram(int Size, IPEndPoint From, IPAddress? To, int InterfaceIndex);

/// <summary>What there is to be used.</summary>
/// <param name="Interfaces">Those that are up and carry multicast, the most useful first.</param>
/// <param name="IPv4PortShared">Whether another socket of this host is bound to UDP port 5353 too.</param>
/// <param name="IPv6PortShared">As for IPv4.</param>
/// <param name="IsSettled">False: an address is being tried for duplicates and will be usable in a moment.</param>
internal sealed record InterfaceScan(IReadOnlyList<LocalInterface> Interfaces, bool IPv4PortShared, bool IPv6PortShared, bool IsSettled);

/// <summary>An interface that is up and carries multicast.</summary>
/// <param name="Index">The system's number.</param>
/// <param name="Name">The system's name.</param>
/// <param name="Addresses">Addresses that can be used now, link-local ones with their scope; at most 64 of a family.</param>
internal sealed record LocalInterface(int Index, string Name, IReadOnlyList<LocalAddress> Addresses)
{
    /// <summary>Whether it has an address of this family: without one, the system would take another interface's.</summary>
    public bool Has(bool ipv6) => Addresses.Any(a => a.IsIPv6 == ipv6);
}

/// <summary>An address and how much of it names the subnet.</summary>
internal readonly record struct LocalAddress(IPAddress Address, int PrefixLength)
{
    /// <summary>Its family.</summary>
    public bool IsIPv6 => Address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;

    /// <summary>What is on-link with it.</summary>
    public IPNetwork Subnet
    {
        get
        {
            byte[] bytes = Address.GetAddressBytes();
            int prefix = Math.Clamp(PrefixLength, 0, 8 * bytes.Length);
            for (int i = 0; i < bytes.Length; i++)
            {
                int kept = Math.Clamp(prefix - (8 * i), 0, 8);
                bytes[i] &= (byte)(0xFF << (8 - kept));
            }

            return new IPNetwork(new IPAddress(bytes), prefix);
        }
    }
}
