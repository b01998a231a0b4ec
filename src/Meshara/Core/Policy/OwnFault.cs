namespace Meshara.Core.Policy;

/// <summary>Whether it is this node's own network that fails: when over half of the peers are lost within a minute, they are not to blame.</summary>
internal sealed class OwnFault
{
    /// <summary>How long losses are counted together, and how long the verdict holds.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(60);

    // More losses than a node has links say nothing more.
    private const int Most = 8192;

    private readonly Queue<(TimeSpan At, NodeId Id)> _losses = new();
    private readonly Dictionary<NodeId, int> _lost = [];
    private TimeSpan? _last;

    /// <summary>A link was lost by timeout or reset (not by GOODBYE or this node's own decision).</summary>
    /// <param name="id">Whose.</param>
    /// <param name="linked">The peers that have a link now, this one not among them.</param>
    /// <param name="now">The time.</param>
    /// <returns>The fault is our own: do not score it, and take back the timeouts of the last minute.</returns>
    public bool Lost(NodeId id, IReadOnlyCollection<NodeId> linked, TimeSpan now)
    {
        while (_losses.TryPeek(out (TimeSpan At, NodeId Id) oldest) && (now - oldest.At > Window || _losses.Count >= Most))
        {
            _losses.Dequeue();
            if (--_lost[oldest.Id] == 0)
            {
                _lost.Remove(oldest.Id);
            }
        }

        _losses.Enqueue((now, id));
        _lost[id] = _lost.GetValueOrDefault(id) + 1;

        // Who is back already is counted once, among the lost.
        int back = linked is IReadOnlySet<NodeId> set ? _lost.Keys.Count(set.Contains) : linked.Count(_lost.ContainsKey);
        int all = _lost.Count + linked.Count - back;

        // One of one too: nothing tells whose fault that was.
        if (_lost.Count * 2 > all)
        {
            _last = now;
        }

        return Holds(now);
    }

    /// <summary>Within a minute after such a verdict: timeouts are not scored.</summary>
    public bool Holds(TimeSpan now) => _last is { } last && now - last <= Window;
}
