#pragma warning disable CS1591
namespace Meshara.Testing.Engine
{
    using Meshara.Testing.Running;
    internal static class SimulationEngine
    {
        public static VirtualTime? Time { get; private set; }
        public static void Run(SimulationRun run, Func<int, Task> scenario)
        {
            Time = new VirtualTime();
            Trace trace = new(Time);
            try { SimulationDriver.Run(Time, () => scenario(run.Seed)); }
            finally { run.Hash = trace.Hash; run.VirtualTime = Time.Now; }
        }
    }
}
namespace Meshara.Testing
{
    public sealed class SimulatedNode { internal string Name => ""; }
    public sealed class SimulatedNetwork { internal void Violated(Checks.Violation v) => throw new SimulationException(v.What) { Violation = v }; }
}
