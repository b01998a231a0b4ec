using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Models;

/// <summary>Two stream tables and outboxes with nothing between them but frames, in whatever order applications and the connection go on.</summary>
public sealed class StreamModelTests
{
    private const ulong Seed = 20_261_122;

    [Fact]
    public void AnyOrder_FramesKeepTheProtocolAndAllArrivesOnceInOrder()
    {
        List<StreamWorldModel> worlds = [];
        Of(() =>
        {
            worlds.Add(new StreamWorldModel());
            return worlds[^1];
        }).Holds(Seed);

        int waits = worlds.Sum(static world => world.Waits);
        TestContext.Current.TestOutputHelper?.WriteLine($"{waits} had to wait");
        Assert.True(!Seeded.IsWritten || waits > 1500, $"too dull: {waits} had to wait");
    }

    [Fact]
    public void Fault_WindowGrows_IsFoundInAShortList() => Of(static () => new StreamWorldModel(StreamFault.WindowGrows)).Finds(Seed, atMost: 12);

    [Fact]
    public void Fault_DataOvertakes_IsFoundInAShortList() => Of(static () => new StreamWorldModel(StreamFault.DataOvertakes)).Finds(Seed, atMost: 8);

    private static ModelCheck<StreamCommand> Of(Func<StreamWorldModel> start) =>
        new(StreamCommand.Any, start) { Runs = 300, Longest = 200, Simpler = StreamCommand.Simpler };
}
