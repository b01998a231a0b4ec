using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Models;

/// <summary>One mesh and a world that does whatever it likes: callers, addresses that answer, refuse or lie, faults, an operator who changes his mind.</summary>
public sealed class MeshModelTests
{
    private const ulong Seed = 20_261_121;

    [Theory]
    [InlineData(1, 1, 0, 50)]
    [InlineData(0, 2, 20, 0)]
    [InlineData(3, 5, 20, 20)]
    [InlineData(9, 9, 10, 0)]
    public void AnyWorld_OpenMesh_LinksPlacesAndBansAgree(int target, int max, int evictions, int feelers) => Check(AdmissionMode.Open, target, max, evictions, feelers);

    [Fact]
    public void AnyWorld_SecretMesh_LinksPlacesAndBansAgree() => Check(AdmissionMode.Secret, target: 2, max: 4, evictions: 20, feelers: 20);

    [Fact]
    public void AnyWorld_MeshOfKnownPeers_LinksPlacesAndBansAgree() => Check(AdmissionMode.KnownPeers, target: 2, max: 4, evictions: 0, feelers: 0);

    [Fact]
    public void Fault_EvictedPeerStays_IsFoundInAShortList() =>
        Of(() => new MeshWorldModel(AdmissionMode.Open, 0, 2, MeshFault.KeepsWhoIsEvicted)).Finds(Seed, atMost: 20);

    [Fact]
    public void Fault_ReadyAtOnce_IsFoundInAShortList() =>
        Of(() => new MeshWorldModel(AdmissionMode.Open, 0, 2, MeshFault.ReadyAtOnce)).Finds(Seed, atMost: 2);

    // At least so many evictions and feelers: else the worlds would be too dull to find anything.
    private static void Check(AdmissionMode admission, int target, int max, int evictions, int feelers)
    {
        List<MeshWorldModel> worlds = [];
        Of(() =>
        {
            worlds.Add(new MeshWorldModel(admission, target, max));
            return worlds[^1];
        }).Holds(Seed);

        (int Evictions, int Feelers, int Bans) seen = (worlds.Sum(static w => w.Evictions), worlds.Sum(static w => w.Feelers), worlds.Sum(static w => w.Bans));
        TestContext.Current.TestOutputHelper?.WriteLine($"{seen}");
        Assert.True(!Seeded.IsWritten || (seen.Bans >= 10 && seen.Evictions >= evictions && seen.Feelers >= feelers), $"too dull: {seen}");
    }

    private static ModelCheck<MeshCommand> Of(Func<MeshWorldModel> start) =>
        new(MeshCommand.Any, start) { Runs = 70, Longest = 300, Simpler = MeshCommand.Simpler };
}
