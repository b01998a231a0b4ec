using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Meshara.Cli.Doctor;

/// <summary>How far a multicast DNS packet of our own comes on one interface.</summary>
/// <param name="FailedStep"><c>socket</c>, <c>bind</c>, <c>join</c>, <c>send</c> or <c>hear</c>; null: it came back.</param>
/// <param name="Error">Of the step; null: nothing came.</param>
internal sealed record MulticastResult(string? FailedStep, SocketError? Error);

/// <summary>Sends a query for a name that nobody has to the group of multicast DNS, and waits to hear it itself: on one interface, with one family.</summary>
/// <remarks>RFC 6762 sections 3 and 5. The socket shares port 5353 with whoever holds it, and is closed within about a second: until then unicast packets to that port may go to it.</remarks>
internal static class MulticastTest
{
    private const int Port = 5353;
    private static readonly IPAddress Group4 = new([224, 0, 0, 251]);
    private static readonly TimeSpan Apart = TimeSpan.FromMilliseconds(300);
    private const int Sends = 4;

    /// <summary>Never throws but for the token.</summary>
    public static async Task<MulticastResult> RunAsync(int interfaceIndex, AddressFamily family, TimeProvider time, CancellationToken cancellationToken)
    {
        string step = "socket";
        try
        {
            using Socket socket = new(family, SocketType.Dgram, ProtocolType.Udp);
            IPEndPoint group = family == AddressFamily.InterNetwork ? new IPEndPoint(Group4, Port) : new IPEndPoint(new IPAddress(Group6, interfaceIndex), Port);
            step = "bind";
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, optionValue: true);
            socket.Bind(new IPEndPoint(family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, Port));
            step = "join";
            Join(socket, family, interfaceIndex);
            step = "send";
            byte[] query = Query($"meshara-doctor-{Path.GetFileNameWithoutExtension(Path.GetRandomFileName())}");
            using CancellationTokenSource done = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            Task<bool> heard = HearAsync(socket, family, interfaceIndex, query, done.Token);
            try
            {
                for (int i = 0; i < Sends && !heard.IsCompleted; i++)
                {
                    await socket.SendToAsync(query, SocketFlags.None, group, cancellationToken);
                    await Task.WhenAny(heard, Task.Delay(Apart, time, done.Token));
                }

                return heard.IsCompleted && await heard ? new MulticastResult(null, null) : new MulticastResult("hear", null);
            }
            finally
            {
                await done.CancelAsync();
                await ((Task)heard).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
        catch (SocketException e)
        {
            return new MulticastResult(step, e.SocketErrorCode);
        }
    }

    private static byte[] Group6 => [0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfb];

    private static void Join(Socket socket, AddressFamily family, int interfaceIndex)
    {
        if (family == AddressFamily.InterNetwork)
        {
            socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.AddMembership, new MulticastOption(Group4, interfaceIndex));
            socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastInterface, IPAddress.HostToNetworkOrder(interfaceIndex));
            socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastTimeToLive, 255);
            socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastLoopback, optionValue: true);
            socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.PacketInformation, optionValue: true);
        }
        else
        {
            socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.AddMembership, new IPv6MulticastOption(new IPAddress(Group6), interfaceIndex));
            socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.MulticastInterface, interfaceIndex);
            socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.MulticastTimeToLive, 255);
            socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.MulticastLoopback, optionValue: true);
            socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.PacketInformation, optionValue: true);
        }
    }

    private static async Task<bool> HearAsync(Socket socket, AddressFamily family, int interfaceIndex, byte[] query, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[9001];
        EndPoint anybody = new IPEndPoint(family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        while (true)
        {
            try
            {
                SocketReceiveMessageFromResult packet = await socket.ReceiveMessageFromAsync(buffer, SocketFlags.None, anybody, cancellationToken);
                if (packet.PacketInformation.Interface == interfaceIndex && buffer.AsSpan(0, packet.ReceivedBytes).SequenceEqual(query))
                {
                    return true;
                }
            }
            catch (SocketException)
            {
                // Too long a packet, or an ICMP error for somebody else's.
            }
            catch (OperationCanceledException)
            {
                return false;
            }
        }
    }

    // One question (RFC 1035 section 4.1): LABEL.local A IN.
    private static byte[] Query(string label) =>
        [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, (byte)label.Length, .. Encoding.ASCII.GetBytes(label), 5, .. "local"u8, 0, 0, 1, 0, 1];
}
