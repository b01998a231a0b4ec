using Meshara.Testing.Network;

namespace Meshara.Testing;

/// <summary>A cut through a simulated network.</summary>
public sealed class SimulatedPartition
{
    private readonly SimulatedNetwork _network;
    private readonly Cut _cut;

    internal SimulatedPartition(SimulatedNetwork network, Cut cut) => (_network, _cut) = (network, cut);

    /// <summary>Whether it is healed.</summary>
    public bool IsHealed { get; private set; }

    /// <summary>Heals it, if it is not: what was held comes after a while, up to as long as it was there or a minute.</summary>
    public void Heal()
    {
        if (!IsHealed)
        {
            IsHealed = true;
            _network.Healed(this, _cut);
        }
    }
}
