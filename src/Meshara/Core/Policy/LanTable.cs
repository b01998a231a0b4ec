using System.Net;
using System.Net.Sockets;

namespace Meshara.Core.Policy;

/// <summary>The nodes of this mesh that were announced in the local network, and which of them is dialled when.</summary>
/// <remarks>
/// <para>Anybody on the network can announce anything, also in another's name: so what is kept against failures is kept against an address, never against an id; what
/// a machine has to bear is bounded for the machine; and whoever announces much waits behind those who announce little.</para>
/// <para>An entry that <see cref="Take"/> gave out to be dialled comes back by <see cref="Succeeded"/>, <see cref="Refused"/>, <see cref="Failed"/>, <see cref="Dropped"/> or <see cref="Remove"/>.</para>
/// </remarks>
internal sealed partial class LanTable(Random random)
{
    /// <summary>Most entries; of one id; of one id by the word of one sender; names that one entry is announced under; and, of those who would be told, most ids that are remembered as told.</summary>
    public const int MaxEntries = 1024, MaxPerId = 8, MaxPerSourceAndId = 2, MaxNames = 4, MaxTold = 4096;

    /// <summary>Most IPv6 senders of one interface that count each for itself: a machine has as many link-local addresses as it likes.</summary>
    public const int MaxIPv6Sources = 64;

    /// <summary>How long an address is kept after its goodbye: anybody can say goodbye for another.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(60);

    // Machines that were dialled, and what they bore.
    private const int MaxHosts = 4096;

    // Odd, with many bits: numbers in a row come out in any order.
    private const long Mixer = unchecked((long)0x9E3779B97F4A7C15);

    private readonly Dictionary<LanKey, LanEntry> _entries = [];
    private readonly Dictionary<NodeId, LanId> _ids = [];
    private readonly Dictionary<string, List<LanEntry>> _byService = new(StringComparer.Ordinal);
    private readonly Dictionary<LanSourceKey, LanSource> _sources = [];
    private readonly Dictionary<LanHostKey, LanHost> _hosts = [];
    private readonly Dictionary<int, int> _ipv6Sources = [];
    private readonly Deadlines _gone = new();
    private readonly Dictionary<long, LanEntry> _byNumber = [];
    private IReadOnlyList<LanInterface> _interfaces = [];
    private IReadOnlySet<int> _ownPorts = new HashSet<int>();
    private long _lastNumber;

    /// <summary>The longest wait between two dials of an address.</summary>
    public TimeSpan LongestBackoff { get; set; } = AddressTable.MaxBackoff;

    public int Count => _entries.Count;

    /// <summary>The ids that are announced.</summary>
    public IReadOnlyCollection<NodeId> Ids => _ids.Keys;

    /// <summary>The addresses of an id, for people and tests.</summary>
    public IReadOnlyList<PeerAddress> Of(NodeId id) => _ids.TryGetValue(id, out LanId? owner) ? [.. owner.Entries.OrderBy(e => e.Number).Select(e => e.Address)] : [];

    /// <summary>The interfaces of this machine, and where this node listens. What is not near any more is forgotten.</summary>
    public void SetInterfaces(IReadOnlyList<LanInterface> interfaces, IReadOnlySet<int> ownPorts)
    {
        (_interfaces, _ownPorts) = (interfaces, ownPorts);
        foreach (LanEntry entry in _entries.Values.ToArray())
        {
            LanKey key = entry.Key;
            if (LanRules.Judge(new LanAddress(key.Address, key.Port, key.Interface, entry.From), _interfaces, _ownPorts) != LanFault.None)
            {
                Drop(entry);
            }
        }
    }

    /// <summary>Somebody announced a node.</summary>
    /// <param name="found">Who and where. What it is no longer announced at is kept for <see cref="Grace"/>.</param>
    /// <param name="isFavoured">Whether an id must not give way to strangers.</param>
    /// <param name="now">The time.</param>
    /// <returns>Whether there is anything new.</returns>
    public bool Add(LanFound found, Func<NodeId, bool> isFavoured, TimeSpan now)
    {
        HashSet<LanKey> named = [];
        bool isNew = false;

        // The address that speaks for itself first: of those that one sender names only two are taken.
        foreach (LanAddress address in found.Addresses.OrderBy(a => IsVouched(a) ? 0 : a.Address.AddressFamily == a.From.AddressFamily ? 1 : 2))
        {
            if (LanRules.Judge(address, _interfaces, _ownPorts) == LanFault.None && KeyOf(found.Id, address) is var key && named.Add(key))
            {
                isNew |= AddOne(found, address, key, isFavoured, now);
            }
        }

        foreach (LanEntry other in _byService.GetValueOrDefault(found.Service)?.ToArray() ?? [])
        {
            if (!named.Contains(other.Key))
            {
                Withdraw(other, found.Service, now + Grace);
            }
        }

        return isNew;
    }

    /// <summary>A node is announced no longer under this name, or as something else: its addresses are forgotten then.</summary>
    public void Withdraw(string service, TimeSpan at)
    {
        foreach (LanEntry entry in _byService.GetValueOrDefault(service)?.ToArray() ?? [])
        {
            Withdraw(entry, service, at);
        }
    }

    /// <summary>Nothing is announced any more: the source has ended.</summary>
    public void Clear()
    {
        foreach (LanEntry entry in _entries.Values.ToArray())
        {
            Drop(entry);
        }
    }

    /// <summary>An address leads back to this node itself, or must be forgotten for another reason.</summary>
    public void Remove(LanEntry entry)
    {
        Release(entry);
        Drop(entry);
    }

    // What is announced under another name too stays: anybody can announce it under a name of his own, and withdraw that.
    private void Withdraw(LanEntry entry, string service, TimeSpan at)
    {
        LeaveService(entry, service);
        if (entry.Services.Count == 0 && (entry.GoneAt is null || at < entry.GoneAt))
        {
            entry.GoneAt = at;
            _gone.Set(entry.Number, at);
        }
    }

    private void Expire(TimeSpan now)
    {
        while (_gone.TryTake(now, out long number))
        {
            if (_byNumber.GetValueOrDefault(number) is { } entry)
            {
                Drop(entry);
            }
        }
    }

    private bool AddOne(LanFound found, in LanAddress address, in LanKey key, Func<NodeId, bool> isFavoured, TimeSpan now)
    {
        if (_entries.TryGetValue(key, out LanEntry? known))
        {
            bool vouchesNow = IsVouched(address) && !known.IsVouched;
            bool isNews = known.GoneAt is not null || vouchesNow;
            known.GoneAt = null;
            _gone.Clear(known.Number);
            known.From = IsVouched(address) || !known.IsVouched ? address.From : known.From;
            JoinService(known, found.Service);
            if (vouchesNow)
            {
                // From now on it is its own: it does not give way for what else the one who named it says.
                known.IsVouched = true;
                LeaveSource(known);
                known.Source = Source(SourceOf(address));
                known.Source.Entries.Add(known);
            }

            return isNews;
        }

        LanSourceKey sourceKey = SourceOf(address);
        if (!MakeRoomFor(found.Id, address, sourceKey, isFavoured))
        {
            return false;
        }

        LanHostKey hostKey = HostOf(key);
        if (!_hosts.TryGetValue(hostKey, out LanHost? host))
        {
            if (_hosts.Count >= MaxHosts && !ForgetHosts(now))
            {
                return false;
            }

            _hosts.Add(hostKey, host = new LanHost());
        }

        if (!_ids.TryGetValue(found.Id, out LanId? owner))
        {
            _ids.Add(found.Id, owner = new LanId(found.Id, found.Key));
        }

        int index = key.Interface;
        LanInterface heard = _interfaces.First(i => i.Index == index);
        LanEntry entry = new(key, LanRules.ToDial(address, heard, found.Id), ++_lastNumber, owner, Source(sourceKey), host)
        {
            From = address.From,
            IsVouched = IsVouched(address),
        };
        Register(entry);
        JoinService(entry, found.Service);
        return true;
    }

    // Of one id only so many, of them few by the word of one sender: else one sender could keep an id from being found where it is.
    private bool MakeRoomFor(NodeId id, in LanAddress address, in LanSourceKey source, Func<NodeId, bool> isFavoured)
    {
        bool vouched = IsVouched(address);
        if (_ids.TryGetValue(id, out LanId? owner))
        {
            LanSourceKey by = source;
            LanEntry[] same = [.. owner.Entries.Where(e => e.Source.Key == by)];
            if (same.Length >= MaxPerSourceAndId)
            {
                return vouched && TryDropWorst(same, alsoVouched: true);
            }

            if (owner.Entries.Count >= MaxPerId)
            {
                return TryDropWorst(owner.Entries, alsoVouched: vouched);
            }
        }

        return _entries.Count < MaxEntries || MakeRoom(id, vouched, source, isFavoured);
    }

    // Who has most gives way, by what led to nobody, then by its newest. Of several with as many it is drawn who: neither who comes first, nor who comes last, can be kept out by many
    // senders. A newcomer whose source has most takes the place of what that one has no better word for.
    private bool MakeRoom(NodeId id, bool isVouched, in LanSourceKey source, Func<NodeId, bool> isFavoured)
    {
        LanSource? mine = _sources.GetValueOrDefault(source);
        int own = mine?.Entries.Count ?? 0;
        long draw = random.NextInt64();
        LanSource largest = _sources.Values.MaxBy(s => (s.Entries.Count, (s.Number ^ draw) * Mixer))!;
        IEnumerable<LanEntry> from = own < largest.Entries.Count || isFavoured(id) ? largest.Entries : mine!.Entries.Where(e => e.Failures > 0 || (isVouched && !e.IsVouched));

        // Whom the mesh favours is asked last: it costs more than the order.
        LanEntry? worst = from.Where(static e => !e.IsDialling).OrderByDescending(static e => (e.Failures > 0, !e.IsVouched, e.Number)).FirstOrDefault(e => !isFavoured(e.Owner.Id));
        if (worst is null)
        {
            return false;
        }

        Drop(worst);
        return true;
    }

    private bool TryDropWorst(IReadOnlyList<LanEntry> among, bool alsoVouched = false)
    {
        LanEntry? worst = among
            .Where(e => !e.IsDialling && (!e.IsVouched || (alsoVouched && e.Failures > 0)))
            .OrderBy(e => e.GoneAt is null)
            .ThenBy(e => e.IsVouched)
            .ThenByDescending(e => e.Failures)
            .ThenByDescending(e => e.Number)
            .FirstOrDefault();
        if (worst is not null)
        {
            Drop(worst);
        }

        return worst is not null;
    }

    private void Register(LanEntry entry)
    {
        _entries.Add(entry.Key, entry);
        _byNumber.Add(entry.Number, entry);
        entry.Owner.Entries.Add(entry);
        entry.Source.Entries.Add(entry);
        entry.Host.Entries++;
    }

    private void Drop(LanEntry entry)
    {
        _gone.Clear(entry.Number);
        if (!_entries.Remove(entry.Key))
        {
            return;
        }

        _byNumber.Remove(entry.Number);
        foreach (string service in entry.Services.ToArray())
        {
            LeaveService(entry, service);
        }

        entry.Owner.Entries.Remove(entry);
        if (entry.Owner.Entries.Count == 0)
        {
            _ids.Remove(entry.Owner.Id);
        }

        entry.Host.Entries--;
        if (entry.Host is { Entries: 0, Vouched: 0, Named: 0, Ports.Count: 0, Proven.Count: 0 })
        {
            _hosts.Remove(HostOf(entry.Key));
        }

        LeaveSource(entry);
    }

    private void LeaveSource(LanEntry entry)
    {
        LanSource source = entry.Source;
        source.Entries.Remove(entry);

        // One that led to nobody is remembered for as long as there is room, or a flood would look new each time.
        if (source.Entries.Count > 0 || (source.Failures > 0 && _sources.Count <= MaxEntries))
        {
            return;
        }

        _sources.Remove(source.Key);
        if (source.Key.Address.Kind == AddressKeyKind.IPv6)
        {
            _ipv6Sources[source.Key.Interface]--;
        }
    }

    private LanSource Source(in LanSourceKey key)
    {
        if (_sources.TryGetValue(key, out LanSource? source))
        {
            return source;
        }

        if (key.Address.Kind == AddressKeyKind.IPv6)
        {
            _ipv6Sources[key.Interface] = _ipv6Sources.GetValueOrDefault(key.Interface) + 1;
        }

        source = new LanSource(key, ++_lastNumber);
        _sources.Add(key, source);
        return source;
    }

    private LanSourceKey SourceOf(in LanAddress address)
    {
        IPAddress from = LanRules.Bare(address.From);
        if (from.AddressFamily == AddressFamily.InterNetwork)
        {
            return new LanSourceKey(AddressKey.Prefix(from, 32), 0);
        }

        LanSourceKey whole = new(AddressKey.Prefix(from, 128), address.Interface);
        return _sources.ContainsKey(whole) || _ipv6Sources.GetValueOrDefault(address.Interface) < MaxIPv6Sources || ForgetIdleIPv6(address.Interface)
            ? whole
            : new LanSourceKey(default, address.Interface);
    }

    private bool ForgetIdleIPv6(int @interface)
    {
        LanSource? idle = _sources.Values
            .Where(s => s.Entries.Count == 0 && s.Key.Interface == @interface && s.Key.Address.Kind == AddressKeyKind.IPv6)
            .MinBy(s => s.Turn);
        if (idle is not null)
        {
            _sources.Remove(idle.Key);
            _ipv6Sources[@interface]--;
        }

        return idle is not null;
    }

    private void JoinService(LanEntry entry, string service)
    {
        if (entry.Services.Contains(service))
        {
            return;
        }

        if (entry.Services.Count >= MaxNames)
        {
            LeaveService(entry, entry.Services[0]);
        }

        if (!_byService.TryGetValue(service, out List<LanEntry>? list))
        {
            _byService.Add(service, list = []);
        }

        entry.Services.Add(service);
        list.Add(entry);
    }

    private void LeaveService(LanEntry entry, string service)
    {
        entry.Services.Remove(service);
        if (_byService.TryGetValue(service, out List<LanEntry>? list) && list.Remove(entry) && list.Count == 0)
        {
            _byService.Remove(service);
        }
    }

    private static bool IsVouched(in LanAddress address) => LanRules.Bare(address.Address).Equals(LanRules.Bare(address.From));

    private static LanKey KeyOf(NodeId id, in LanAddress address)
    {
        IPAddress bare = LanRules.Bare(address.Address);
        return new LanKey(id, bare, address.Port, address.Interface);
    }

    private static LanHostKey HostOf(in LanKey key) => new(key.Address, key.Address.IsIPv6LinkLocal ? key.Interface : 0);
}
