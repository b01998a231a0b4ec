namespace Meshara.Discovery;

/// <summary>What a node announces, and how it looks for others.</summary>
/// <param name="Mode">Which of both.</param>
/// <param name="Interval">How long a new node can stay unseen even if its announcements are lost.</param>
/// <param name="Port">Where this node listens; null: nowhere that others reach, so that nothing is announced.</param>
/// <param name="OwnPorts">All its ports: at an address of this machine, those lead back to it.</param>
/// <param name="Interfaces">Names of those that are used; none: all.</param>
internal sealed record MdnsSettings(MdnsMode Mode, TimeSpan Interval, int? Port, IReadOnlySet<int> OwnPorts, IReadOnlyList<string> Interfaces)
{
    public bool Announces => Port is not null && Mode != MdnsMode.ListenOnly;

    public bool Browses => Mode != MdnsMode.AnnounceOnly;

    /// <summary>What the options ask for; null: nothing, and why.</summary>
    /// <param name="discovery">The options.</param>
    /// <param name="listeners">Host and port of each.</param>
    /// <param name="why">For people; null where there are settings.</param>
    public static MdnsSettings? Of(DiscoveryOptions discovery, IReadOnlyList<(string Host, int Port)> listeners, out string? why)
    {
        int[] reached = [.. listeners.Where(static l => !IsLoopback(l.Host)).Select(static l => l.Port)];
        bool isWanted = discovery.EnabledMethods.HasFlag(DiscoveryMethods.LocalMdns);
        bool listensOnly = discovery.MdnsMode == MdnsMode.ListenOnly;
        why = !isWanted ? "it is switched off"
            : reached.Length > 0 || listensOnly ? null
            : listeners.Count == 0 ? "this node listens nowhere, so there is nothing to announce; MdnsMode ListenOnly looks for others all the same"
            : "this node listens on loopback alone, where nobody else reaches it; MdnsMode ListenOnly looks for others all the same";
        return why is null
            ? new MdnsSettings(discovery.MdnsMode, discovery.MdnsInterval, reached.Length > 0 ? reached[0] : null, listeners.Select(static l => l.Port).ToHashSet(), discovery.MdnsInterfaces)
            : null;
    }

    /// <summary>Whether both ask for the same.</summary>
    public bool IsSameAs(MdnsSettings? other) => other is not null && Mode == other.Mode && Interval == other.Interval && Port == other.Port
        && OwnPorts.SetEquals(other.OwnPorts) && Interfaces.SequenceEqual(other.Interfaces);

    private static bool IsLoopback(string host) => System.Net.IPAddress.TryParse(host, out System.Net.IPAddress? address) && System.Net.IPAddress.IsLoopback(address);
}
