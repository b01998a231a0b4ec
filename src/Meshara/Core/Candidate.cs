using Meshara.Core.Policy;

namespace Meshara.Core;

internal enum DialPurpose
{
    /// <summary>There are too few peers.</summary>
    Fill,

    /// <summary>As <see cref="Fill"/>, to a peer of before the start.</summary>
    Anchor,

    /// <summary>For the place of another peer.</summary>
    Replacement,

    /// <summary>A probe: whether somebody is there. Takes no place.</summary>
    Feeler,

    /// <summary>As <see cref="Fill"/>, to one who was announced in the local network; or to one whom the operator named, and who is there.</summary>
    Nearby,
}

/// <summary>An address of the table that is dialled on the node's own account, once. Nobody is pinned or known by it.</summary>
/// <param name="Address">As in the table; the id in it must answer.</param>
/// <param name="Group">Its group, for diversity.</param>
/// <param name="Purpose">What for.</param>
internal sealed record Candidate(PeerAddress Address, AddressKey Group, DialPurpose Purpose)
{
    /// <summary>The discouraged outbound peer that gives way when this one is live.</summary>
    public NodeId? Replaces { get; init; }

    /// <summary>A peer that the operator named and that says to be here now. Of a <see cref="DialPurpose.Feeler"/>; the address is in no table.</summary>
    public NodeId? Moved { get; init; }

    /// <summary>Of a <see cref="DialPurpose.Nearby"/>: what was announced.</summary>
    public Policy.LanEntry? Nearby { get; init; }

    /// <summary>Of a <see cref="DialPurpose.Nearby"/>: when the dial began.</summary>
    public TimeSpan Began { get; init; }
}
