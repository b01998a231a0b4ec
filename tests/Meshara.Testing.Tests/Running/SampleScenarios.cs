namespace Meshara.Testing.Tests.Running;

/// <summary>Scenarios that are run in another process, found by their names.</summary>
public static class SampleScenarios
{
    public static Task Fine(int seed) => Task.CompletedTask;

    public static async Task FailsAtThree(int seed)
    {
        await Task.Yield();
        if (seed == 3)
            throw new SimulationException("three is too many");
    }

    // A handler that blocks for ever: the one thread is gone.
    public static Task Blocks(int seed)
    {
        using ManualResetEventSlim never = new();
        never.Wait();
        return Task.CompletedTask;
    }

    public static Task Exits(int seed)
    {
        if (seed == 2)
            Environment.Exit(77);
        return Task.CompletedTask;
    }

    public static Task<int> ReturnsMore(int seed) => Task.FromResult(seed);

    internal static Task NotPublic(int seed) => Task.CompletedTask;
}
