namespace Meshara.Core.Policy;

/// <summary>One host and port, whoever is believed to be there: it is dialled at one pace. <see cref="AddressTable"/> alone changes it.</summary>
/// <param name="name"><see cref="PeerAddress.HostAndPort"/>.</param>
internal sealed class AddressSpot(string name)
{
    public string Name { get; } = name;

    /// <summary>Those in the table.</summary>
    public List<AddressEntry> Entries { get; } = [];

    /// <summary>How many of them are proven.</summary>
    public int Proven { get; set; }

    /// <summary>Failures since the last success or reset, for the backoff.</summary>
    public int Attempts { get; set; }

    /// <summary>The right key answered last, and refused: how long that waits is not for this node to shorten.</summary>
    public bool HasRefused { get; set; }

    /// <summary>None of them is dialled before.</summary>
    public TimeSpan Until { get; set; }
}
