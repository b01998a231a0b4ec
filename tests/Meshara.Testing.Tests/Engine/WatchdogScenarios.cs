using Meshara.Testing.Engine;

namespace Meshara.Testing.Tests.Engine;

/// <summary>What users do wrong. Each run must end with a sentence that says it.</summary>
public static class WatchdogScenarios
{
    public static async Task Blocks(int seed)
    {
        StepWatch.LongestStep = TimeSpan.FromSeconds(3);
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        await sim.RunForAsync(1.Seconds());
#pragma warning disable VSTHRD002, VSTHRD103 // What must not be done.
        Task.Delay(TimeSpan.FromSeconds(1), sim.Time).Wait();
#pragma warning restore VSTHRD002, VSTHRD103
    }

    public static async Task LoopsWithoutADelay(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        await sim.RunForAsync(1.Seconds());
        while (sim.Elapsed < 1.Hours())
        {
            await Task.Yield();
        }
    }

    public static async Task LoopsOverTimersWithoutTime(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        ITimer[] self = new ITimer[1];
        self[0] = sim.Time.CreateTimer(static state => ((ITimer[])state!)[0].Change(TimeSpan.Zero, Timeout.InfiniteTimeSpan), self, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
        await sim.RunForAsync(1.Hours());
    }

    public static async Task WaitsForNothing(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        await new TaskCompletionSource().Task;
    }

    public static async Task CallbackThrows(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        using ITimer timer = sim.Time.CreateTimer(static _ => throw new InvalidOperationException("of the callback."), null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
        await sim.RunForAsync(1.Hours());
    }

    public static async Task Violates(int seed)
    {
        await using SimulatedNetwork sim = SimulatedNetwork.Create(seed);
        await sim.StartNodesAsync(2);
        sim.Violated(new Meshara.Testing.Checks.Violation("mine", "n1 did it.", ["n1"]));
        await sim.RunForAsync(1.Hours());
    }
}
