using Meshara.Simulator;
using Meshara.Testing;

return await SimulationRunner.RunAsync(args, BuiltIn.Swarm, BuiltIn.TwoNodes, BuiltIn.SimultaneousDials, BuiltIn.Idle, BuiltIn.Thousand, BuiltIn.Leak);
