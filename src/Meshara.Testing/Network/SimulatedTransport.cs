using System.Net;
using System.Net.Sockets;
using Meshara.Net;

namespace Meshara.Testing.Network;

/// <summary>What one process sees of the network. Names and the order of attempts are the product's own; only the system below them is simulated.</summary>
internal sealed class SimulatedTransport(Internet net, HostProcess process) : ITransport
{
    private readonly TcpTransport _tcp = new(process.Time, (host, family) => net.Names.LookUpAsync(host, family, process.Time), Connector(net, process));

    public ValueTask<TransportConnection> ConnectAsync(string host, int port, CancellationToken cancellationToken) => _tcp.ConnectAsync(host, port, cancellationToken);

    public ValueTask<TransportListener> ListenAsync(string host, int port, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!IPAddress.TryParse(host, out IPAddress? address) || !(IsWildcard(address) || IPAddress.IsLoopback(address) || address.Equals(process.Machine.Address)))
        {
            throw TcpErrors.ListenFailed(host, port, new SocketException((int)SocketError.AddressNotAvailable));
        }

        int chosen = port == 0 ? process.Machine.NextPort() : port;
        if (process.Listeners.Exists(l => l.Port == chosen && (l.Host == host || IsWildcard(address) || IsWildcard(IPAddress.Parse(l.Host)))))
        {
            throw TcpErrors.ListenFailed(host, port, new SocketException((int)SocketError.AddressAlreadyInUse));
        }

        SimulatedListener listener = new(process, address, chosen);
        process.Listeners.Add(listener);
        return ValueTask.FromResult<TransportListener>(listener);
    }

    private static bool IsWildcard(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    // One attempt to reach one address: one way to get there, one back. What is not answered hangs until it is cancelled, as with the kernel's own patience of minutes.
    private static Func<IPEndPoint, CancellationToken, ValueTask<TransportConnection>> Connector(Internet net, HostProcess process) => async (to, cancellationToken) =>
    {
        Machine from = process.Machine;
        Machine? there = net.Find(to.Address, from);
        NetworkConditions path = net.PathOf(from, there ?? from);
        bool lost = path.LostConnects > 0 && from.Random.NextDouble() < path.LostConnects;
        if (to.AddressFamily != from.Address.AddressFamily && !IPAddress.IsLoopback(to.Address))
        {
            throw new SocketException((int)SocketError.NetworkUnreachable);
        }

        await Task.Delay(path.Draw(from.Random), process.Time, cancellationToken).ConfigureAwait(false);
        if (there is null || lost || net.Find(to.Address, from) != there || !there.Hears || !net.CanPass(from, there) || !net.CanPass(there, from))
        {
            net.Trace.Add(from.Name, $"no answer from {there?.Name ?? "an address of nobody"}");
            await Task.Delay(Timeout.InfiniteTimeSpan, process.Time, cancellationToken).ConfigureAwait(false);
        }

        HostProcess? other = there!.Process;
        SimulatedListener? listener = other?.ListenerAt(to);
        if (listener is { HasRoom: false })
        {
            net.Trace.Add(from.Name, $"no room in the backlog of {there.Name}");
            await Task.Delay(Timeout.InfiniteTimeSpan, process.Time, cancellationToken).ConfigureAwait(false);
        }

        if (listener is not null)
        {
            listener.Expected++;
        }

        try
        {
            await Task.Delay(net.PathOf(there, from).Draw(there.Random), process.Time, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (listener is not null)
        {
            listener.Expected--;
            throw;
        }

        if (listener is null || other!.IsGone)
        {
            net.Trace.Add(from.Name, $"refused by {there.Name}");
            throw new SocketException((int)SocketError.ConnectionRefused);
        }

        return net.Join(process, other, listener, to);
    };
}
