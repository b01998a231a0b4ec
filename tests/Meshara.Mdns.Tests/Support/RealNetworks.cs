using Xunit;

// Tests of programs in network namespaces mostly wait: more of them go at once than there are cores.
[assembly: CollectionBehavior(MaxParallelThreads = 4)]

namespace Meshara.Mdns.Tests.Support;

/// <summary>Tests of programs in network namespaces that measure time, or whose clocks run faster than the network: one after the other and beside no other test.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class RealNetworks
{
    public const string Name = "Networks";
}
