using System.Net;
using System.Runtime.InteropServices;

namespace Meshara.Core.Policy;

/// <summary>An interface of this machine, and what is reached through it without a router.</summary>
/// <param name="Index">The system's number.</param>
/// <param name="Scope">What stands behind <c>%</c> in a link-local address: the name, or the number where the system takes no names.</param>
/// <param name="Addresses">This machine's addresses there.</param>
/// <param name="Networks">Their networks.</param>
internal sealed record LanInterface(int Index, string Scope, IReadOnlyList<IPAddress> Addresses, IReadOnlyList<IPNetwork> Networks);

/// <summary>Where somebody says that a node listens.</summary>
/// <param name="Address">What was announced.</param>
/// <param name="Port">0 to 65535.</param>
/// <param name="Interface">The number of the interface that heard it.</param>
/// <param name="From">Who said so: the source of the packet.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct LanAddress(IPAddress Address, int Port, int Interface, IPAddress From);

/// <summary>A node of this mesh that was announced; nothing of it is proven but that the id is the hash of the key.</summary>
/// <param name="Service">The name it is announced under, which anybody can announce.</param>
/// <param name="Id">Who must answer.</param>
/// <param name="Key">Its public key in hex; perhaps of a point on no curve.</param>
/// <param name="Addresses">Where.</param>
internal sealed record LanFound(string Service, NodeId Id, string Key, IReadOnlyList<LanAddress> Addresses);

/// <summary>Why an announced address is not dialled.</summary>
internal enum LanFault
{
    None,

    /// <summary>Port 0.</summary>
    Port,

    /// <summary>No address of one other machine: unspecified, loopback, multicast, IPv4 in IPv6.</summary>
    Kind,

    /// <summary>Not on a network of the interface that heard it.</summary>
    NotOnLink,

    /// <summary>The address of the network itself, or its broadcast address.</summary>
    NotAHost,

    /// <summary>This node itself.</summary>
    Own,
}

/// <summary>How an id stands to this node, the nearest first.</summary>
internal enum LanRank
{
    /// <summary>The operator named it: wanted always.</summary>
    Known,

    /// <summary>Its key was proven here before.</summary>
    Before,

    Stranger,
}

/// <summary>What the table asks the mesh while it picks.</summary>
/// <param name="RankOf">How an id stands.</param>
/// <param name="IsUsable">The id may be dialled now: not linked, not about to be, not banned, not this node.</param>
/// <param name="IsBusy">A dial to this <c>host:port</c> is under way, or it is this node.</param>
/// <param name="Wanted">Dials to ids that the operator did not name are wanted: there are too few peers.</param>
/// <param name="Tells">Strangers are shown and not dialled: they could not join.</param>
internal sealed record LanView(Func<NodeId, LanRank> RankOf, Func<NodeId, bool> IsUsable, Func<string, bool> IsBusy, bool Wanted, bool Tells);

/// <summary>What is to be done with an entry.</summary>
/// <param name="Entry">Whom it concerns.</param>
/// <param name="Tell">Show it; else dial it, which ends in <see cref="LanTable.Succeeded"/>, <see cref="LanTable.Refused"/>, <see cref="LanTable.Failed"/>, <see cref="LanTable.Dropped"/> or <see cref="LanTable.Remove"/>.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct LanStep(LanEntry Entry, bool Tell);
