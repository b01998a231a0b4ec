using System.Net;
using System.Net.Sockets;

namespace Meshara.Net;

/// <summary>Opens everything that a node is to listen on, or nothing.</summary>
/// <param name="listen">Listens on a host of any transport.</param>
/// <param name="tcp">What TCP can do beyond that; null: another transport, whose hosts say nothing to us.</param>
internal sealed class NodeListeners(Func<string, int, CancellationToken, ValueTask<TransportListener>> listen, NodeListeners.Tcp? tcp)
{
    /// <summary>The transport of TCP.</summary>
    /// <param name="Resolve">The addresses of a host, at least one; throws <see cref="MesharaErrorCode.ListenFailed"/>.</param>
    /// <param name="Listen">Listens on one address; the last argument says, of <c>::</c>, whether IPv4 is taken as well.</param>
    internal sealed record Tcp(
        Func<string, CancellationToken, ValueTask<IPAddress[]>> Resolve,
        Func<IPAddress, int, bool, TransportListener> Listen);

    /// <summary>Opens all of them; entries without a port get the first of <paramref name="defaultPorts"/> that is free for every one of them.</summary>
    /// <returns>The listeners in the order of the entries, and the port of those without one (null: there are none).</returns>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.ListenFailed"/>; nothing is left open.</exception>
    public async Task<(IReadOnlyList<TransportListener> Listeners, int? DefaultPort)> OpenAsync(
        IReadOnlyList<ListenEntry> entries, IEnumerable<int> defaultPorts, CancellationToken cancellationToken)
    {
        List<Place> places = [];
        foreach (ListenEntry entry in entries)
        {
            places.AddRange(await PlacesOfAsync(entry, cancellationToken).ConfigureAwait(false));
        }

        places = Distinct(places);
        for (int i = 0; i < places.Count; i++)
        {
            ThrowIfListedTwice(places[i], places.Take(i));
        }

        Dictionary<Place, TransportListener> open = [];
        try
        {
            // Those with a port first: they have no choice, the others can go around them.
            await OpenAsync([.. places.Where(p => p.Entry.Port is not null)], null, places, open, cancellationToken).ConfigureAwait(false);
            int? port = await OpenWithoutPortAsync(places, defaultPorts, open, cancellationToken).ConfigureAwait(false);
            return ([.. places.Where(open.ContainsKey).Select(p => open[p])], port);
        }
        catch
        {
            await CloseAsync(open.Values).ConfigureAwait(false);
            throw;
        }
    }

    private async ValueTask<IEnumerable<Place>> PlacesOfAsync(ListenEntry entry, CancellationToken cancellationToken)
    {
        if (tcp is null)
        {
            return [new Place(entry, null, false)];
        }

        IPAddress[] addresses = await tcp.Resolve(entry.Host, cancellationToken).ConfigureAwait(false);
        return addresses.Select(a => new Place(entry, a, addresses.Length > 1));
    }

    private async Task<int?> OpenWithoutPortAsync(
        List<Place> places, IEnumerable<int> defaultPorts, Dictionary<Place, TransportListener> open, CancellationToken cancellationToken)
    {
        Place[] portless = [.. places.Where(p => p.Entry.Port is null)];
        if (portless.Length == 0)
        {
            return null;
        }

        MesharaException? last = null;
        foreach (int port in defaultPorts)
        {
            Dictionary<Place, TransportListener> opened = [];
            try
            {
                await OpenAsync(portless, port, places, opened, cancellationToken).ConfigureAwait(false);
                foreach ((Place place, TransportListener listener) in opened)
                {
                    open.Add(place, listener);
                }

                return port;
            }
            catch (MesharaException e) when (IsTaken(e))
            {
                last = e;
                await CloseAsync(opened.Values).ConfigureAwait(false);
            }
            catch
            {
                await CloseAsync(opened.Values).ConfigureAwait(false);
                throw;
            }
        }

        throw new MesharaException(
            MesharaErrorCode.ListenFailed,
            $"Cannot listen on {string.Join(" and ", portless.Select(p => p.Entry.ToString()).Distinct())}: every port from {DefaultPorts.First} to {DefaultPorts.Last} is taken. "
            + "Name one that is free, HOST:PORT.",
            isTransient: true, innerException: last);
    }

    private async Task OpenAsync(
        IReadOnlyList<Place> some, int? defaultPort, List<Place> all, Dictionary<Place, TransportListener> open, CancellationToken cancellationToken)
    {
        foreach (IGrouping<ListenEntry, Place> entry in some.GroupBy(p => p.Entry))
        {
            MesharaException? notOurs = null;
            foreach (Place place in entry)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int port = place.Entry.Port ?? defaultPort!.Value;
                try
                {
                    open.Add(
                        place,
                        place.Address is { } address
                            ? tcp!.Listen(address, port, TakesIPv4(place, port, defaultPort, all))
                            : await listen(place.Entry.Host, port, cancellationToken).ConfigureAwait(false));
                }
                catch (MesharaException e) when (place.OneOfSeveral && IsNotOurs(e))
                {
                    // A name may have addresses of other machines, or of a family that this one has not.
                    notOurs = e;
                }
            }

            if (notOurs is not null && !entry.Any(p => p.SharesWithAnother || open.ContainsKey(p)))
            {
                throw notOurs;
            }
        }
    }

    // "::" takes IPv4 as well where nothing else in the list wants the port for IPv4.
    private static bool TakesIPv4(Place place, int port, int? defaultPort, List<Place> all) =>
        place.Address!.Equals(IPAddress.IPv6Any)
        && !all.Exists(p => (p.Entry.Port ?? defaultPort) == port && p.Address!.AddressFamily == AddressFamily.InterNetwork);

    private static void ThrowIfListedTwice(Place place, IEnumerable<Place> before)
    {
        foreach (Place other in before)
        {
            if (place.Address is null || place.Entry.Port is 0 || place.Entry.Port != other.Entry.Port || place.Address.AddressFamily != other.Address!.AddressFamily)
            {
                continue;
            }

            if ((IsWildcard(other) ? other : IsWildcard(place) ? place : null) is { } wide)
            {
                throw new MesharaException(
                    MesharaErrorCode.ListenFailed, $"Cannot listen on both {other.Entry} and {place.Entry}: {wide.Entry} takes the other's connections already. Leave one out.");
            }
        }
    }

    // Two names of one address are one place; it has to be ours if one of the entries says nothing else. With port 0 each is a place of its own.
    private static List<Place> Distinct(List<Place> places)
    {
        List<Place> kept = [];
        foreach (Place place in places)
        {
            int same = place.Address is null || place.Entry.Port is 0 ? -1
                : kept.FindIndex(p => p.Entry.Port == place.Entry.Port && place.Address.Equals(p.Address));
            if (same < 0)
            {
                kept.Add(place);
                continue;
            }

            // The rest of an entry that lost a place here need not be ours.
            foreach (Place rest in places.Where(p => p.Entry == place.Entry))
            {
                rest.SharesWithAnother = true;
            }

            kept[same].OneOfSeveral &= place.OneOfSeveral;
        }

        return kept;
    }

    private static bool IsWildcard(Place place) => place.Address!.Equals(IPAddress.Any) || place.Address.Equals(IPAddress.IPv6Any);

    // Windows forbids ranges of ports that Hyper-V has taken for itself.
    private static bool IsTaken(MesharaException e) => e.Code == MesharaErrorCode.ListenFailed
        && (e.IsTransient || e.InnerException is SocketException { SocketErrorCode: SocketError.AccessDenied });

    private static bool IsNotOurs(MesharaException e) =>
        e.InnerException is SocketException { SocketErrorCode: SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported };

    private static async ValueTask CloseAsync(IEnumerable<TransportListener> listeners)
    {
        foreach (TransportListener listener in listeners)
        {
            await listener.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>One address to listen on. Compared by reference: an entry with port 0 may be there twice.</summary>
    private sealed class Place(ListenEntry entry, IPAddress? address, bool oneOfSeveral)
    {
        public ListenEntry Entry => entry;

        public IPAddress? Address => address;

        public bool OneOfSeveral { get; set; } = oneOfSeveral;

        /// <summary>Another entry has taken an address of this entry's over.</summary>
        public bool SharesWithAnother { get; set; }
    }
}
