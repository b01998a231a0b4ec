using System.Net;
using System.Net.Sockets;

namespace Meshara.Testing;

/// <summary>The name servers of a simulated network. Names are taken without regard to case. What nodes see changes with their next look-up; nothing is cached.</summary>
public sealed class SimulatedNames
{
    private readonly Dictionary<string, IPAddress[]> _names = new(StringComparer.OrdinalIgnoreCase);
    private TimeSpan _delay = TimeSpan.FromMilliseconds(10);

    internal SimulatedNames()
    {
    }

    /// <summary>How long a look-up takes. Default 10 ms; 0 to 1 hour.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public TimeSpan Delay
    {
        get => _delay;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.Zero, nameof(Delay));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, TimeSpan.FromHours(1), nameof(Delay));
            _delay = value;
        }
    }

    /// <summary>Whether no name server answers: every look-up fails, after <see cref="Delay"/>. Default false.</summary>
    public bool AreDown { get; set; }

    /// <summary>Gives a name addresses, instead of any it has.</summary>
    /// <param name="name">A host name.</param>
    /// <param name="addresses">In the order in which they are told.</param>
    public void Set(string name, params IReadOnlyList<IPAddress> addresses)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(addresses);
        _names[name.TrimEnd('.')] = [.. addresses];
    }

    /// <summary>Gives a name the addresses that nodes have now.</summary>
    /// <param name="name">A host name.</param>
    /// <param name="nodes">In the order in which they are told. A later move changes nothing.</param>
    public void Set(string name, params IReadOnlyList<SimulatedNode> nodes)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        Set(name, [.. nodes.Select(n => n.Address)]);
    }

    /// <summary>Takes a name away.</summary>
    /// <returns>Whether it was there.</returns>
    public bool Remove(string name) => _names.Remove(name.TrimEnd('.'));

    /// <summary>Look-ups that failed because no server answered.</summary>
    internal int Unanswered { get; private set; }

    /// <summary>Look-ups that were answered.</summary>
    internal int Answered { get; private set; }

    internal async Task<IPAddress[]> LookUpAsync(string host, AddressFamily family, TimeProvider time)
    {
        await Task.Delay(_delay, time).ConfigureAwait(false);
        if (AreDown)
        {
            Unanswered++;
            throw new SocketException((int)SocketError.TryAgain);
        }

        Answered++;
        return _names.TryGetValue(host.TrimEnd('.'), out IPAddress[]? all) ? [.. all.Where(a => a.AddressFamily == family)] : throw new SocketException((int)SocketError.HostNotFound);
    }
}
