using Meshara.Core.Policy;

namespace Meshara.Protocols;

/// <summary>How often each peer does something: kept by id, so that a new link brings no new allowance. Bounded; safe for use by several threads.</summary>
/// <param name="pace">What is allowed.</param>
/// <param name="mostEarly">How many over it, since the last that was in time, are only ignored.</param>
internal sealed class PeerPaces(Pace pace, int mostEarly)
{
    /// <summary>The most ids; who was here longest ago is forgotten first.</summary>
    public const int Capacity = 4096;

    private readonly Lock _sync = new();
    private readonly BoundedTimes<NodeId> _fullAt = new(Capacity);
    private readonly Dictionary<NodeId, int> _early = [];

    /// <summary>It does it now.</summary>
    /// <param name="id">Who.</param>
    /// <param name="now">The time.</param>
    /// <param name="tooOften">It has been too early so often that it is to blame; from then on its count begins anew.</param>
    /// <returns>Whether it is in time.</returns>
    public bool TryTake(NodeId id, TimeSpan now, out bool tooOften)
    {
        lock (_sync)
        {
            tooOften = false;
            TimeSpan fullAt = _fullAt.Of(id) ?? TimeSpan.Zero;
            if (pace.Allows(fullAt, now))
            {
                _early.Remove(id);
                if (_fullAt.Set(id, pace.Spend(fullAt, now)) is { } forgotten)
                {
                    _early.Remove(forgotten);
                }

                return true;
            }

            int early = _early.GetValueOrDefault(id) + 1;
            tooOften = early > mostEarly;
            _early[id] = tooOften ? 0 : early;
            return false;
        }
    }
}
