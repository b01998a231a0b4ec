using Meshara.Tests.Models;
using Xunit;

namespace Meshara.Mdns.Tests.Engine;

/// <summary>A link's cache and a dictionary, whatever the neighbours say.</summary>
public sealed class RecordCacheModelTests
{
    private const ulong Seed = 20_261_126;

    [Fact]
    public void AnyNeighbours_CacheHoldsWhatADictionaryHolds_Rfc6762_10() => Of(static () => new RecordCacheModel()).Holds(Seed);

    [Fact]
    public void Fault_GoodbyeLost_IsFoundInAShortList() => Of(static () => new RecordCacheModel(CacheFault.GoodbyeLost)).Finds(Seed, atMost: 2);

    [Fact]
    public void Fault_FlushLost_IsFoundInAShortList() => Of(static () => new RecordCacheModel(CacheFault.FlushLost)).Finds(Seed, atMost: 3);

    private static ModelCheck<CacheCommand> Of(Func<RecordCacheModel> start) => new(CacheCommand.Any, start) { Runs = 150, Longest = 200, Simpler = CacheCommand.Simpler };
}
