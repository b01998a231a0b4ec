using System.Net;

namespace Meshara.Net;

/// <summary>Which address of a HELLO may be dialled back.</summary>
internal static class DialBackAddress
{
    /// <summary>The first whose host is the IP address that the connection came from; null: none is.</summary>
    /// <remarks>A peer can name any address, and would have us knock on strangers' doors; that it is at this host, it has shown.</remarks>
    /// <param name="remoteHost">Where the connection came from.</param>
    /// <param name="id">Who must answer there.</param>
    /// <param name="addresses">Of HELLO: peer text.</param>
    public static PeerAddress? Find(string remoteHost, NodeId id, IReadOnlyList<string> addresses)
    {
        if (!IPAddress.TryParse(remoteHost, out IPAddress? from))
        {
            return null;
        }

        foreach (string text in addresses)
        {
            if (PeerAddress.TryParse(text, out PeerAddress? address) && IPAddress.TryParse(address.Host, out IPAddress? host) && host.Equals(from))
            {
                return new PeerAddress(address.Host, address.Port, id);
            }
        }

        return null;
    }
}
