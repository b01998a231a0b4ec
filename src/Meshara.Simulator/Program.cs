using Meshara.Simulator;
using Meshara.Testing.Engine;
using Meshara.Testing.Network;

// Prints the trace of one scenario and, as the last line, its hash. The test suite runs it.
if (args is not [var scenario, var seedText, .. var rest] || !int.TryParse(seedText, out int seed))
{
    Console.Error.WriteLine("usage: two-nodes SEED | simultaneous-dials SEED [ROUNDS]");
    return 2;
}

int rounds = rest is [var text] && int.TryParse(text, out int given) ? given : 1000;
VirtualTime time = new();
Trace trace = new(time);
try
{
    SimulationDriver.Run(time, () => scenario switch
    {
        "two-nodes" => TwoNodes.RunAsync(seed, time, trace),
        "simultaneous-dials" => SimultaneousDials.RunAsync(seed, rounds, time, trace),
        _ => throw new ArgumentException($"No scenario '{scenario}'."),
    });
}
finally
{
    foreach (string line in trace.Lines)
    {
        Console.WriteLine(line);
    }
}

Console.WriteLine($"hash {trace.Hash}");
return 0;
