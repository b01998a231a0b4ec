using Meshara.Security;

namespace Meshara.Net;

/// <summary>What the records of peers say of this machine's clock. Also records that are ignored for their times count here. Safe for use by several threads.</summary>
/// <remarks>A record is issued for 24 hours and anew after half of that (wire protocol section 11.2), so its issue lies at most 12 hours back, give or take.</remarks>
internal sealed class PeerClocks
{
    /// <summary>Peers that are remembered; of more the latest.</summary>
    public const int Most = 256;

    // Clocks of honest machines differ, and a record may be passed on late.
    private static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5), Oldest = (RecordRules.Life / 2) + TimeSpan.FromHours(1);

    private readonly Lock _sync = new();
    private readonly Dictionary<NodeId, TimeSpan> _offsets = [];
    private readonly Queue<NodeId> _order = new();

    /// <summary>Notes a record that its own node gave on a link.</summary>
    /// <param name="id">Proven in TLS.</param>
    /// <param name="expires">Unix milliseconds, as it says.</param>
    /// <param name="now">By this machine's clock.</param>
    public void Note(NodeId id, ulong expires, DateTimeOffset now)
    {
        TimeSpan age = TimeSpan.FromMilliseconds((double)RecordRules.Milliseconds(now) - expires) + RecordRules.Life;
        TimeSpan offset = age < -Tolerance ? age : age > Oldest ? age - (RecordRules.Life / 2) : TimeSpan.Zero;
        lock (_sync)
        {
            if (!_offsets.ContainsKey(id))
            {
                _order.Enqueue(id);
                if (_order.Count > Most)
                {
                    _offsets.Remove(_order.Dequeue());
                }
            }

            _offsets[id] = offset;
        }
    }

    /// <summary>The median of what these peers' records say; null: none of them gave one.</summary>
    public TimeSpan? Offset(IEnumerable<NodeId> peers)
    {
        lock (_sync)
        {
            TimeSpan[] said = [.. peers.Where(_offsets.ContainsKey).Select(id => _offsets[id]).Order()];
            return said.Length == 0 ? null : said[said.Length / 2];
        }
    }
}
