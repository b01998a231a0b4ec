using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Security.Cryptography;
using Meshara.Core.Policy;
using Meshara.Security;

namespace Meshara.Net;

/// <summary>Verified records of other nodes: which are newer than others, and which may be passed on. Bounded; safe for use by several threads.</summary>
/// <remarks>Passed on is only what a node has said of itself on a link: an invented id costs a link and not a line of a list.</remarks>
/// <param name="secret">For the order in which records are given.</param>
/// <param name="clock">The node's.</param>
internal sealed class RecordBook(byte[] secret, NodeClock clock)
{
    /// <summary>The most records of nodes that gave them on a link of their own, and the most other ids whose sequence number is known.</summary>
    public const int Capacity = 4096;

    /// <summary>The most of a reply: all, part of what is held, and what is given even if it is a greater part.</summary>
    public const int MostGiven = 64, LeastGiven = 16;

    private const double PartGiven = 0.23;

    private readonly Lock _sync = new();
    private readonly Dictionary<NodeId, Held> _held = [];

    // Of each network the records that are held, in the order of their coming: when the book is full, each newcomer asks for the network that has the most.
    private readonly Dictionary<AddressKey, SortedSet<(long Number, NodeId Id)>> _groups = [];
    private readonly Dictionary<NodeId, ulong> _heard = [];
    private readonly Queue<NodeId> _heardOrder = new();
    private long _lastNumber;

    // No record that is held expires before.
    private ulong _soonest = ulong.MaxValue;

    /// <summary>Records that can be passed on, expired ones among them.</summary>
    public int Count
    {
        get
        {
            lock (_sync)
            {
                return _held.Count;
            }
        }
    }

    /// <summary>Other ids whose sequence number is known.</summary>
    public int HeardCount
    {
        get
        {
            lock (_sync)
            {
                return _heard.Count;
            }
        }
    }

    /// <summary>Whether a record says something new; asked before its signature is checked. What a node says of itself counts again with the same number, since it tells others less.</summary>
    public bool IsNews(NodeId id, ulong sequence, bool fromOwner)
    {
        lock (_sync)
        {
            Held? held = _held.GetValueOrDefault(id);
            if (fromOwner && held is not null)
            {
                held.LastGiven = sequence;
            }

            return fromOwner ? sequence >= KnownOf(id) : sequence > KnownOf(id);
        }
    }

    /// <summary>Whether it is the record that is held, byte for byte: its signature was checked when it came.</summary>
    public bool Holds(SignedRecord record)
    {
        lock (_sync)
        {
            return _held.TryGetValue(record.Id, out Held? held) && held.Bytes.Span.SequenceEqual(record.Bytes.Span);
        }
    }

    /// <summary>Keeps what a node has said of itself on a link.</summary>
    /// <param name="record">Verified.</param>
    /// <param name="from">Where the link comes from; null: not an IP network.</param>
    public void Put(SignedRecord record, IPAddress? from)
    {
        AddressReach[] reaches = [.. ReachesOf(record)];
        lock (_sync)
        {
            if (record.Sequence < KnownOf(record.Id))
            {
                return;
            }

            if (!Drop(record.Id, out _))
            {
                MakeRoom();
            }

            AddressKey group = from is null ? default : AddressGroups.KeysOf(from).Wide;
            Hold(record.Id, new Held(record.Bytes, record.Sequence, record.Expires, reaches.Length == 0 ? null : reaches.Max(), group, ++_lastNumber) { LastGiven = record.Sequence });
            _heard.Remove(record.Id);
        }
    }

    /// <summary>Remembers the number of a verified record that another node passed on.</summary>
    public void Heard(SignedRecord record)
    {
        lock (_sync)
        {
            if (_held.TryGetValue(record.Id, out Held? held))
            {
                // The owner's own word is older: it is not to be passed on any more.
                held.Known = Math.Max(held.Known, record.Sequence);
                return;
            }

            Remember(record.Id, record.Sequence);
        }
    }

    /// <summary>Passes the record of this node on no more: its conduct was bad.</summary>
    public void Forget(NodeId id)
    {
        lock (_sync)
        {
            if (Drop(id, out Held? held))
            {
                Remember(id, held.Known);
            }
        }
    }

    /// <summary>The records for one who asks: always the same ones within an hour for all who ask from one network, so that nobody can read the whole book by asking often.</summary>
    /// <param name="most">At most so many.</param>
    /// <param name="asker">Who asks.</param>
    /// <param name="from">Where it is; null: not on an IP network.</param>
    public IReadOnlyList<ReadOnlyMemory<byte>> Choose(int most, NodeId asker, IPAddress? from)
    {
        DateTimeOffset time = clock.UtcNow;
        ulong now = RecordRules.Milliseconds(time);
        AddressReach reach = from is null ? AddressReach.Loopback : AddressKinds.ReachOf(from);
        (ulong first, ulong second) = OrderOf(from, now);
        lock (_sync)
        {
            Prune(time);

            // A node that lost its number, and gives older ones, hears of its newer record: else nobody would take the others until that has expired.
            List<ReadOnlyMemory<byte>> chosen = [];
            if (_held.TryGetValue(asker, out Held? own) && own.LastGiven < own.Sequence)
            {
                chosen.Add(own.Bytes);
            }

            (ulong Order, ReadOnlyMemory<byte> Bytes)[] given =
            [
                .. from h in _held
                   where h.Key != asker && h.Value.Expires > now && h.Value.Known == h.Value.Sequence && h.Value.Narrowest is { } narrowest && narrowest <= reach
                   select (Mix(h.Key, first, second), h.Value.Bytes),
            ];
            int part = Math.Max(LeastGiven, (int)(given.Length * PartGiven));
            chosen.AddRange(given.OrderBy(g => g.Order).Take(Math.Min(part, MostGiven)).Select(g => g.Bytes));
            return [.. chosen.Take(Math.Min(most, MostGiven))];
        }
    }

    private static IEnumerable<AddressReach> ReachesOf(SignedRecord record)
    {
        foreach (string text in record.Addresses)
        {
            // Names are looked up by nobody who has them from others.
            if (PeerAddress.TryParse(text, out PeerAddress? address) && AddressGroups.TryParse(address.Host, out IPAddress? ip))
            {
                yield return AddressKinds.ReachOf(ip);
            }
        }
    }

    private void Remember(NodeId id, ulong sequence)
    {
        if (_heard.TryAdd(id, sequence))
        {
            _heardOrder.Enqueue(id);
        }

        _heard[id] = Math.Max(_heard[id], sequence);
        while (_heardOrder.Count > Capacity)
        {
            _heard.Remove(_heardOrder.Dequeue());
        }
    }

    // Of the network that has the most here the record that came first: an attacker with many ids pushes out its own.
    private void MakeRoom()
    {
        if (_held.Count < Capacity)
        {
            return;
        }

        Prune(clock.UtcNow);
        if (_held.Count < Capacity)
        {
            return;
        }

        SortedSet<(long Number, NodeId Id)>? most = null;
        foreach (SortedSet<(long Number, NodeId Id)> group in _groups.Values)
        {
            // Of as many the one whose first came before: else where each network has one, the newest would go.
            most = most is null || group.Count > most.Count || (group.Count == most.Count && group.Min.Number < most.Min.Number) ? group : most;
        }

        Drop(most!.Min.Id, out _);
    }

    private void Hold(NodeId id, Held held)
    {
        _held.Add(id, held);
        _soonest = Math.Min(_soonest, held.Expires);
        if (!_groups.TryGetValue(held.Group, out SortedSet<(long Number, NodeId Id)>? group))
        {
            _groups.Add(held.Group, group = []);
        }

        group.Add((held.Number, id));
    }

    private bool Drop(NodeId id, [NotNullWhen(true)] out Held? held)
    {
        if (!_held.Remove(id, out held))
        {
            return false;
        }

        SortedSet<(long Number, NodeId Id)> group = _groups[held.Group];
        group.Remove((held.Number, id));
        if (group.Count == 0)
        {
            _groups.Remove(held.Group);
        }

        return true;
    }

    private void Prune(DateTimeOffset now)
    {
        ulong gone = RecordRules.Milliseconds(now - RecordRules.Grace);
        if (_soonest >= gone)
        {
            return;
        }

        foreach (NodeId id in _held.Where(h => h.Value.Expires < gone).Select(h => h.Key).ToArray())
        {
            Drop(id, out _);
        }

        _soonest = _held.Count == 0 ? ulong.MaxValue : _held.Values.Min(h => h.Expires);
    }

    private ulong KnownOf(NodeId id) => _held.TryGetValue(id, out Held? held) ? held.Known : _heard.GetValueOrDefault(id);

    // Fresh for each hour and network; what an order gives away is of use for neither another hour nor another network.
    private (ulong First, ulong Second) OrderOf(IPAddress? from, ulong now)
    {
        Span<byte> text = stackalloc byte[sizeof(ulong) + AddressKey.Size];
        BinaryPrimitives.WriteUInt64BigEndian(text, now / (ulong)TimeSpan.FromHours(1).TotalMilliseconds);
        (from is null ? default : AddressGroups.KeysOf(from).Wide).Write(text[sizeof(ulong)..]);
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(secret, text, hash);
        return (BinaryPrimitives.ReadUInt64BigEndian(hash), BinaryPrimitives.ReadUInt64BigEndian(hash[sizeof(ulong)..]));
    }

    private static ulong Mix(NodeId id, ulong first, ulong second)
    {
        Span<byte> bytes = stackalloc byte[NodeId.Size];
        id.CopyTo(bytes);
        ulong x = Mix(BinaryPrimitives.ReadUInt64BigEndian(bytes) ^ first) + BinaryPrimitives.ReadUInt64BigEndian(bytes[sizeof(ulong)..]);
        return Mix(x ^ second);
    }

    // The finalizer of SplitMix64.
    private static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
        x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
        return x ^ (x >> 31);
    }

    private sealed class Held(ReadOnlyMemory<byte> bytes, ulong sequence, ulong expires, AddressReach? narrowest, AddressKey group, long number)
    {
        public ReadOnlyMemory<byte> Bytes { get; } = bytes;

        public ulong Sequence { get; } = sequence;

        public ulong Expires { get; } = expires;

        /// <summary>Of its addresses; null: there is none that others could use.</summary>
        public AddressReach? Narrowest { get; } = narrowest;

        public AddressKey Group { get; } = group;

        /// <summary>In the order of their coming.</summary>
        public long Number { get; } = number;

        /// <summary>The greatest sequence number known of this id.</summary>
        public ulong Known { get; set; } = sequence;

        /// <summary>What the node itself gave last.</summary>
        public ulong LastGiven { get; set; }
    }
}
