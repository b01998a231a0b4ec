using System.Net;
using System.Runtime.InteropServices;

namespace Meshara.Core.Policy;

/// <summary>An address that somebody named.</summary>
/// <param name="Address">With the id, which only <see cref="AddressSource.Bootstrap"/> may leave out.</param>
/// <param name="Source">Who named it.</param>
/// <param name="From">Where the connection of whoever named it comes from; null: this machine, the operator.</param>
internal sealed record AddressCandidate(PeerAddress Address, AddressSource Source, IPAddress? From = null);

/// <summary>What became of a candidate.</summary>
internal enum AddOutcome
{
    Added,

    /// <summary>It was there already.</summary>
    Known,

    /// <summary>Not an address that can be dialled, or not one that this source may name (hostile inputs X3 to X5).</summary>
    NotAllowed,

    /// <summary>Its slot or its share is taken by what is worth more.</summary>
    NoRoom,
}

/// <summary>What the table asks the mesh while it picks.</summary>
/// <param name="IsUsable">May be dialled now: its id (<see cref="AddressEntry.Id"/>, by its newest key) is not static, linked, being dialled, self or banned. An entry whose id nobody knows yet is usable. What is not usable is put aside for a minute or until <see cref="AddressTable.Wake"/>.</param>
/// <param name="GroupUse">Outbound mesh links and dials in a group of addresses.</param>
/// <param name="Standing">From 0 to 1: <see cref="ReputationBook.Standing"/> of the id and its address.</param>
internal sealed record PickView(Func<AddressEntry, bool> IsUsable, Func<AddressKey, int> GroupUse, Func<AddressEntry, double> Standing);

/// <summary>An entry as it is stored. Times are on the clock of <see cref="Mesh"/>, negative before its start.</summary>
internal sealed record AddressRecord(PeerAddress Address, AddressSource Source, AddressKey SourceGroup)
{
    public TimeSpan FirstSeen { get; init; }

    public TimeSpan LastSeen { get; init; }

    public TimeSpan? LastTried { get; init; }

    public TimeSpan? LastSuccess { get; init; }

    /// <summary>Since the last success, those that this node's own network cannot explain.</summary>
    public int Failures { get; init; }

    /// <summary>All of them, for people; not stored.</summary>
    public int FailedDials { get; init; }
}

/// <summary>How full the table is. A host and port is one, whoever is believed there.</summary>
/// <param name="Unproven">Hosts and ports never reached, or displaced since.</param>
/// <param name="Proven">Hosts and ports reached.</param>
/// <param name="Ready">Entries that can be picked now.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct AddressCounts(int Unproven, int Proven, int Ready);
