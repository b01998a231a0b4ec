using System.Diagnostics;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests;

/// <summary>Eight processes on one machine, target 4, with real sockets and a SQLite store each.</summary>
public sealed class EightNodesTests(ITestOutputHelper output)
{
    private const int Target = 4;
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task EightNodes_ThreeAreKilled_TheRestIsBackAtTheTarget_AndAllLinkAgainFromTheirStoresAlone()
    {
        using TempFolder folder = new();
        string[] folders = [.. Enumerable.Range(0, 8).Select(i => Path.Combine(folder.Path, $"{i}"))];
        List<MeshNodeProcess> nodes = [.. folders.Select(f => MeshNodeProcess.Start(f, port: 0))];
        try
        {
            PeerAddress[] addresses = await Task.WhenAll(nodes.Select(n => n.Address));
            foreach (MeshNodeProcess node in nodes)
            {
                foreach (PeerAddress address in addresses)
                {
                    await node.LearnAsync(address);
                }
            }

            await MeasureAsync("linked after they were given each other's addresses", nodes);

            await Task.WhenAll(nodes.Take(3).Select(n => n.KillAsync()));
            await MeasureAsync("back at the target after three were killed", nodes.Skip(3));

            await Task.WhenAll(nodes.Skip(3).Select(n => n.QuitAsync()));
            await Task.WhenAll(nodes.Select(n => n.DisposeAsync().AsTask()));
            nodes = [.. folders.Select((f, i) => MeshNodeProcess.Start(f, addresses[i].Port))];
            await Task.WhenAll(nodes.Select(n => n.Address));
            await MeasureAsync("linked again from the stores alone, all of them running", nodes);
        }
        finally
        {
            await Task.WhenAll(nodes.Select(n => n.DisposeAsync().AsTask()));
        }
    }

    private async Task MeasureAsync(string what, IEnumerable<MeshNodeProcess> nodes)
    {
        // Peers that have been killed do not count, noticed or not.
        Stopwatch watch = Stopwatch.StartNew();
        MeshNodeProcess[] all = [.. nodes];
        HashSet<NodeId> alive = [.. (await Task.WhenAll(all.Select(n => n.Address))).Select(a => a.Id!.Value)];
        int[] Counts() => [.. all.Select(n => n.Peers.Count(alive.Contains))];
        while (Counts().Any(c => c < Target))
        {
            Assert.True(watch.Elapsed < Promised, $"not {what} within {Promised.TotalSeconds} s: {string.Join(", ", Counts())} peers");
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
        }

        output.WriteLine($"{what}: {watch.Elapsed.TotalSeconds:0.00} s, {string.Join(", ", Counts())} peers");
    }
}
