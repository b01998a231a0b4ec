using Meshara.Core;
using Xunit;

namespace Meshara.Tests.Models;

/// <summary>One mesh and a world that does whatever it likes: callers, addresses that answer, refuse or lie, faults, an operator who changes his mind.</summary>
public sealed class MeshModelTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(0, 2)]
    [InlineData(3, 5)]
    [InlineData(9, 9)]
    public void AnyWorld_OpenMesh_LinksPlacesAndBansAgree(int target, int max) => Check(AdmissionMode.Open, target, max);

    [Fact]
    public void AnyWorld_SecretMesh_LinksPlacesAndBansAgree() => Check(AdmissionMode.Secret, target: 2, max: 4);

    [Fact]
    public void AnyWorld_MeshOfKnownPeers_LinksPlacesAndBansAgree() => Check(AdmissionMode.KnownPeers, target: 2, max: 4);

    [Fact]
    public void Fault_EvictedPeerStays_IsFoundInAShortList() =>
        Of(() => new MeshWorldModel(AdmissionMode.Open, 0, 2, MeshFault.KeepsWhoIsEvicted)).Finds(seed: 20_261_121, atMost: 20);

    [Fact]
    public void Fault_ReadyAtOnce_IsFoundInAShortList() =>
        Of(() => new MeshWorldModel(AdmissionMode.Open, 0, 2, MeshFault.ReadyAtOnce)).Finds(seed: 20_261_121, atMost: 2);

    private static void Check(AdmissionMode admission, int target, int max)
    {
        int evictions = 0, feelers = 0, bans = 0;
        List<MeshWorldModel> worlds = [];
        Of(() =>
        {
            worlds.Add(new MeshWorldModel(admission, target, max));
            return worlds[^1];
        }).Holds(seed: 20_261_121);
        foreach (MeshWorldModel world in worlds)
        {
            (evictions, feelers, bans) = (evictions + world.Evictions, feelers + world.Feelers, bans + world.Bans);
        }

        // Else the worlds would be too dull to find anything.
        TestContext.Current.TestOutputHelper?.WriteLine($"{evictions} evictions, {feelers} feelers, {bans} bans");
        Assert.True(bans > 10 && (admission == AdmissionMode.KnownPeers || (evictions > 20 && (feelers > 20 || target == 0))), $"{evictions} evictions, {feelers} feelers, {bans} bans");
    }

    private static ModelCheck<MeshCommand> Of(Func<MeshWorldModel> start) =>
        new(MeshCommand.Any, start) { Runs = 150, Longest = 300, Simpler = MeshCommand.Simpler };
}
