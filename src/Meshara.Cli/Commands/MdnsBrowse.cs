using System.Runtime.CompilerServices;
using Meshara.Mdns;

namespace Meshara.Cli.Commands;

/// <summary>Browses the local network with sockets of this command's own: a running node hears the same.</summary>
internal static class MdnsBrowse
{
    /// <summary>What comes and goes, until the token is cancelled; says on standard error what does not work.</summary>
    public static async IAsyncEnumerable<ServiceChange> RunAsync(Terminal terminal, string type, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using MdnsService mdns = await MdnsService.StartAsync(new MdnsOptions { TimeProvider = terminal.Time });
        foreach ((string family, string? fault) in new[] { ("IPv4", mdns.IPv4Fault), ("IPv6", mdns.IPv6Fault) })
        {
            if (fault is not null)
            {
                terminal.Complain($"{family} cannot be used: {fault}");
            }
        }

        await foreach (ServiceChange change in mdns.Browse(type, cancellationToken: cancellationToken))
        {
            yield return change;
        }
    }
}
