using Meshara.Mdns;

namespace Meshara.Discovery;

/// <summary>What is wrong with multicast on an interface.</summary>
internal enum MdnsTroubleKind
{
    Join,
    Send,

    /// <summary>Packets go out, and not even they come back.</summary>
    Silence,
}

/// <summary>What is wrong with multicast on an interface, and what to do, for people.</summary>
/// <param name="Interface">Its name.</param>
/// <param name="Family"><c>IPv4</c> or <c>IPv6</c>.</param>
/// <param name="Kind">What is wrong.</param>
/// <param name="Text">A sentence each for that and for what to check.</param>
internal sealed record MdnsTrouble(string Interface, string Family, MdnsTroubleKind Kind, string Text)
{
    /// <summary>As long as nothing is heard for other reasons than that something is wrong.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    // One lost packet says nothing.
    private const int Enough = 3;

    /// <summary>All that is wrong now.</summary>
    /// <param name="interfaces">As they fare.</param>
    /// <param name="running">Since when.</param>
    /// <param name="isMac">macOS asks its user whether a program may use the local network.</param>
    public static IEnumerable<MdnsTrouble> Of(IEnumerable<InterfaceState> interfaces, TimeSpan running, bool isMac)
    {
        foreach (InterfaceState state in interfaces)
        {
            foreach ((string name, FamilyState? family) in new[] { ("IPv4", state.IPv4), ("IPv6", state.IPv6) })
            {
                if (family is not null && Of(state.Name, name, family, running, isMac) is { } trouble)
                {
                    yield return trouble;
                }
            }
        }
    }

    private static MdnsTrouble? Of(string name, string family, FamilyState state, TimeSpan running, bool isMac)
    {
        if (state.JoinError is { } join)
        {
            return new MdnsTrouble(name, family, MdnsTroubleKind.Join, $"The multicast group could not be joined: {join}.");
        }

        if (state.LastSendError is { } send)
        {
            string check = isMac
                ? "If that goes on, allow this program the local network: System Settings, Privacy & Security, Local Network."
                : "Check that a firewall lets UDP port 5353 out there, and that the interface has a route for multicast.";
            return new MdnsTrouble(name, family, MdnsTroubleKind.Send, $"Packets could not be sent: {send}. {check}");
        }

        return state is { Joined: true, PacketsHeard: 0, PacketsSent: >= Enough } && running >= Patience
            ? new MdnsTrouble(name, family, MdnsTroubleKind.Silence, "Packets are sent and none is heard, not even this machine's own. Check that a firewall lets UDP port 5353 in there.")
            : null;
    }
}
