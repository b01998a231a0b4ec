using System.Runtime.CompilerServices;

namespace Meshara.Cli.Control;

/// <summary>Diagnoses that run inside the node: with its identity, its bans and its pins.</summary>
/// <param name="node">The running node.</param>
/// <param name="peers">From what the operator writes to ids.</param>
/// <param name="dataDirectory">The node's, for what to type.</param>
internal sealed class NodeDiagnosis(Node node, PeerResolver peers, string dataDirectory)
{
    /// <summary>Most addresses of one peer that are dialled.</summary>
    public const int MostAddresses = 16;

    /// <summary>Dials an address, or all known addresses of a peer at once; told in their order.</summary>
    public async IAsyncEnumerable<DialLine> WhyAsync(ControlRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        IReadOnlyList<PeerAddress> addresses = request.Address is { } text ? [Parse(text)] : await AddressesAsync(request.Peer ?? "");
        foreach (Task<DialDiagnosis> dial in addresses.Select(address => node.DiagnoseAsync(address, cancellationToken: cancellationToken)).ToArray())
        {
            yield return DialLine.Of(await dial);
        }
    }

    // Where the operator, a file, other peers, the link itself, or the local network say that it is.
    private async Task<IReadOnlyList<PeerAddress>> AddressesAsync(string peer)
    {
        NodeId id = await peers.ResolveToShowAsync(peer);
        PeerExplanation? known = await node.ExplainPeerAsync(id);
        IEnumerable<PeerAddress> named = (node.ListTrusted().FirstOrDefault(pin => pin.Id == id)?.Addresses ?? [])
            .Concat(node.Options.Peers)
            .Concat(node.ListSources().SelectMany(static source => source.Addresses))
            .Where(address => address.Id is null || address.Id == id);
        IEnumerable<PeerAddress> mine = named.Where(address => address.Id == id || node.ListTrusted().Any(pin => pin.Id == id && pin.Addresses.Any(a => a.HostAndPort == address.HostAndPort)));
        IEnumerable<PeerAddress> learned = known?.Addresses.Select(address => new PeerAddress(address.Host, address.Port)) ?? [];
        IEnumerable<PeerAddress> linked = node.ListPeers().Where(link => link.Id == id && !link.Inbound).Select(static link => PeerAddress.Parse(link.Address));
        PeerAddress[] all = [.. mine.Concat(learned).Concat(linked).Concat(await node.FindNearbyAsync(id)).Select(address => address with { Id = id }).DistinctBy(static address => address.HostAndPort).Take(MostAddresses)];
        return all.Length > 0 ? all : throw new ControlException("unknown-peer", $"No address of {id} is known here: nobody named one, and the local network announces none. Give it: meshara why{Rendering.Hints.At(dataDirectory)} {id}@HOST:PORT");
    }

    private static PeerAddress Parse(string text)
    {
        try
        {
            return PeerAddress.Parse(text);
        }
        catch (FormatException e)
        {
            throw new ControlException("invalid-format", e.Message, e);
        }
    }
}
