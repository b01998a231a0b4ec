using Xunit;

namespace Meshara.Testing.Tests.Network;

/// <summary>Whole nodes on a simulated network.</summary>
public sealed class FaultTests
{
    [Fact]
    public Task Kill_OthersAreTold_PowerOff_OthersFindOut_AndBothComeBack() => RunAsync(FaultScenarios.KillAndPowerOff);

    [Fact]
    public Task Kill_WhileRemovePeerAndReplaceKeyWait_BothAreTold() => RunAsync(FaultScenarios.KillDuringRemovals);

    [Fact]
    public Task Freeze_NodeDoesNothing_AndGoesOnAtTheThaw() => RunAsync(FaultScenarios.FreezeAndThaw);

    [Fact]
    public Task Suspend_MonotonicTimeStandsStill_JumpClock_LinksStay() => RunAsync(FaultScenarios.SuspendResumeAndJump);

    [Fact]
    public Task Partition_HoldsAndDeliversLater_OneWayOnlyThatWay() => RunAsync(FaultScenarios.PartitionHealAndOneWay);

    [Fact]
    public Task Nat_LetsOutAndNobodyIn() => RunAsync(FaultScenarios.NatIsOutboundOnly);

    [Fact]
    public Task Names_ChangeOfAnAddress_IsFoundWithTheNextLookUp() => RunAsync(FaultScenarios.NamesAndMoves);

    [Fact]
    public Task Address_TakenByAnother_IsOfWhoStartsFirst() => RunAsync(FaultScenarios.TakenAddress);

    [Fact]
    public Task Conditions_LostConnectsAndBandwidth_AreWhatNodesFeel() => RunAsync(FaultScenarios.LostConnectsAndSlowLines);

    [Fact]
    public Task Options_OfTheSimulation_AreRefusedByName() => RunAsync(FaultScenarios.OptionsOfTheSimulation);

    private static Task RunAsync(Func<int, Task> scenario) => SimulationProcess.RunAsync(scenario, [1], cancellationToken: TestContext.Current.CancellationToken);
}
