using System.Runtime.InteropServices;

namespace Meshara.Discovery;

/// <summary>How an entry writes where its peer is; it is written back in the same form.</summary>
internal enum StaticPeerForm
{
    /// <summary><c>"multiaddr": "/ip4/…/tcp/…/p2p/ID"</c>.</summary>
    Multiaddr,

    /// <summary><c>"address": "host:port"</c>, with or without <c>id@</c>.</summary>
    Address,
}

/// <summary>One entry of a list of peers.</summary>
/// <param name="Address">Where and who; the id may come from the entry's public key. Without one only in a list that needs none.</param>
/// <param name="Name">What the operator calls the peer.</param>
/// <param name="Form">How <paramref name="Text"/> is written.</param>
/// <param name="Text">The address as it stands there.</param>
internal sealed record StaticPeer(PeerAddress Address, string? Name, StaticPeerForm Form, string Text)
{
    /// <summary>Where the address stands in the file: its first byte, without the quote.</summary>
    public int Offset { get; init; }

    /// <summary>Bytes up to the closing quote.</summary>
    public int Length { get; init; }
}

/// <summary>What is wrong with a list of peers.</summary>
/// <param name="What">A sentence without a full stop, with what to do.</param>
/// <param name="Line">From 1; 0: the whole file.</param>
/// <param name="Column">In characters, from 1.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct StaticPeersFault(string What, int Line, int Column)
{
    public override string ToString() => Line == 0 ? What : $"line {Line}, column {Column}: {What}";
}
