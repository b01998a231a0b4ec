using System.Net;
using System.Net.Sockets;

namespace Meshara.Cli.Tests.Support;

/// <summary>Ports that a process can listen on now and after a restart.</summary>
internal static class Ports
{
    // Below the ports that Linux (32768), macOS and Windows (49152) give to whoever dials: none is taken while the test restarts a node.
    private const int First = 20_000;
    private const int Count = 12_000;

    /// <summary>As many ports of 127.0.0.1 as asked for, free at this moment; processes that run at once begin at different ones.</summary>
    public static int[] Free(int count)
    {
        List<int> free = [];
        for (int i = 0; i < Count && free.Count < count; i++)
        {
            int port = First + (((Environment.ProcessId * 97) + i) % Count);
            using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                free.Add(port);
            }
            catch (SocketException)
            {
                // Another program's.
            }
        }

        return [.. free];
    }
}
