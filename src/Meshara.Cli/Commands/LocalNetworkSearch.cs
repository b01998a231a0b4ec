using System.Net;
using System.Net.Sockets;
using Meshara.Mdns;

namespace Meshara.Cli.Commands;

/// <summary>Where the local network announces a node, for a command without a running node that would know it (specs/local-discovery.md section 2).</summary>
/// <param name="terminal">Where to say what does not work.</param>
/// <param name="browse">What comes and goes of a service type.</param>
internal sealed class LocalNetworkSearch(Terminal terminal, Func<string, CancellationToken, IAsyncEnumerable<ServiceChange>> browse)
{
    private const string Type = "_meshara._tcp";

    // A forger can invent any number of them.
    private const int Most = 256;

    // Answers come within 120 ms (RFC 6762 section 6) and may be lost once.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>The addresses of all nodes whose ids begin so, each with its id, which has yet to be proven there.</summary>
    /// <param name="prefix">Hex digits.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IReadOnlyList<PeerAddress>> FindAsync(string prefix, CancellationToken cancellationToken)
    {
        Dictionary<string, PeerAddress[]> here = new(StringComparer.Ordinal);
        using CancellationTokenSource late = new(Patience, terminal.Time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        try
        {
            await foreach (ServiceChange change in browse(Type, either.Token).WithCancellation(either.Token))
            {
                Take(change, prefix, here);
            }
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            // What was found is the answer.
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            terminal.Complain($"the local network cannot be searched: {e.Message}");
        }

        return [.. here.OrderBy(static found => found.Key, StringComparer.Ordinal).SelectMany(static found => found.Value)];
    }

    private static void Take(ServiceChange change, string prefix, Dictionary<string, PeerAddress[]> here)
    {
        ServiceInstance instance = change.Instance;
        here.Remove(instance.InstanceName);
        if (change.Kind != ServiceChangeKind.Removed && here.Count < Most && instance.Port > 0 && IdOf(instance.Txt) is { } id && id.ToString().StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
        {
            here[instance.InstanceName] = [.. instance.EndPoints.Where(static at => IsDialled(at.Address)).Select(at => new PeerAddress(at.Address.ToString(), instance.Port) { Id = id })];
        }
    }

    // The id has to be the hash of the key.
    private static NodeId? IdOf(TxtRecord txt) =>
        txt["version"] == "1" && NodeId.TryParse(txt["node_id"], out NodeId id) && PublicKey.TryParse(txt["pubkey"], out PublicKey? key) && key.Id == id ? id : null;

    private static bool IsDialled(IPAddress address) =>
        !address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any) && !address.Equals(IPAddress.Broadcast) && !address.IsIPv6Multicast
        && (address.AddressFamily != AddressFamily.InterNetwork || address.GetAddressBytes()[0] < 224);
}
