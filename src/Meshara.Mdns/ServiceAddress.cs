using System.Net;

namespace Meshara.Mdns;

/// <summary>Where a service was found to listen, and through which interface that was heard.</summary>
/// <param name="EndPoint">The address and port; a link-local IPv6 address carries the scope of the interface.</param>
/// <param name="InterfaceIndex">The system's number of the interface.</param>
/// <param name="From">Who said so: the sender of the packet that told this address last, with its scope; once that was the address itself, it stays. Of other senders' changes nobody is told.</param>
/// <remarks>Whether the address belongs to a subnet of that interface is for the caller to judge: anybody on the network can announce any address.</remarks>
public readonly record struct ServiceAddress(IPEndPoint EndPoint, int InterfaceIndex, IPAddress From);
