using BenchmarkDotNet.Attributes;
using Meshara.Net;
using Meshara.Wire;

namespace Meshara.Micro;

/// <summary>Credit of a stream on which messages of 64 B come in and are handled.</summary>
public class CreditParts
{
    private const int Cost = StreamFrames.DataCost + 64;

    private readonly ReceiveWindow _window = new(16 << 10, WindowBudget.From(new LinkLimits()));

    [Benchmark(Description = "spend credit for 64 B and give it back")]
    public long SpendAndGiveBack() => _window.TrySpend(Cost) ? _window.GiveBack(Cost) : throw new InvalidOperationException("No credit is left.");
}
