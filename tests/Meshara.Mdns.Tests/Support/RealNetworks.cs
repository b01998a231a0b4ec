using Xunit;

namespace Meshara.Mdns.Tests.Support;

/// <summary>Tests of programs in network namespaces: one after the other and beside no other test, because what they measure is time.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class RealNetworks
{
    public const string Name = "Networks";
}
