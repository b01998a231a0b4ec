using System.Net;
using System.Runtime.InteropServices;

namespace Meshara.Core.Policy;

/// <summary>One announced address of one id on one interface, in <see cref="LanTable"/>, which alone changes it.</summary>
internal sealed class LanEntry(LanKey key, PeerAddress address, long number, LanId owner, LanSource source, LanHost host)
{
    public LanKey Key { get; } = key;

    /// <summary>As it is dialled; the id in it must answer.</summary>
    public PeerAddress Address { get; } = address;

    /// <summary>Rises with each new entry.</summary>
    public long Number { get; } = number;

    public LanId Owner { get; } = owner;

    public LanSource Source { get; set; } = source;

    public LanHost Host { get; } = host;

    /// <summary>Who said so last; once the address has spoken for itself, that address.</summary>
    public required IPAddress From { get; set; }

    /// <summary>The names it is announced under, the oldest first; none: it is announced no longer.</summary>
    public List<string> Services { get; } = [];

    /// <summary>A packet from this very address said so: it can hardly be a victim.</summary>
    public bool IsVouched { get; set; }

    /// <summary>When it is forgotten; null: it is announced.</summary>
    public TimeSpan? GoneAt { get; set; }

    /// <summary>A dial is under way.</summary>
    public bool IsDialling { get; set; }

    /// <summary>How that dial counts in what <see cref="Host"/> has to bear.</summary>
    public LanLoad Load { get; set; }

    /// <summary>In a row.</summary>
    public int Failures { get; set; }

    public TimeSpan NotBefore { get; set; }

    /// <summary>What is dialled first: the address that spoke, then its family, then the rest.</summary>
    public int Order => IsVouched ? 0 : Key.Address.AddressFamily == From.AddressFamily ? 1 : 2;
}

/// <summary>How a dial counts for the machine that it goes to.</summary>
internal enum LanLoad
{
    /// <summary>Not: it is this machine, or the id was proven there.</summary>
    None,

    /// <summary>The machine itself named the port.</summary>
    Vouched,

    /// <summary>Somebody else did.</summary>
    Named,
}

/// <summary>What makes an entry: a link-local address has its scope here.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct LanKey(NodeId Id, IPAddress Address, int Port, int Interface);

/// <summary>An id that was announced.</summary>
internal sealed class LanId(NodeId id, string key)
{
    public NodeId Id { get; } = id;

    /// <summary>Its public key, hex.</summary>
    public string Key { get; } = key;

    public List<LanEntry> Entries { get; } = [];

    /// <summary>The next of its addresses waits a moment for the one before.</summary>
    public TimeSpan NextDial { get; set; }

    /// <summary>How often in a row it refused.</summary>
    public int Refusals { get; set; }

    /// <summary>Links in a row that lived too short.</summary>
    public int ShortLinks { get; set; }
}

/// <summary>Whoever announces: one sender of packets.</summary>
internal sealed class LanSource(LanSourceKey key, long number)
{
    public LanSourceKey Key { get; } = key;

    /// <summary>Rises with each new source.</summary>
    public long Number { get; } = number;

    public List<LanEntry> Entries { get; } = [];

    /// <summary>Dials in a row that led to nobody.</summary>
    public int Failures { get; set; }

    /// <summary>Its last turn; 0: never.</summary>
    public long Turn { get; set; }
}

/// <summary>A sender: its address, of a link-local one with its interface. The default address: all of that interface that are too many.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct LanSourceKey(AddressKey Address, int Interface);

/// <summary>A machine that was named, and what it has had to bear.</summary>
internal sealed class LanHost
{
    /// <summary>Entries that name it.</summary>
    public int Entries { get; set; }

    /// <summary>Dials to ports where nothing is proven, of those that it spoke for itself, and of those that others named.</summary>
    public int Vouched { get; set; }

    public int Named { get; set; }

    /// <summary>Such ports, and when each was first dialled.</summary>
    public List<(int Port, TimeSpan At, bool Named)> Ports { get; } = [];

    /// <summary>Ids whose key was proven there.</summary>
    public List<NodeId> Proven { get; } = [];

    public int VouchedFailures { get; set; }

    public int NamedFailures { get; set; }

    public TimeSpan VouchedUntil { get; set; }

    public TimeSpan NamedUntil { get; set; }

    /// <summary>Its last turn; 0: never.</summary>
    public long Turn { get; set; }
}

/// <summary>A machine: an address, of a link-local one with its interface.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct LanHostKey(IPAddress Address, int Interface);
